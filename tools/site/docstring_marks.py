"""What docstrings mark as Sphinx does, as the Markdown of the site."""

from __future__ import annotations

import re
from typing import Any

import griffe

import argosy

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_BEFORE_CODE = re.compile(r"(?<=\S)::$", re.MULTILINE)
_ALONE = re.compile(r"^\s*::$", re.MULTILINE)


class DocstringMarks(griffe.Extension):
    """Turns ``:func:`argosy.save_artifact` `` into a link, and two colons before an example into one."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Take a function, class or module that has been read."""
        if obj.docstring:
            text = _ALONE.sub("", _ROLE.sub(_link, obj.docstring.value))
            obj.docstring.value = _BEFORE_CODE.sub(":", text)


def _link(match: re.Match[str]) -> str:
    """Return a link to a public name, and any other name as code."""
    name = match[1]
    first, _, rest = name.partition(".")
    public = first == "argosy" and (rest.startswith("aio.") or rest.partition(".")[0] in argosy.__all__)
    return f"[`{name}`][{name}]" if public else f"`{name}`"

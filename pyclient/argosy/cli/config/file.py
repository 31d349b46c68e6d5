"""Changes one setting of the user's ``config.toml`` and nothing else of it: comments and blank lines stay.

The file is a flat list of settings, so that a line is found by its key. What comes out is read again before it is
written: where it does not say what it should, the file is left to its owner.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from argosy.errors import ConfigurationError


def change_setting(path: Path, key: str, value: Any) -> None:
    """Write a setting into a file, at once or not at all; make the file and its directory where they are not there.

    Args:
        path: the file.
        key: the setting.
        value: a text, number, truth or list of texts; ``None`` takes the setting out.

    Raises:
        ConfigurationError: the file is no TOML, or is written in a way that only its owner can change.
        OSError: it cannot be read or written.
    """
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    table = _read(before, path)
    expected = {
        **{name: item for name, item in table.items() if name != key},
        **({} if value is None else {key: value}),
    }
    after = _changed(before, key, None if value is None else f"{key} = {_literal(value)}")
    try:
        is_right = _read(after, path) == expected
    except ConfigurationError:
        is_right = False
    if not is_right:
        raise ConfigurationError(f"{path} says {key} in a way that is not changed by a command; edit it by hand")
    if after != before:
        _replace(path, after)


def _changed(text: str, key: str, line: str | None) -> str:
    """Return a text with another line for a key; a comment that ends the line stays."""
    said = re.compile(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=(?P<value>[^\n]*)\n?", re.MULTILINE)
    found = said.search(text)
    if found is None:
        if line is None:
            return text
        return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"
    if line is None:
        return text[: found.start()] + text[found.end() :]
    comment = re.search(r"[ \t]+#[^\"'\n]*$", found["value"])
    return f"{text[: found.start()]}{line}{comment[0] if comment else ''}\n{text[found.end() :]}"


def _literal(value: Any) -> str:
    # A JSON text, number, truth or list of texts is one of TOML, too; but for DEL, which JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(text: str, path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not a TOML file ({error}); correct it") from None


def _replace(path: Path, text: str) -> None:
    """Let a file have another text, whole whenever somebody reads it; a link stays a link."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

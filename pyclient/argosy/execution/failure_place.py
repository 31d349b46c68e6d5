"""Where in the user's own code an exception was raised."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

_OWN = str(Path(__file__).resolve().parent.parent)
_PYTHON = tuple(filter(None, (sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+), in (?P<function>.+)$', re.MULTILINE)


class Place(NamedTuple):
    """A line of code.

    Attributes:
        file: its file, or what stands for one (``<stdin>``).
        line: its number.
        function: the function it is in.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{_short(self.file)}:{self.line} in {self.function}"


def place_of(error: BaseException) -> Place | None:
    """Return the innermost line of the user's code that was running; ``None`` where none of a step or a body was.

    Of an exception from a worker process that is told by the text of its traceback, which is its cause.
    """
    found: Place | None = None
    is_inside = False  # whatever called the pipeline is the user's too, and did not raise
    for place in _frames(error):
        if place.file.startswith(_OWN):
            is_inside = True
        elif is_inside and _is_the_users(place.file):
            found = place
    return found


def _frames(error: BaseException) -> Iterator[Place]:
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        yield Place(code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
    if type(error.__cause__).__name__ == "RemoteTraceback":
        for match in _FRAME.finditer(str(error.__cause__)):
            yield Place(match["file"], int(match["line"]), match["function"])


def _is_the_users(file: str) -> bool:
    if file.startswith("<frozen"):
        return False
    return not file.startswith(_PYTHON) and not _INSTALLED.intersection(PurePath(file).parts)


def _short(file: str) -> str:
    """Return a path from the working directory on, where it is below that."""
    try:
        return str(PurePath(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file

"""Where in the user's own code an exception was raised."""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePath
from types import TracebackType
from typing import NamedTuple

_OWN = str(Path(__file__).resolve().parents[1]) + os.sep
_PYTHON = tuple(filter(None, (sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_COMPILED = frozenset({".pyx", ".pxi", ".pxd"})
"""Of what Cython has compiled: by such a path, without the folder it is in, libraries name their own lines."""
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


def without_callers(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the user's code on, without the frames that led there; all of it where none is of it."""
    left = trace
    while left is not None and not _is_the_users(left.tb_frame.f_code.co_filename):
        left = left.tb_next
    return left or trace


def _frames(error: BaseException) -> Iterator[Place]:
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        yield Place(code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
    if type(error.__cause__).__name__ == "RemoteTraceback":
        for match in _FRAME.finditer(str(error.__cause__)):
            yield Place(match["file"], int(match["line"]), match["function"])


def _is_ours_or_pythons(file: str) -> bool:
    return file.startswith((_OWN, "<frozen")) or (file.startswith(_PYTHON) and not _is_installed(file))


def _is_the_users(file: str) -> bool:
    return not _is_ours_or_pythons(file) and not _is_installed(file)


def _is_installed(file: str) -> bool:
    path = Path(file)
    return not _INSTALLED.isdisjoint(path.parts) or (path.suffix in _COMPILED and not path.is_file())


def _short(file: str) -> str:
    """Return a path from the working directory on, where it is below that."""
    try:
        return str(PurePath(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file

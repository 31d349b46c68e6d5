"""Where in the user's files something was written, for messages they can click on."""

from __future__ import annotations

import contextlib
import contextvars
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType

_OWN_PACKAGE = "argosy"
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = sys.stdlib_module_names - {"__main__"}


@dataclass(frozen=True)
class SourceLocation:
    """A line of a file; its text is ``file:line``."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_called_from: contextvars.ContextVar[SourceLocation | None] = contextvars.ContextVar("argosy_called_from", default=None)


def location_of(code: CodeType) -> SourceLocation:
    """Return where a function is defined; known without its source too."""
    return SourceLocation(code.co_filename, code.co_firstlineno)


def caller_frame() -> FrameType:
    """Return the innermost frame that is not Argosy's own."""
    frame = sys._getframe(1)
    while _is_own(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


@contextlib.contextmanager
def called_from(location: SourceLocation) -> Iterator[None]:
    """Say which line of the user's code threads work for that are given this context; they have no frame of it."""
    token = _called_from.set(location)
    try:
        yield
    finally:
        _called_from.reset(token)


def caller_location() -> SourceLocation:
    """Return the line of the user's code which is being executed, not of a library it called."""
    told = _called_from.get()
    if told is not None:
        return told
    frame: FrameType | None = caller_frame()
    innermost = frame
    while frame is not None and (_is_library(frame) or _is_own(frame)):
        frame = frame.f_back
    found = frame or innermost
    assert found is not None
    return SourceLocation(found.f_code.co_filename, found.f_lineno)


def is_of_library(module: str) -> bool:
    """Tell whether a module that was imported is of Python itself, was installed, or is Argosy's own."""
    root = module.partition(".")[0]
    file = str(getattr(sys.modules.get(module), "__file__", None) or "")
    return root in _STANDARD or root == _OWN_PACKAGE or any(part in file for part in _INSTALLED)


def _is_library(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    file = frame.f_code.co_filename
    return module.partition(".")[0] in _STANDARD or any(part in file for part in _INSTALLED)


def _is_own(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == _OWN_PACKAGE

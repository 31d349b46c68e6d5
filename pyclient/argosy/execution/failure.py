"""What is said and recorded about an exception that ended a step or a run."""

from __future__ import annotations

import contextlib

from argosy.errors import RunCancelledError
from argosy.graph.step_options import Retry
from argosy.v1.pipeline_pb2 import RunError

MAX_MESSAGE_BYTES = 4 << 10


def to_run_error(error: BaseException, invocation: str) -> RunError:
    """Describe an exception for the record; its text is cut to 4 KiB."""
    kind = type(error)
    try:
        message = str(error)
    except Exception as problem:  # __str__ is the user's code too
        message = f"(its text cannot be made: {type(problem).__name__})"
    cut = message.encode("utf-8", errors="replace")[:MAX_MESSAGE_BYTES].decode("utf-8", errors="ignore")
    return RunError(type=f"{kind.__module__}:{kind.__qualname__}", message=cut, invocation=invocation)


def error_text(kind: str, message: str, invocation: str = "") -> str:
    """Return how a recorded exception is told to people, who know its class without the module."""
    parts = [f"step {invocation!r}" if invocation else "", kind.rpartition(":")[2], message]
    return ": ".join(filter(None, parts))


def is_retried(retry: Retry | None, error: BaseException) -> bool:
    """Tell whether a step may be tried again after an exception; what stops a program or a run never is."""
    if retry is None or not isinstance(error, Exception) or isinstance(error, RunCancelledError):
        return False
    return isinstance(error, retry.on)


def add_note(error: BaseException, note: str) -> None:
    """Attach a line that is shown below the traceback (from Python 3.11 on) and kept in ``__notes__``."""
    with contextlib.suppress(Exception):  # an exception class may refuse attributes; its own text matters more
        if hasattr(error, "add_note"):
            error.add_note(note)
        else:
            notes: list[str] = getattr(error, "__notes__", [])
            error.__notes__ = [*notes, note]

"""Keeps a process that a step forks from going on as if it were the step."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")


def call_in_this_process(function: Callable[[], T]) -> T:
    """Call a function; a child that it forks ends where the call ends, and what becomes of it is the parent's to say.

    Raises:
        BaseException: what the function raised, in the process that called it.
    """
    process = os.getpid()
    try:
        result = function()
    except BaseException as error:
        if os.getpid() != process:
            _end(error)
        raise
    if os.getpid() != process:
        _end(None)
    return result


def _end(error: BaseException | None) -> NoReturn:
    """End the child as a program of its own would, but without what the parent does when it ends."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        traceback.print_exception(error)
        status = 1
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)

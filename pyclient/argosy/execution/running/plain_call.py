"""Steps that are called as plain functions: nothing of such a call is recorded, and its code need not know."""

from __future__ import annotations

import contextlib
import contextvars
import inspect
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Any

_outputs: contextvars.ContextVar[Collection[str] | None] = contextvars.ContextVar("argosy_plain_call", default=None)


def called_plainly(function: Callable[[], Any], outputs: Collection[str]) -> Any:
    """Call a step's function as it is; a coroutine it returns is still of this call when it is awaited.

    Args:
        function: calls it with its arguments.
        outputs: the names of the step's outputs.
    """
    with _entered(outputs):
        result = function()
    return _awaited(result, outputs) if inspect.iscoroutine(result) else result


def outputs_of_plain_call() -> Collection[str] | None:
    """Return the outputs of the step whose code runs here as a plain function, ``None`` outside of one."""
    return _outputs.get()


async def _awaited(result: Coroutine[Any, Any, Any], outputs: Collection[str]) -> Any:
    with _entered(outputs):
        return await result


@contextlib.contextmanager
def _entered(outputs: Collection[str]) -> Iterator[None]:
    token = _outputs.set(outputs)
    try:
        yield
    finally:
        _outputs.reset(token)

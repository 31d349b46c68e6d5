"""The message about what cannot be sent to a worker names who holds it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from argosy.runners.what_stays import holder_of_what_stays

LOCK = threading.Lock()
NUMBER = 3


def travels(value: object) -> bool:
    return not isinstance(value, type(LOCK)) and value not in (uses_global, uses_helper)


def uses_global() -> bool:
    return LOCK.locked() and NUMBER > 2


def uses_helper() -> bool:
    return uses_global()


def inside_of_a_list() -> list[bool]:
    return [(lambda: LOCK.locked())() for _ in range(2)]


def with_default(lock: object = LOCK) -> object:
    return lock


def in_closure() -> Callable[[], object]:
    mine = LOCK
    return lambda: mine


def harmless() -> int:
    return NUMBER


@pytest.mark.parametrize(
    ("function", "holder"),
    [
        (uses_global, "the global 'LOCK'"),
        (uses_helper, "the global 'LOCK' of function 'uses_global'"),
        (inside_of_a_list, "the global 'LOCK'"),
        (with_default, "the default of 'lock'"),
        (in_closure(), "the variable 'mine'"),
        (harmless, ""),
    ],
    ids=["global", "helper", "inside", "default", "closure", "nothing"],
)
def test_the_name_of_what_stays_is_found(function: Callable[..., object], holder: str) -> None:
    assert holder_of_what_stays(function, travels) == holder

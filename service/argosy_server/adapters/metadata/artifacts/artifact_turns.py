"""Turns at artifacts: whoever waits for another change of the same artifact has not written anything before.

Events of PostgreSQL stand in the order of the numbers of their transactions, for only so nobody misses one that commits
late. A transaction gets its number when it first writes. One that wrote something else, and then waited for another one
to change the same artifact, would have the lower number: its event would come before that of the change it followed,
and who follows an alias would end with the wrong version. Waiting for a lock of this kind gives no number.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from blake3 import blake3
from sqlalchemy import BigInteger, Select, bindparam, func, select

from argosy_server.adapters.metadata.connections.session import CLOCK, Session

MOST_LOCKS = 32
"""Whoever changes more artifacts at once waits for all others of the project: a server has few locks to give."""


@cache
def _lock_some(count: int) -> Select[Any]:
    keys = [bindparam(f"key_{number}", type_=BigInteger) for number in range(count)]
    return select(
        func.pg_advisory_xact_lock_shared(bindparam("of_project", type_=BigInteger)),
        *(func.pg_advisory_xact_lock(key) for key in keys),
        CLOCK,
    )


_LOCK_ALL = select(func.pg_advisory_xact_lock(bindparam("of_project", type_=BigInteger)), CLOCK)


def take_turn(session: Session, project: str, names: Collection[str]) -> None:
    """Wait until no other transaction changes artifacts of these names; none means all of the project."""
    if not session.locks:
        return  # a writer of SQLite is alone from its beginning
    # In one order, so two transactions never wait for each other.
    keys = sorted({_key(project, name) for name in names})
    of_project = {"of_project": _key(project, "")}
    if 0 < len(keys) <= MOST_LOCKS:
        of_names = {f"key_{number}": key for number, key in enumerate(keys)}
        # With the time, which is needed anyway: others wait for all that is asked from then on. Looked at when it is
        # our turn, it is later than what those before us have written, however long the answers take.
        session.ask_clock(_lock_some(len(keys)), {**of_project, **of_names})
    else:
        session.ask_clock(_LOCK_ALL, of_project)


def _key(project: str, name: str) -> int:
    return int.from_bytes(blake3(f"artifact:{project}:{name}".encode()).digest(length=8), "big", signed=True)

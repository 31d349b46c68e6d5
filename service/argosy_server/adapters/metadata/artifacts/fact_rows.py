"""The rows by which metadata finds its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete

from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.schema.tables import version_facts
from argosy_server.domain.json_value import value_digest

_INSERT = version_facts.insert()
_DROP = delete(version_facts).where(*(column == bindparam(f"p_{column.name}") for column in version_facts.columns))


def insert_facts(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of facts, as :func:`fact_rows` makes them; ``versions.metadata`` is written by the caller."""
    if rows:
        session.execute(_INSERT, rows)


def drop_facts(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remove rows of facts, as :func:`fact_rows` makes them."""
    # Named one by one: there is no index by version, which every save would have to pay for.
    if rows:
        session.execute(_DROP, [{f"p_{name}": value for name, value in row.items()} for row in rows])


def fact_rows(project: str, version_seq: int, metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of some facts."""
    return [
        {"project": project, "key": key, "value_digest": value_digest(text), "version_seq": version_seq}
        for key, text in metadata.items()
    ]

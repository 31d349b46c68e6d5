"""The rows by which metadata finds its versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete

from argosy_server.adapters.metadata.session import Session
from argosy_server.adapters.metadata.tables import version_facts
from argosy_server.domain.json_value import value_digest

_INSERT = version_facts.insert()
_FACTS = version_facts.c


def insert_facts(session: Session, project: str, version_seq: int, metadata: Mapping[str, str]) -> None:
    """Write the rows of facts a version did not have; ``versions.metadata`` is written by the caller."""
    if metadata:
        session.execute(_INSERT, fact_rows(project, version_seq, metadata))


def drop_facts(session: Session, project: str, version_seq: int, metadata: Mapping[str, str]) -> None:
    """Remove the rows of facts a version has."""
    # Named one by one: there is no index by version, which every save would have to pay for.
    for row in fact_rows(project, version_seq, metadata):
        session.execute(
            delete(version_facts).where(
                _FACTS.project == row["project"],
                _FACTS.key == row["key"],
                _FACTS.value_digest == row["value_digest"],
                _FACTS.version_seq == row["version_seq"],
            )
        )


def fact_rows(project: str, version_seq: int, metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of some facts."""
    return [
        {"project": project, "key": key, "value_digest": value_digest(text), "version_seq": version_seq}
        for key, text in metadata.items()
    ]

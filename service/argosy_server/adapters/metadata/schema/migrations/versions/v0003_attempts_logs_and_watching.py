"""Attempts, resumed runs, reservations, logs, descriptions, and where events begin, and finding versions by fact."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from argosy_server.domain.json_value import value_digest

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_STEP_RUN = (["project", "step_run_id"], ["step_runs.project", "step_runs.id"])


def _count(name: str, default: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=default, nullable=False)


def _text(name: str, default: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, server_default=default, nullable=False)


def upgrade() -> None:
    op.add_column("store", _count("events_removed_xid", "0"))
    op.add_column("store", _count("events_removed_seq", "0"))
    op.add_column("runs", _text("driver_token", ""))
    op.add_column("runs", _count("epoch", "1"))
    op.add_column("runs", _text("entry_point", ""))
    op.add_column("runs", sa.Column("resumed_at", sa.BigInteger(), nullable=True))
    op.add_column("step_runs", _count("attempt", "1"))
    op.add_column("step_runs", _count("epoch", "1"))
    op.add_column("step_runs", _text("metadata", "{}"))
    op.add_column("step_runs", _text("upstream", "[]"))
    op.add_column("step_runs", sa.Column("evicted_at", sa.BigInteger(), nullable=True))
    op.add_column("versions", _text("description", ""))
    op.add_column("versions", _count("step_attempt", "0"))
    op.add_column("versions", _text("pipeline_name", ""))
    op.add_column("step_versions", _count("attempt", "1"))
    op.add_column("step_inputs", _count("attempt", "1"))
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_events_order", "events", ["xid", "seq"], unique=False)
    _create_cached_from_index()
    _find_previous_among_cached()
    _create_step_attempts()
    _create_reservations()
    _create_step_logs()
    _create_version_facts()
    _find_live_versions()
    _tell_external_inputs_apart()


def _create_cached_from_index() -> None:
    condition = sa.text("cached_from <> ''")
    op.create_index(
        "ix_step_runs_cached_from",
        "step_runs",
        ["project", "cached_from"],
        unique=False,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _find_previous_among_cached() -> None:
    condition = sa.text("state IN ('completed', 'cached') AND cache_key <> ''")
    op.drop_index("ix_step_runs_previous", table_name="step_runs")
    op.create_index(
        "ix_step_runs_previous",
        "step_runs",
        ["project", "pipeline_name", "step_name", "seq"],
        unique=False,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _create_step_attempts() -> None:
    op.create_table(
        "step_attempts",
        sa.Column("project", _TEXT, nullable=False),
        sa.Column("step_run_id", _TEXT, nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("error", _TEXT, nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(*_STEP_RUN, name=op.f("fk_step_attempts_project_step_run_id")),
        sa.PrimaryKeyConstraint("project", "step_run_id", "attempt", name=op.f("pk_step_attempts")),
    )


def _create_reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("project", _TEXT, nullable=False),
        sa.Column("cache_key", _TEXT, nullable=False),
        sa.Column("step_run_id", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            *_STEP_RUN,
            name=op.f("fk_reservations_project_step_run_id"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("project", "cache_key", name=op.f("pk_reservations")),
    )
    op.create_index("ix_reservations_step_run", "reservations", ["project", "step_run_id"], unique=False)


def _create_step_logs() -> None:
    op.create_table(
        "step_logs",
        sa.Column("project", _TEXT, nullable=False),
        sa.Column("step_run_id", _TEXT, nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("next_line", sa.BigInteger(), nullable=False),
        sa.Column("is_last", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(*_STEP_RUN, name=op.f("fk_step_logs_project_step_run_id")),
        sa.PrimaryKeyConstraint("project", "step_run_id", "attempt", "batch", name=op.f("pk_step_logs")),
    )


def _create_version_facts() -> None:
    facts = op.create_table(
        "version_facts",
        sa.Column("project", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("value_digest", sa.LargeBinary(), nullable=False),
        sa.Column("version_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["version_seq"], ["versions.seq"], name=op.f("fk_version_facts_version_seq")),
        sa.PrimaryKeyConstraint("project", "key", "value_digest", "version_seq", name=op.f("pk_version_facts")),
        sqlite_with_rowid=False,
    )
    rows = op.get_bind().execute(sa.text("SELECT project, seq, metadata FROM versions WHERE metadata <> '{}'"))
    while some := rows.fetchmany(1000):
        op.bulk_insert(
            facts,
            [
                {"project": row.project, "key": key, "value_digest": value_digest(text), "version_seq": row.seq}
                for row in some
                for key, text in json.loads(row.metadata).items()
            ],
        )


def _find_live_versions() -> None:
    op.execute(
        "UPDATE versions SET pipeline_name = coalesce((SELECT s.pipeline_name FROM step_runs s"
        " WHERE s.project = versions.project AND s.id = versions.step_run_id), '') WHERE step_run_id IS NOT NULL"
    )
    for name in ("ix_versions_artifact_seq", "ix_versions_project_seq", "ix_versions_project_created_at"):
        op.drop_index(name, table_name="versions")
    _index_live("ix_versions_artifact_seq", ["artifact_seq", "seq"])
    _index_live("ix_versions_project_seq", ["project", "seq"])
    _index_live("ix_versions_project_created_at", ["project", "created_at", "seq"])
    _index_live("ix_versions_pipeline_seq", ["project", "pipeline_name", "seq"])


def _tell_external_inputs_apart() -> None:
    op.execute(
        "UPDATE step_versions SET role = 'external' WHERE role = 'input' AND EXISTS (SELECT 1 FROM step_inputs i"
        " WHERE i.project = step_versions.project AND i.step_run_id = step_versions.step_run_id"
        " AND i.position = step_versions.position AND i.kind = 'external')"
    )


def _index_live(name: str, columns: list[str]) -> None:
    live = sa.text("deleted_at IS NULL")
    op.create_index(name, "versions", columns, unique=False, sqlite_where=live, postgresql_where=live)

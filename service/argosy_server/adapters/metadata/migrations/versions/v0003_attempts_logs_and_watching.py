"""Attempts, resumed runs, reservations, logs, descriptions, and the end of the events that were forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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
    op.add_column("step_versions", _count("attempt", "1"))
    op.add_column("step_inputs", _count("attempt", "1"))
    _create_cached_from_index()
    _create_step_attempts()
    _create_reservations()
    _create_step_logs()


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
        sa.ForeignKeyConstraint(*_STEP_RUN, name=op.f("fk_reservations_project_step_run_id")),
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
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("dropped_lines", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(*_STEP_RUN, name=op.f("fk_step_logs_project_step_run_id")),
        sa.PrimaryKeyConstraint("project", "step_run_id", "attempt", "batch", name=op.f("pk_step_logs")),
    )

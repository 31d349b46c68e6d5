"""The tables. Times are microseconds since 1970 in UTC, ids are UUIDs as text, mappings and lists are JSON as text.

``seq`` columns give the order of creation. Every table carries the project and foreign keys include it, so a row
cannot refer to another project's. A change here needs a migration; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

STORED_OUTSIDE = text("location <> ''")
"""Blobs with a location of their own. As a condition it must be written as in the index, or the index is not used."""
REUSABLE = text("state = 'completed' AND cache_key <> ''")
"""Step runs the cache may reuse; see above."""

_BIG = BigInteger()
_SEQ = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers only a column of type INTEGER by itself."""
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared and sorted by the bytes of UTF-8, as SQLite does anyway."""


def _seq() -> Column[int]:
    return Column("seq", _SEQ, primary_key=True, autoincrement=True)


def _text(name: str) -> Column[str]:
    return Column(name, _TEXT, nullable=False)


def _optional_text(name: str) -> Column[str | None]:
    return Column(name, _TEXT, nullable=True)


def _big(name: str) -> Column[int]:
    return Column(name, _BIG, nullable=False)


def _optional_big(name: str) -> Column[int | None]:
    return Column(name, _BIG, nullable=True)


store = Table("store", metadata, Column("id", _TEXT, primary_key=True), _big("created_at"))

blobs = Table(
    "blobs",
    metadata,
    Column("project", _TEXT, primary_key=True),
    Column("digest", _TEXT, primary_key=True),
    _big("size"),
    _text("location"),
    Column("pieces", LargeBinary, nullable=False),
    _text("state"),
    _big("lease_expires_at"),
    Index("ix_blobs_state_lease", "state", "lease_expires_at"),
    Index(
        "ux_blobs_location",
        "location",
        unique=True,
        sqlite_where=STORED_OUTSIDE,
    ),
    Index("ix_blobs_size", "project", "size", sqlite_where=STORED_OUTSIDE),
)

blob_contents = Table(
    "blob_contents",
    metadata,
    Column("project", _TEXT, primary_key=True),
    Column("digest", _TEXT, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["project", "digest"], ["blobs.project", "blobs.digest"]),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", _TEXT, primary_key=True),
    _text("project"),
    _text("state"),
    _text("writer"),
    _big("size"),
    _optional_text("digest"),
    Column("pieces", LargeBinary, nullable=False),
    _big("expires_at"),
    Column("epoch", _BIG, nullable=False, server_default="0"),
    Index("ix_uploads_expires_at", "expires_at"),
)

artifacts = Table(
    "artifacts",
    metadata,
    _seq(),
    _text("project"),
    _text("name"),
    _text("folded_name"),
    _big("last_number"),
    _big("last_ordinal"),
    UniqueConstraint("project", "name"),
    UniqueConstraint("seq", "project"),
)

runs = Table(
    "runs",
    metadata,
    _seq(),
    _text("id"),
    _text("project"),
    _text("pipeline_name"),
    _text("name"),
    _text("state"),
    _text("parameters"),
    _optional_text("error"),
    _big("created_at"),
    _optional_big("ended_at"),
    _big("lease_expires_at"),
    Column("cancel_requested", Boolean, nullable=False),
    UniqueConstraint("id", "project"),
    Index(
        "ux_runs_name",
        "project",
        "name",
        unique=True,
        sqlite_where=text("state <> 'abandoned'"),
    ),
    Index("ix_runs_project_name_seq", "project", "name", "seq"),
    Index("ix_runs_project_seq", "project", "seq"),
    Index("ix_runs_pipeline_seq", "project", "pipeline_name", "seq"),
    Index("ix_runs_pipeline_ended", "project", "pipeline_name", "state", "ended_at", "seq"),
)

step_runs = Table(
    "step_runs",
    metadata,
    _seq(),
    _text("id"),
    _text("project"),
    _text("run_id"),
    _text("pipeline_name"),
    _text("invocation"),
    _text("step_name"),
    _text("state"),
    _text("attempt_token"),
    _text("parameters"),
    _text("cache_key"),
    _text("cache_key_parts"),
    _text("cached_from"),
    _text("cache_miss"),
    _optional_text("error"),
    _big("started_at"),
    _optional_big("ended_at"),
    UniqueConstraint("id", "project"),
    UniqueConstraint("project", "run_id", "invocation"),
    ForeignKeyConstraint(["project", "run_id"], ["runs.project", "runs.id"]),
    Index(
        "ix_step_runs_cache_key",
        "project",
        "cache_key",
        "seq",
        sqlite_where=REUSABLE,
    ),
    Index(
        "ix_step_runs_previous",
        "project",
        "pipeline_name",
        "step_name",
        "seq",
        sqlite_where=REUSABLE,
    ),
)

versions = Table(
    "versions",
    metadata,
    _seq(),
    _text("id"),
    _text("project"),
    _big("artifact_seq"),
    _text("label"),
    _big("ordinal"),
    _text("data_type"),
    _text("format"),
    _text("materializer"),
    _text("kind"),
    Column("named", Boolean, nullable=False),
    _text("metadata"),
    _text("tags"),
    _big("file_count"),
    _big("size"),
    _text("content_digest"),
    _big("created_at"),
    _optional_big("deleted_at"),
    _big("revision"),
    _optional_text("step_run_id"),
    _text("output_name"),
    UniqueConstraint("id", "project"),
    UniqueConstraint("artifact_seq", "label"),
    UniqueConstraint("artifact_seq", "ordinal"),
    ForeignKeyConstraint(["project", "artifact_seq"], ["artifacts.project", "artifacts.seq"]),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
    Index(
        "ix_versions_live",
        "artifact_seq",
        "ordinal",
        sqlite_where=text("deleted_at IS NULL"),
    ),
    Index("ix_versions_artifact_seq", "artifact_seq", "seq"),
    Index("ix_versions_project_seq", "project", "seq"),
    Index("ix_versions_project_created_at", "project", "created_at"),
    Index("ix_versions_step_run", "project", "step_run_id"),
)

version_files = Table(
    "version_files",
    metadata,
    Column("version_seq", _BIG, primary_key=True),
    Column("path", _TEXT, primary_key=True),
    _text("project"),
    _text("digest"),
    _big("size"),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    ForeignKeyConstraint(["project", "digest"], ["blobs.project", "blobs.digest"]),
    Index("ix_version_files_blob", "project", "digest"),
)

version_tags = Table(
    "version_tags",
    metadata,
    Column("project", _TEXT, primary_key=True),
    Column("tag", _TEXT, primary_key=True),
    Column("version_seq", _BIG, primary_key=True),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    Index("ix_version_tags_version_seq", "version_seq"),
)
"""The tags of ``versions.tags`` once more, so that a tag finds its versions; both are written by one function."""

aliases = Table(
    "aliases",
    metadata,
    Column("artifact_seq", _BIG, primary_key=True),
    Column("alias", _TEXT, primary_key=True),
    _big("version_seq"),
    ForeignKeyConstraint(["artifact_seq"], ["artifacts.seq"]),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    Index("ix_aliases_version_seq", "version_seq"),
)

step_inputs = Table(
    "step_inputs",
    metadata,
    Column("project", _TEXT, primary_key=True),
    Column("step_run_id", _TEXT, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("name"),
    _text("kind"),
    Column("is_list", Boolean, nullable=False),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
)

step_versions = Table(
    "step_versions",
    metadata,
    _seq(),
    _text("project"),
    _text("step_run_id"),
    _text("role"),
    Column("position", Integer, nullable=False),
    _text("name"),
    _text("version_id"),
    _optional_text("selector"),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
    ForeignKeyConstraint(["project", "version_id"], ["versions.project", "versions.id"]),
    Index("ix_step_versions_step", "project", "step_run_id", "seq"),
    Index("ix_step_versions_version", "project", "version_id"),
)
"""Lineage: ``role`` is input, output, saved or loaded; ``position`` the number of the input a version belongs to."""

replies = Table(
    "replies",
    metadata,
    Column("project", _TEXT, primary_key=True),
    Column("request_id", _TEXT, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("reply", LargeBinary, nullable=False),
    _big("created_at"),
    Index("ix_replies_created_at", "created_at"),
)

events = Table(
    "events",
    metadata,
    _seq(),
    _big("xid"),
    _text("project"),
    _text("kind"),
    _text("payload"),
    _big("created_at"),
    Index("ix_events_project_order", "project", "xid", "seq"),
    Index("ix_events_created_at", "created_at"),
    sqlite_autoincrement=True,
)
"""``xid`` is PostgreSQL's transaction id, by which readers leave out what may still commit late; 0 on SQLite, where
writers come one after another and ``seq`` alone is the order. Numbers are not used twice, also after old rows go."""


def share_conditions_with_postgresql() -> None:
    """Make the partial indexes partial on PostgreSQL too.

    Said at each index it would load that dialect wherever the tables are, also where all is SQLite: 40 ms.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            if condition is not None:
                index.dialect_options["postgresql"]["where"] = condition

"""The tables. Times are microseconds since 1970 in UTC, ids are UUIDs as text, mappings and lists are JSON as text.

``seq`` columns give the order of creation. Every table carries the project and foreign keys include it, so a row
cannot refer to another project's. A change here needs a migration; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

from argosy_server.adapters.metadata.schema.columns import (
    BIG,
    TEXT,
    big,
    count,
    later_text,
    optional_big,
    optional_text,
    seq,
    text_column,
)
from argosy_server.adapters.metadata.schema.columns import (
    metadata as metadata,
)

STORED_OUTSIDE = text("location <> ''")
"""Blobs with a location of their own. As a condition it must be written as in the index, or the index is not used."""
REUSABLE = text("state = 'completed' AND cache_key <> ''")
"""Step runs the cache may reuse; see above."""
KEYED = text("state IN ('completed', 'cached') AND cache_key <> ''")
"""Step runs whose cache key was right, whoever made their outputs; see above."""
LIVE = text("deleted_at IS NULL")
"""Versions that are no tombstones; see above."""
TAKEN_FROM_CACHE = text("cached_from <> ''")
"""Step runs whose outputs were made by another one; see above."""

store = Table(
    "store",
    metadata,
    Column("id", TEXT, primary_key=True),
    big("created_at"),
    count("events_removed_xid", "0"),
    count("events_removed_seq", "0"),
    later_text("epoch", ""),
    later_text("events_origin", ""),
    later_text("closed", ""),
    later_text("restored_from", ""),
)
"""``events_removed_*`` is the newest event that was forgotten: cursors before it have expired, as have those of another
``epoch``. ``events_origin`` is the cluster, timeline and database of PostgreSQL that number the events, ``""`` on
SQLite. ``closed`` says why the store takes nothing, ``""`` when it does. ``restored_from`` is the ``events_origin`` of
a database that was restored, where another one may still use the same bytes, until an operator says that none does."""

blobs = Table(
    "blobs",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("digest", TEXT, primary_key=True),
    big("size"),
    text_column("location"),
    Column("pieces", LargeBinary, nullable=False),
    text_column("state"),
    big("lease_expires_at"),
    Index("ix_blobs_state_lease", "state", "lease_expires_at"),
    Index("ux_blobs_location", "location", unique=True, sqlite_where=STORED_OUTSIDE),
    Index("ix_blobs_size", "project", "size", sqlite_where=STORED_OUTSIDE),
)

blob_contents = Table(
    "blob_contents",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("digest", TEXT, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["project", "digest"], ["blobs.project", "blobs.digest"]),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", TEXT, primary_key=True),
    text_column("project"),
    text_column("state"),
    text_column("writer"),
    big("size"),
    optional_text("digest"),
    Column("pieces", LargeBinary, nullable=False),
    big("expires_at"),
    count("epoch", "0"),
    Index("ix_uploads_expires_at", "expires_at"),
)

artifacts = Table(
    "artifacts",
    metadata,
    seq(),
    text_column("project"),
    text_column("name"),
    text_column("folded_name"),
    big("last_number"),
    big("last_ordinal"),
    UniqueConstraint("project", "name"),
    UniqueConstraint("seq", "project"),
)

runs = Table(
    "runs",
    metadata,
    seq(),
    text_column("id"),
    text_column("project"),
    text_column("pipeline_name"),
    text_column("name"),
    text_column("state"),
    text_column("parameters"),
    optional_text("error"),
    big("created_at"),
    optional_big("ended_at"),
    big("lease_expires_at"),
    Column("cancel_requested", Boolean, nullable=False),
    later_text("driver_token", ""),
    count("epoch", "1"),
    later_text("entry_point", ""),
    optional_big("resumed_at"),
    UniqueConstraint("id", "project"),
    Index("ux_runs_name", "project", "name", unique=True, sqlite_where=text("state <> 'abandoned'")),
    Index("ix_runs_project_name_seq", "project", "name", "seq"),
    Index("ix_runs_project_seq", "project", "seq"),
    Index("ix_runs_pipeline_seq", "project", "pipeline_name", "seq"),
    Index("ix_runs_pipeline_ended", "project", "pipeline_name", "state", "ended_at", "seq"),
)

step_runs = Table(
    "step_runs",
    metadata,
    seq(),
    text_column("id"),
    text_column("project"),
    text_column("run_id"),
    text_column("pipeline_name"),
    text_column("invocation"),
    text_column("step_name"),
    text_column("state"),
    text_column("attempt_token"),
    text_column("parameters"),
    text_column("cache_key"),
    text_column("cache_key_parts"),
    text_column("cached_from"),
    text_column("cache_miss"),
    optional_text("error"),
    big("started_at"),
    optional_big("ended_at"),
    count("attempt", "1"),
    count("epoch", "1"),
    later_text("metadata", "{}"),
    later_text("upstream", "[]"),
    optional_big("evicted_at"),
    UniqueConstraint("id", "project"),
    UniqueConstraint("project", "run_id", "invocation"),
    ForeignKeyConstraint(["project", "run_id"], ["runs.project", "runs.id"]),
    Index("ix_step_runs_cache_key", "project", "cache_key", "seq", sqlite_where=REUSABLE),
    Index("ix_step_runs_previous", "project", "pipeline_name", "step_name", "seq", sqlite_where=KEYED),
    Index("ix_step_runs_cached_from", "project", "cached_from", sqlite_where=TAKEN_FROM_CACHE),
)

step_attempts = Table(
    "step_attempts",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("step_run_id", TEXT, primary_key=True),
    Column("attempt", BIG, primary_key=True, autoincrement=False),
    optional_text("error"),
    big("started_at"),
    big("ended_at"),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
)
"""Attempts that were followed by another one; the last one is the row of ``step_runs`` itself."""

reservations = Table(
    "reservations",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("cache_key", TEXT, primary_key=True),
    text_column("step_run_id"),
    # Checked at the end, for the key is reserved before the step run is added.
    ForeignKeyConstraint(
        ["project", "step_run_id"],
        ["step_runs.project", "step_runs.id"],
        deferrable=True,
        initially="DEFERRED",
    ),
    Index("ix_reservations_step_run", "project", "step_run_id"),
)
"""Which running step computes a cache key, so that no other one does. It counts only while its run is alive."""

step_logs = Table(
    "step_logs",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("step_run_id", TEXT, primary_key=True),
    Column("attempt", BIG, primary_key=True, autoincrement=False),
    Column("batch", BIG, primary_key=True, autoincrement=False),
    big("start"),
    big("size"),
    big("first_line"),
    big("next_line"),
    Column("is_last", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
)
"""What steps printed: batches, compressed, under the number of the last of them. ``start`` counts the bytes before it,
``first_line`` the lines, dropped ones too. The content comes last: it need not be read to know the rest."""

versions = Table(
    "versions",
    metadata,
    seq(),
    text_column("id"),
    text_column("project"),
    big("artifact_seq"),
    text_column("label"),
    big("ordinal"),
    text_column("data_type"),
    text_column("format"),
    text_column("materializer"),
    text_column("kind"),
    Column("named", Boolean, nullable=False),
    text_column("metadata"),
    text_column("tags"),
    big("file_count"),
    big("size"),
    text_column("content_digest"),
    big("created_at"),
    optional_big("deleted_at"),
    big("revision"),
    optional_text("step_run_id"),
    text_column("output_name"),
    later_text("description", ""),
    count("step_attempt", "0"),
    later_text("pipeline_name", ""),
    UniqueConstraint("id", "project"),
    UniqueConstraint("artifact_seq", "label"),
    UniqueConstraint("artifact_seq", "ordinal"),
    ForeignKeyConstraint(["project", "artifact_seq"], ["artifacts.project", "artifacts.seq"]),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
    Index("ix_versions_live", "artifact_seq", "ordinal", sqlite_where=LIVE),
    Index("ix_versions_artifact_seq", "artifact_seq", "seq", sqlite_where=LIVE),
    Index("ix_versions_project_seq", "project", "seq", sqlite_where=LIVE),
    Index("ix_versions_project_created_at", "project", "created_at", "seq", sqlite_where=LIVE),
    Index("ix_versions_pipeline_seq", "project", "pipeline_name", "seq", sqlite_where=LIVE),
    Index("ix_versions_step_run", "project", "step_run_id"),
)

version_files = Table(
    "version_files",
    metadata,
    Column("version_seq", BIG, primary_key=True),
    Column("path", TEXT, primary_key=True),
    text_column("project"),
    text_column("digest"),
    big("size"),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    ForeignKeyConstraint(["project", "digest"], ["blobs.project", "blobs.digest"]),
    Index("ix_version_files_blob", "project", "digest"),
)

version_tags = Table(
    "version_tags",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("tag", TEXT, primary_key=True),
    Column("version_seq", BIG, primary_key=True),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    Index("ix_version_tags_version_seq", "version_seq"),
)
"""The tags of ``versions.tags`` once more, so that a tag finds its versions; both are written by one function."""

version_facts = Table(
    "version_facts",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("value_digest", LargeBinary, primary_key=True),
    Column("version_seq", BIG, primary_key=True),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    sqlite_with_rowid=False,
)
"""The metadata of ``versions.metadata`` once more, so that a fact finds its versions; equal JSON values have equal
digests. Both are written together, as with tags."""

aliases = Table(
    "aliases",
    metadata,
    Column("artifact_seq", BIG, primary_key=True),
    Column("alias", TEXT, primary_key=True),
    big("version_seq"),
    ForeignKeyConstraint(["artifact_seq"], ["artifacts.seq"]),
    ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    Index("ix_aliases_version_seq", "version_seq"),
)

step_inputs = Table(
    "step_inputs",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("step_run_id", TEXT, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    text_column("name"),
    text_column("kind"),
    Column("is_list", Boolean, nullable=False),
    count("attempt", "1"),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
)

step_versions = Table(
    "step_versions",
    metadata,
    seq(),
    text_column("project"),
    text_column("step_run_id"),
    text_column("role"),
    Column("position", Integer, nullable=False),
    text_column("name"),
    text_column("version_id"),
    optional_text("selector"),
    count("attempt", "1"),
    ForeignKeyConstraint(["project", "step_run_id"], ["step_runs.project", "step_runs.id"]),
    ForeignKeyConstraint(["project", "version_id"], ["versions.project", "versions.id"]),
    Index("ix_step_versions_step", "project", "step_run_id", "seq"),
    Index("ix_step_versions_version", "project", "version_id"),
)
"""Lineage: ``role`` is input (the output of another step), external (an input too), output, saved or loaded;
``position`` the number of the input a version belongs to.

``attempt`` is the one that was given, made or loaded the version: what is tried again is given its inputs again. A step
that starts again in a resumed run is given them anew: what it was given before stays here, but not in ``step_inputs``,
whose ``attempt`` is the first that was given what stands there."""

replies = Table(
    "replies",
    metadata,
    Column("project", TEXT, primary_key=True),
    Column("request_id", TEXT, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("reply", LargeBinary, nullable=False),
    big("created_at"),
    Index("ix_replies_created_at", "created_at"),
)

EVENTS_ORDER = "ix_events_order"
events = Table(
    "events",
    metadata,
    seq(),
    big("xid"),
    text_column("project"),
    text_column("kind"),
    text_column("payload"),
    big("created_at"),
    Index("ix_events_project_order", "project", "xid", "seq"),
    Index("ix_events_created_at", "created_at"),
    # On SQLite the number of the row is the order already.
    Index(EVENTS_ORDER, "xid", "seq").ddl_if(dialect="postgresql"),
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

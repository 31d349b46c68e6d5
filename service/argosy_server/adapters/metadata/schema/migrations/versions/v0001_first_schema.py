"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger()
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("folded_name", TEXT, nullable=False),
        sa.Column("last_number", BIG, nullable=False),
        sa.Column("last_ordinal", BIG, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_artifacts_project_name")),
        sa.UniqueConstraint("seq", "project", name=op.f("uq_artifacts_seq_project")),
    )
    op.create_table(
        "blobs",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("location", TEXT, nullable=False),
        sa.Column("pieces", sa.LargeBinary(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("lease_expires_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name=op.f("pk_blobs")),
    )
    op.create_index("ix_blobs_state_lease", "blobs", ["state", "lease_expires_at"], unique=False)
    op.create_index(
        "ux_blobs_location",
        "blobs",
        ["location"],
        unique=True,
        sqlite_where=sa.text("location <> ''"),
        postgresql_where=sa.text("location <> ''"),
    )
    op.create_table(
        "events",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("xid", BIG, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_created_at", "events", ["created_at"], unique=False)
    op.create_index("ix_events_project_order", "events", ["project", "xid", "seq"], unique=False)
    op.create_table(
        "replies",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("reply", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("project", "request_id", name=op.f("pk_replies")),
    )
    op.create_index("ix_replies_created_at", "replies", ["created_at"], unique=False)
    op.create_table(
        "runs",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("pipeline_name", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("parameters", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("lease_expires_at", BIG, nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_runs")),
        sa.UniqueConstraint("id", "project", name=op.f("uq_runs_id_project")),
    )
    op.create_index(
        "ix_runs_pipeline_ended", "runs", ["project", "pipeline_name", "state", "ended_at", "seq"], unique=False
    )
    op.create_index("ix_runs_pipeline_seq", "runs", ["project", "pipeline_name", "seq"], unique=False)
    op.create_index("ix_runs_project_name_seq", "runs", ["project", "name", "seq"], unique=False)
    op.create_index("ix_runs_project_seq", "runs", ["project", "seq"], unique=False)
    op.create_index(
        "ux_runs_name",
        "runs",
        ["project", "name"],
        unique=True,
        sqlite_where=sa.text("state <> 'abandoned'"),
        postgresql_where=sa.text("state <> 'abandoned'"),
    )
    op.create_table(
        "store",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("writer", TEXT, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("digest", TEXT, nullable=True),
        sa.Column("pieces", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"], unique=False)
    op.create_table(
        "blob_contents",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "digest"], ["blobs.project", "blobs.digest"], name=op.f("fk_blob_contents_project_digest")
        ),
        sa.PrimaryKeyConstraint("project", "digest", name=op.f("pk_blob_contents")),
    )
    op.create_table(
        "step_runs",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("pipeline_name", TEXT, nullable=False),
        sa.Column("invocation", TEXT, nullable=False),
        sa.Column("step_name", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempt_token", TEXT, nullable=False),
        sa.Column("parameters", TEXT, nullable=False),
        sa.Column("cache_key", TEXT, nullable=False),
        sa.Column("cache_key_parts", TEXT, nullable=False),
        sa.Column("cached_from", TEXT, nullable=False),
        sa.Column("cache_miss", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["project", "run_id"], ["runs.project", "runs.id"], name=op.f("fk_step_runs_project_run_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_step_runs")),
        sa.UniqueConstraint("id", "project", name=op.f("uq_step_runs_id_project")),
        sa.UniqueConstraint("project", "run_id", "invocation", name=op.f("uq_step_runs_project_run_id_invocation")),
    )
    op.create_index(
        "ix_step_runs_cache_key",
        "step_runs",
        ["project", "cache_key", "seq"],
        unique=False,
        sqlite_where=sa.text("state = 'completed' AND cache_key <> ''"),
        postgresql_where=sa.text("state = 'completed' AND cache_key <> ''"),
    )
    op.create_index(
        "ix_step_runs_previous",
        "step_runs",
        ["project", "pipeline_name", "step_name", "seq"],
        unique=False,
        sqlite_where=sa.text("state = 'completed' AND cache_key <> ''"),
        postgresql_where=sa.text("state = 'completed' AND cache_key <> ''"),
    )
    op.create_table(
        "step_inputs",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("step_run_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("is_list", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "step_run_id"],
            ["step_runs.project", "step_runs.id"],
            name=op.f("fk_step_inputs_project_step_run_id"),
        ),
        sa.PrimaryKeyConstraint("project", "step_run_id", "position", name=op.f("pk_step_inputs")),
    )
    op.create_table(
        "versions",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("artifact_seq", BIG, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("ordinal", BIG, nullable=False),
        sa.Column("data_type", TEXT, nullable=False),
        sa.Column("format", TEXT, nullable=False),
        sa.Column("materializer", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("metadata", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("file_count", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("content_digest", TEXT, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("deleted_at", BIG, nullable=True),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("step_run_id", TEXT, nullable=True),
        sa.Column("output_name", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "artifact_seq"],
            ["artifacts.project", "artifacts.seq"],
            name=op.f("fk_versions_project_artifact_seq"),
        ),
        sa.ForeignKeyConstraint(
            ["project", "step_run_id"],
            ["step_runs.project", "step_runs.id"],
            name=op.f("fk_versions_project_step_run_id"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_versions")),
        sa.UniqueConstraint("artifact_seq", "label", name=op.f("uq_versions_artifact_seq_label")),
        sa.UniqueConstraint("artifact_seq", "ordinal", name=op.f("uq_versions_artifact_seq_ordinal")),
        sa.UniqueConstraint("id", "project", name=op.f("uq_versions_id_project")),
    )
    op.create_index("ix_versions_artifact_seq", "versions", ["artifact_seq", "seq"], unique=False)
    op.create_index(
        "ix_versions_live",
        "versions",
        ["artifact_seq", "ordinal"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_versions_project_created_at", "versions", ["project", "created_at"], unique=False)
    op.create_index("ix_versions_project_seq", "versions", ["project", "seq"], unique=False)
    op.create_index("ix_versions_step_run", "versions", ["project", "step_run_id"], unique=False)
    op.create_table(
        "aliases",
        sa.Column("artifact_seq", BIG, nullable=False),
        sa.Column("alias", TEXT, nullable=False),
        sa.Column("version_seq", BIG, nullable=False),
        sa.ForeignKeyConstraint(["artifact_seq"], ["artifacts.seq"], name=op.f("fk_aliases_artifact_seq")),
        sa.ForeignKeyConstraint(["version_seq"], ["versions.seq"], name=op.f("fk_aliases_version_seq")),
        sa.PrimaryKeyConstraint("artifact_seq", "alias", name=op.f("pk_aliases")),
    )
    op.create_index("ix_aliases_version_seq", "aliases", ["version_seq"], unique=False)
    op.create_table(
        "step_versions",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("step_run_id", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version_id", TEXT, nullable=False),
        sa.Column("selector", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["project", "step_run_id"],
            ["step_runs.project", "step_runs.id"],
            name=op.f("fk_step_versions_project_step_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project", "version_id"],
            ["versions.project", "versions.id"],
            name=op.f("fk_step_versions_project_version_id"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_step_versions")),
    )
    op.create_index("ix_step_versions_step", "step_versions", ["project", "step_run_id", "seq"], unique=False)
    op.create_index("ix_step_versions_version", "step_versions", ["project", "version_id"], unique=False)
    op.create_table(
        "version_files",
        sa.Column("version_seq", BIG, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "digest"], ["blobs.project", "blobs.digest"], name=op.f("fk_version_files_project_digest")
        ),
        sa.ForeignKeyConstraint(["version_seq"], ["versions.seq"], name=op.f("fk_version_files_version_seq")),
        sa.PrimaryKeyConstraint("version_seq", "path", name=op.f("pk_version_files")),
    )
    op.create_index("ix_version_files_blob", "version_files", ["project", "digest"], unique=False)
    op.create_table(
        "version_tags",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("version_seq", BIG, nullable=False),
        sa.ForeignKeyConstraint(["version_seq"], ["versions.seq"], name=op.f("fk_version_tags_version_seq")),
        sa.PrimaryKeyConstraint("project", "tag", "version_seq", name=op.f("pk_version_tags")),
    )
    op.create_index("ix_version_tags_version_seq", "version_tags", ["version_seq"], unique=False)

"""Uploads that go on where they broke, and a way to ask whether a size is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STORED_OUTSIDE = sa.text("location <> ''")


def upgrade() -> None:
    op.add_column("uploads", sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_blobs_size",
        "blobs",
        ["project", "size"],
        unique=False,
        sqlite_where=STORED_OUTSIDE,
        postgresql_where=STORED_OUTSIDE,
    )

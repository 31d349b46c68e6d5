"""The epoch of the events and where they are numbered, and stores that are closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for name in ("epoch", "events_origin", "closed"):
        op.add_column("store", sa.Column(name, _TEXT, server_default="", nullable=False))
    # Cursors name the epoch; of the first one that is the store, as it was before there were any.
    op.execute("UPDATE store SET epoch = id")

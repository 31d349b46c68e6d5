"""Runs the migrations. Importing this module loads alembic, so it is imported only when one is due."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_LOCATION = Path(__file__).parent / "migrations"


def is_known(revision: str) -> bool:
    """Tell whether a revision is among the migrations of this version."""
    return revision in {script.revision for script in scripts().walk_revisions()}


def scripts() -> ScriptDirectory:
    """Return all migrations."""
    return ScriptDirectory.from_config(_config())


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run every migration that is due, inside the transaction of the connection.

    Args:
        connection: to the database.
        revision: the last one to run.
    """
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_LOCATION).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config

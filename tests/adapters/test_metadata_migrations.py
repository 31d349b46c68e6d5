from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from argosy_server.adapters.metadata import migrate, open_metadata
from argosy_server.adapters.metadata.schema import HEAD
from argosy_server.adapters.metadata.tables import metadata

SCHEMA = "SELECT name, sql FROM sqlite_master"


@pytest.fixture
def migrated(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with engine.begin() as connection:
        migrate.upgrade(connection)
    return engine


def schema(engine: Engine) -> dict[str, list[str]]:
    """Return the clauses that define each table and index, whatever their order."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(SCHEMA).all()
    engine.dispose()
    return {
        row.name: sorted(clause.rstrip(")") for clause in "".join((row.sql or "").split()).split(",")) for row in rows
    }


def test_a_fresh_database_equals_one_made_by_all_migrations(tmp_path: Path, migrated: Engine) -> None:
    open_metadata(f"sqlite:///{tmp_path}/fresh.db", durability="full").close()

    assert schema(create_engine(f"sqlite:///{tmp_path}/fresh.db")) == schema(migrated)


def test_the_migrations_lead_to_the_tables_of_the_code(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == HEAD
    migrated.dispose()


def test_the_head_the_code_names_is_the_last_migration() -> None:
    assert migrate.scripts().get_current_head() == HEAD
    assert migrate.is_known(HEAD)
    assert not migrate.is_known("9999")

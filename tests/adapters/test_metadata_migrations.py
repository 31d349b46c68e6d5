from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from argosy_server.adapters.metadata import open_metadata
from argosy_server.adapters.metadata.schema import migrate
from argosy_server.adapters.metadata.schema.preparation import HEAD
from argosy_server.adapters.metadata.schema.tables import EVENTS_ORDER, metadata
from argosy_server.domain.paging import PageRequest
from argosy_server.usecases.ports.lineage_repository import Side

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
        # Which is only for PostgreSQL, as alembic does not notice.
        options = {"include_object": lambda _, name, *more: name != EVENTS_ORDER}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == HEAD
    migrated.dispose()


def test_the_head_the_code_names_is_the_last_migration() -> None:
    assert migrate.scripts().get_current_head() == HEAD
    assert migrate.is_known(HEAD)
    assert not migrate.is_known("9999")


VERSION_OF_0002 = """
INSERT INTO versions (seq, id, project, artifact_seq, label, ordinal, data_type, format, materializer, kind, named,
    metadata, tags, file_count, size, content_digest, created_at, deleted_at, revision, step_run_id, output_name)
VALUES (:seq, :id, 'p', 1, :seq, :seq, '', 'json', '', 'manual', TRUE,
    :metadata, '[]', 0, 0, :digest, 1, NULL, 1, :step, '')
"""
BEFORE_0003 = """
INSERT INTO artifacts (seq, project, name, folded_name, last_number, last_ordinal) VALUES (1, 'p', 'w', 'w', 2, 2);
INSERT INTO runs (id, project, pipeline_name, name, state, parameters, created_at, lease_expires_at, cancel_requested)
VALUES ('run', 'p', 'training', 'monday', 'completed', '{}', 1, 1, FALSE);
INSERT INTO step_runs (id, project, run_id, pipeline_name, invocation, step_name, state, attempt_token, parameters,
    cache_key, cache_key_parts, cached_from, cache_miss, started_at)
VALUES ('step', 'p', 'run', 'training', 'fit', 'fit', 'completed', '', '{}', '', '{}', '', '[]', 1)
"""


def fill_0002(url: str, *more: str) -> None:
    """Make a database of revision 0002 with a run, a step and two versions."""
    engine = create_engine(url)
    with engine.begin() as connection:
        migrate.upgrade(connection, "0002")
        connection.exec_driver_sql("INSERT INTO store (id, created_at) VALUES ('store', 1)")
        for statement in BEFORE_0003.split(";"):
            connection.exec_driver_sql(statement)
        digest = f"blake3:{0:064x}"
        for seq, facts, step in ((1, '{"epochs": "10"}', "step"), (2, "{}", None)):
            row = {"seq": seq, "id": f"version-{seq}", "metadata": facts, "digest": digest, "step": step}
            connection.execute(text(VERSION_OF_0002), row)
        for statement in more:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_versions_from_before_are_found_by_fact_and_pipeline(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    fill_0002(url)

    store = open_metadata(url, durability="full")
    with store.read() as tx:
        by_fact = tx.artifacts.list_versions("p", PageRequest(), metadata={"epochs": "1e1"}).rows
        by_pipeline = tx.artifacts.list_versions("p", PageRequest(), pipeline_name="training").rows
        everything = tx.artifacts.list_versions("p", PageRequest()).rows
    store.close()
    assert [version.id for version in by_fact] == ["version-1"]
    assert [version.id for version in by_pipeline] == ["version-1"]
    assert [version.id for version in everything] == ["version-2", "version-1"]


INPUTS_OF_0002 = """
INSERT INTO step_inputs (project, step_run_id, position, name, kind, is_list)
VALUES ('p', 'step', 0, 'x', 'step_output', FALSE), ('p', 'step', 1, 'y', 'external', FALSE);
INSERT INTO step_versions (project, step_run_id, role, position, name, version_id)
VALUES ('p', 'step', 'input', 0, 'x', 'version-1'), ('p', 'step', 'input', 1, 'y', 'version-2')
"""


def test_inputs_from_before_are_still_told_by_kind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    fill_0002(url, *INPUTS_OF_0002.split(";"))

    store = open_metadata(url, durability="full")
    with store.read() as tx:
        used = tx.lineage.edges_of_attempts("p", [("step", 1)], Side.USED, 9)
        inputs = tx.runs.load_step("p", "step").inputs
    store.close()
    assert [(edge.version_id, edge.relation.value) for edge in used] == [
        ("version-1", "step_output"),
        ("version-2", "external"),
    ]
    assert [version.id for given in inputs for version in given.versions] == ["version-1", "version-2"]


def test_cursors_from_before_there_were_epochs_stay_good(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    fill_0002(url)

    store = open_metadata(url, durability="full")
    with store.read() as tx:
        assert tx.events.epoch() == store.store_id == "store"
    store.close()

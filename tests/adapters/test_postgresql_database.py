"""How a PostgreSQL database is created, migrated, refused and used."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ProgrammingError

from argosy_server.adapters.metadata import open_metadata
from argosy_server.adapters.metadata.connections import postgresql_engine
from argosy_server.adapters.metadata.schema import migrate
from argosy_server.adapters.metadata.schema.preparation import HEAD
from argosy_server.adapters.metadata.schema.tables import metadata, share_conditions_with_postgresql
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.paging import PageRequest
from tests.adapters.test_metadata_migrations import fill_0002
from tests.adapters.test_sqlite_database import ADD_MANY, FORKS, finish, fork_and_save, start
from tests.backends.free_port import free_port
from tests.backends.postgres import PASSWORD, Cluster, connect, drop_database, new_database, postgresql_url
from tests.contracts.metadata_facts import SPEC, add, get, save
from tests.waiting import wait_until

__all__ = ["postgresql_url"]
SCHEMA = """
SELECT table_name, column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
    || ' ' || coalesce(collation_name, '') FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
EXPORTS = "import os, sys, argosy_server.adapters.metadata as m; print(m.open_metadata(sys.argv[1], durability='full')"
OPEN_AND_TELL = f"{EXPORTS}.store_id)"


def schema(url: str) -> list[tuple[str, str]]:
    """Return what defines each table, its columns, constraints and indexes, whatever their order."""
    with connect(url) as connection:
        return sorted(connection.execute(SCHEMA).fetchall())


def refusal(url: str) -> str:
    """Return with which words a database is refused, having seen that they do not give the password away."""
    with pytest.raises(StorageUnavailable) as refused:
        open_metadata(url, durability="full")
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def test_a_fresh_database_equals_one_made_by_all_migrations(postgresql_url: str) -> None:
    open_metadata(postgresql_url, durability="full").close()
    migrated = new_database()
    engine = create_engine(migrated)
    with engine.begin() as connection:
        migrate.upgrade(connection)
    with engine.connect() as connection:
        share_conditions_with_postgresql()
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()

    assert schema(postgresql_url) == schema(migrated)
    drop_database(migrated)


def test_versions_from_before_are_found_by_fact_and_pipeline(postgresql_url: str) -> None:
    fill_0002(postgresql_url)

    store = open_metadata(postgresql_url, durability="full")
    with store.read() as tx:
        by_fact = tx.artifacts.list_versions("p", PageRequest(), metadata={"epochs": "1e1"}).rows
        by_pipeline = tx.artifacts.list_versions("p", PageRequest(), pipeline_name="training").rows
        assert tx.events.epoch() == store.store_id == "store"
    store.close()
    assert [version.id for version in by_fact] == ["version-1"]
    assert [version.id for version in by_pipeline] == ["version-1"]


def test_of_two_processes_that_migrate_at_once_one_does_and_the_other_one_waits(postgresql_url: str) -> None:
    fill_0002(postgresql_url)
    with connect(postgresql_url) as operator, connect(postgresql_url) as witness:
        operator.autocommit = False
        operator.execute("LOCK TABLE alembic_version")
        both = [start(OPEN_AND_TELL, postgresql_url) for _ in range(2)]

        def waiting() -> list[tuple[str, str]]:
            question = f"SELECT wait_event, state {SESSIONS} AND wait_event_type = 'Lock' ORDER BY 1"
            return witness.execute(question).fetchall()

        wait_until(lambda: waiting() == [("advisory", "active"), ("relation", "active")], "both wait")
        operator.rollback()
        assert [finish(process) for process in both] == [["store"], ["store"]]


def test_processes_that_open_a_fresh_database_at_once_get_exactly_the_next_numbers(postgresql_url: str) -> None:
    results = [finish(process) for process in [start(ADD_MANY, postgresql_url, "5") for _ in range(6)]]

    assert len({result[-1] for result in results}) == 1
    assert sorted(int(number) for result in results for number in result[:-1]) == list(range(1, 31))


def test_a_newer_schema_is_refused_by_name_with_the_cure(postgresql_url: str) -> None:
    open_metadata(postgresql_url, durability="full").close()
    with connect(postgresql_url) as operator:
        operator.execute("UPDATE alembic_version SET version_num = '9999'")

    assert f"schema 9999, which is newer than {HEAD}" in (text := refusal(postgresql_url))
    assert "upgrade argosy" in text


def test_tables_of_other_software_are_left_alone(postgresql_url: str) -> None:
    with connect(postgresql_url) as operator:
        operator.execute("CREATE TABLE events (x int)")

    assert "tables of other software named like ours (events); choose another database" in refusal(postgresql_url)


def test_a_creation_that_fails_leaves_nothing_behind(postgresql_url: str) -> None:
    with connect(postgresql_url) as operator:
        operator.execute("CREATE SEQUENCE ix_replies_created_at")
    with pytest.raises(ProgrammingError, match="ix_replies_created_at"):
        open_metadata(postgresql_url, durability="full")
    with connect(postgresql_url) as operator:
        operator.execute("DROP SEQUENCE ix_replies_created_at")

    store = open_metadata(postgresql_url, durability="full")
    assert save(store).version == "1"
    store.close()


def test_a_wrong_password_is_refused_with_the_cure(postgresql_url: str) -> None:
    wrong = make_url(postgresql_url).set(password=f"{PASSWORD}-wrong").render_as_string(hide_password=False)

    text = refusal(wrong)
    assert "password authentication failed" in text
    assert text.endswith("check user and password of the URL")


def test_a_password_in_the_query_of_a_url_is_not_shown(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    told = f"postgresql:///{url.database}?host={url.host}&port={url.port}&user=argosy&password={PASSWORD}-wrong"

    assert f"host={url.host}" in refusal(told)


def test_a_database_that_is_not_there_is_refused_with_the_cure(postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(database="nowhere").render_as_string(hide_password=False)

    text = refusal(url)
    assert '"nowhere" does not exist' in text
    assert "create the database or role first" in text


def test_a_server_that_cannot_be_reached_is_refused_with_the_cure() -> None:
    text = refusal(f"postgresql://argosy:{PASSWORD}@127.0.0.1:{free_port()}/store")

    assert text.startswith("postgresql://argosy:***@127.0.0.1:")
    assert "check that the server runs and that host and port of the URL are right" in text


def test_a_user_who_may_not_make_tables_is_refused_with_the_cure(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    role = f"guest_{url.database}"
    with connect(postgresql_url) as operator:
        operator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        operator.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        text = refusal(url.set(username=role).render_as_string(hide_password=False))
        operator.execute(f"DROP ROLE {role}")
    assert "permission denied" in text
    assert text.endswith("let the user of the URL own the database, or grant it CREATE on the schema public")


def test_a_server_that_is_too_old_is_refused(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_engine, "OLDEST_POSTGRESQL", 99)

    assert "too old; use one of version 99 or newer" in refusal(postgresql_url)


def test_a_database_that_cannot_hold_every_name_is_refused_with_the_cure(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    with connect(postgresql_url) as operator:
        operator.execute(f"CREATE DATABASE {url.database}_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' "
                         "TEMPLATE template0")  # fmt: skip
    latin = url.set(database=f"{url.database}_latin").render_as_string(hide_password=False)
    text = refusal(latin)
    drop_database(latin)
    assert "has the encoding LATIN1" in text
    assert text.endswith("ENCODING 'UTF8' TEMPLATE template0")


def test_a_standby_is_refused_with_the_cure() -> None:
    with Cluster() as cluster:
        url = cluster.new_database()
        open_metadata(url, durability="full").close()
        cluster.stop()
        (cluster.data / "standby.signal").touch()
        cluster.start()
        assert refusal(url).endswith("use the URL of the primary server, not of a standby")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"postgresql://argosy:{PASSWORD}@@host/name", "write one in user or password as %40"),
        (f"postgresql://argosy:{PASSWORD}@host:port/name", "malformed"),
        (f"postgresql://argosy:{PASSWORD}@host", "names no database"),
        (f"postgresql://argosy:{PASSWORD}@host/name?bogus=1", "'bogus' in its query, which is no option; take it out"),
        (f"postgresql://argosy:{PASSWORD}@host/name?sslmod=require", "did you mean sslmode?"),
        (f"postgresql://argosy:{PASSWORD}@host/name?connect_timeout=abc", "write a whole number of seconds"),
        (f"postgresql://argosy:{PASSWORD}@127.0.0.1/name?sslmode=foo", "correct this option in the query of the URL"),
        (f"postgresql://argosy:{PASSWORD}@host/name?host=a&host=b&port=1", "do not go together"),
    ],
)
def test_malformed_urls_are_refused_with_the_cure(address: str, message: str) -> None:
    assert message in refusal(address)


def test_a_connection_that_was_lost_while_idle_is_not_noticed(postgresql_url: str) -> None:
    store = open_metadata(postgresql_url, durability="full")
    save(store)
    for _ in range(2):
        with connect(postgresql_url) as operator:
            operator.execute(f"SELECT pg_terminate_backend(pid, 10000) {SESSIONS}")
        assert save(store).version == get(store).version
    assert get(store).version == "3"
    store.close()


def test_a_connection_that_is_lost_in_a_transaction_is_told_and_the_next_one_goes_well(postgresql_url: str) -> None:
    store = open_metadata(postgresql_url, durability="full")

    def lose_the_connection_midway() -> None:
        with store.write() as tx, connect(postgresql_url) as operator:
            add(tx, "p", SPEC, [], None)
            operator.execute(f"SELECT pg_terminate_backend(pid, 10000) {SESSIONS}")
            add(tx, "p", SPEC, [], None)

    with pytest.raises(StorageUnavailable, match="check that the server runs"):
        lose_the_connection_midway()
    assert save(store).version == "1"
    store.close()


def test_a_transaction_that_would_wait_in_a_circle_is_undone_and_may_be_tried_again(postgresql_url: str) -> None:
    store = open_metadata(postgresql_url, durability="full")
    both_begun = threading.Barrier(2, timeout=60)
    outcomes: list[str] = []

    def change(*names: str) -> None:
        try:
            with store.write() as tx:
                for name in names:
                    add(tx, "p", replace(SPEC, name=name), [], None)
                    if name == names[0]:
                        both_begun.wait()
            outcomes.append("done")
        except StorageUnavailable as error:
            outcomes.append(
                re.sub(r".* (undid the change) because of another one .*; (try again)", r"\1; \2", str(error))
            )

    threads = [threading.Thread(target=change, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(outcomes) == ["done", "undid the change; try again"]
    assert [save(store, replace(SPEC, name=name)).version for name in "ab"] == ["2", "2"]
    store.close()


def test_when_all_connections_stay_in_use_the_next_one_is_told_soon(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_engine, "CONNECTIONS", 2)
    monkeypatch.setattr(postgresql_engine, "POOL_TIMEOUT_SECONDS", 0.05)
    store = open_metadata(postgresql_url, durability="full")

    told = pytest.raises(StorageUnavailable, match="all connections of this process stayed in use; try again")
    with store.read(), store.write(), told:
        save(store)
    assert save(store).version == "1"
    store.close()


def test_a_store_at_rest_holds_no_transaction_and_a_closed_one_no_connection(postgresql_url: str) -> None:
    store = open_metadata(postgresql_url, durability="full")
    get(store, id=save(store).id)
    with connect(postgresql_url) as witness:
        question = f"SELECT state, backend_xmin, backend_xid {SESSIONS} AND backend_type = 'client backend'"
        assert set(witness.execute(question).fetchall()) == {("idle", None, None)}
        store.close()
        wait_until(lambda: witness.execute(question).fetchall() == [], "nobody is connected")


def test_sessions_wait_for_nothing_without_end(postgresql_url: str) -> None:
    with connect(postgresql_url) as operator:
        operator.execute("CREATE TABLE seen (name text, setting text)")
        operator.execute("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen "
                         "SELECT name, setting FROM pg_settings; RETURN NULL; END $$")  # fmt: skip
        store = open_metadata(postgresql_url, durability="full")
        operator.execute("CREATE TRIGGER note AFTER INSERT ON events EXECUTE FUNCTION note()")
        with store.write() as tx:
            tx.events.append("p", "kind", {})
        store.close()
        found = dict(operator.execute("SELECT name, setting FROM seen").fetchall())
    names = ("lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit", "transaction_isolation")
    assert [found[name] for name in names] == ["12000", "8000", "on", "read committed"]


@pytest.mark.filterwarnings(FORKS)
def test_a_forked_process_makes_connections_of_its_own(postgresql_url: str) -> None:
    store = open_metadata(postgresql_url, durability="full")

    assert [int(save(store).version), fork_and_save(store), int(save(store).version)] == [1, 2, 3]
    assert [fork_and_save(store), fork_and_save(store), int(save(store).version)] == [4, 5, 6]
    store.close()


def test_without_the_driver_the_cure_is_named() -> None:
    script = "import sys; sys.modules['psycopg'] = None\n" + OPEN_AND_TELL
    done = subprocess.run(
        [sys.executable, "-c", script, "postgresql://u@localhost/x"], capture_output=True, text=True, check=False
    )
    assert "pip install 'argosy[postgres]'" in done.stderr

"""Fills a PostgreSQL database with many versions by COPY, as if they had been saved in the last ten days.

A tenth of all belongs to one name, ``hot``; the others to names of a hundred versions each, ``artifact-000000`` and so
on. Each version has one file in a row, a tag, two facts and an event. Each name has the alias ``prod``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import make_url

from argosy_server.domain.json_value import value_digest

PROJECT = "default"
HOT = "hot"
PER_NAME = 100
TAGS = ("gold", "silver", "bronze", "checked", "rejected")
PIPELINES = ("", "training", "scoring")
SECONDS = 10 * 24 * 3600
ROWS_AT_ONCE = 2000
# Those that no constraint needs.
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
_CONTENT = "\\\\x31"
_DIGESTS = [f"\\\\x{value_digest(str(number)).hex()}" for number in range(100)]


def load(url: str, count: int) -> float:
    """Add ``count`` versions to a store that has none, and return how many seconds that took.

    Args:
        url: of a database whose tables are there; its user may switch the checks of foreign keys off, as a superuser.
        count: at least 1000.
    """
    target = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    began = time.monotonic()
    with psycopg.connect(target) as connection:
        connection.execute("SET session_replication_role = replica")
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert row is not None
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for table, columns, rows, line in tables_of(count, int(row[0])):
            with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for text in _texts(rows, line):
                    copy.write(text)
        # At once, which is quicker than row by row.
        connection.execute("SET maintenance_work_mem = '256MB'")
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute(
            "INSERT INTO aliases (artifact_seq, alias, version_seq)"
            " SELECT artifact_seq, 'prod', max(seq) FROM versions GROUP BY artifact_seq"
        )
        for table in ("artifacts", "versions", "events"):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'seq'), (SELECT max(seq) FROM {table}))"
            )
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return time.monotonic() - began


def place(index: int, count: int) -> tuple[int, int]:
    """Return the number of the artifact of a version, 1 for the hot one, and the version's number there."""
    if index % 10 == 0:
        return 1, index // 10 + 1
    other = index - index // 10 - 1
    names = name_count(count) - 1
    return 2 + other % names, other // names + 1


def name_count(count: int) -> int:
    """Return how many names so many versions have."""
    return 1 + max(1, count * 9 // 10 // PER_NAME)


def _texts(rows: Iterable[int], line: Callable[[int], str]) -> Iterator[str]:
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield "".join(map(line, some))


def _grouped(values: Sequence[Any], count: int) -> Iterator[int]:
    """Return the rows that have the values in turn, in the order in which an index of the values holds them."""
    for number in sorted(range(len(values)), key=lambda number: values[number]):
        yield from range(number, count, len(values))


def tables_of(count: int, xid: int) -> list[tuple[str, str, Iterable[int], Callable[[int], str]]]:
    """Return table, columns, numbers of the rows and the line of each row, in the text format of COPY."""
    now = time.time_ns() // 1000
    per_version = SECONDS * 1_000_000 // count
    last = {1: count // 10 + 1}

    def id_of(index: int) -> str:
        return f"{index:08x}-0000-4000-8000-{index:012x}"

    def digest(index: int) -> str:
        return f"blake3:{index:064x}"

    def created(index: int) -> int:
        return now - (count - index) * per_version

    def artifact(index: int) -> str:
        name = HOT if index == 0 else f"artifact-{index - 1:06d}"
        number = last.get(index + 1, PER_NAME * 2)
        return f"{index + 1}\t{PROJECT}\t{name}\t{name}\t{number}\t{number}\n"

    def blob(index: int) -> str:
        return f"{PROJECT}\t{digest(index)}\t1\t\t\\\\x\tlive\t0\n"

    def version(index: int) -> str:
        artifact_seq, number = place(index, count)
        metadata = f'{{"epochs": "{index % 100}", "rate": "{index % 7}"}}'
        return (
            f"{index + 1}\t{id_of(index)}\t{PROJECT}\t{artifact_seq}\t{number}\t{number}\t\tbytes\t\tmanual\tt\t"
            f'{metadata}\t["{TAGS[index % 5]}"]\t1\t1\t{digest(index)}\t{created(index)}\t1\t\t{PIPELINES[index % 3]}\n'
        )

    def event(index: int) -> str:
        artifact_seq, number = place(index, count)
        name = HOT if artifact_seq == 1 else f"artifact-{artifact_seq - 2:06d}"
        facts = f'{{"id": "{id_of(index)}", "name": "{name}", "version": "{number}", "tags": [], "named": true}}'
        return f"{index + 1}\t{xid}\t{PROJECT}\tversion_created\t{facts}\t{created(index)}\n"

    def fact(key: str, most: int) -> Callable[[int], str]:
        return lambda index: f"{PROJECT}\t{key}\t{_DIGESTS[index % most]}\t{index + 1}\n"

    columns: dict[str, Any] = {
        "versions": "seq, id, project, artifact_seq, label, ordinal, data_type, format, materializer, kind, named, "
        "metadata, tags, file_count, size, content_digest, created_at, revision, output_name, pipeline_name",
        "facts": "project, key, value_digest, version_seq",
    }
    rows = range(count)
    return [
        ("artifacts", "seq, project, name, folded_name, last_number, last_ordinal", range(name_count(count)), artifact),
        ("blobs", "project, digest, size, location, pieces, state, lease_expires_at", rows, blob),
        ("blob_contents", "project, digest, content", rows, lambda index: f"{PROJECT}\t{digest(index)}\t{_CONTENT}\n"),
        ("versions", columns["versions"], rows, version),
        (
            "version_files",
            "version_seq, path, project, digest, size",
            rows,
            lambda index: f"{index + 1}\tdata.bin\t{PROJECT}\t{digest(index)}\t1\n",
        ),
        (
            "version_tags",
            "project, tag, version_seq",
            _grouped(TAGS, count),
            lambda index: f"{PROJECT}\t{TAGS[index % 5]}\t{index + 1}\n",
        ),
        ("version_facts", columns["facts"], _grouped(_DIGESTS, count), fact("epochs", 100)),
        ("version_facts", columns["facts"], _grouped(_DIGESTS[:7], count), fact("rate", 7)),
        ("events", "seq, xid, project, kind, payload, created_at", rows, event),
    ]

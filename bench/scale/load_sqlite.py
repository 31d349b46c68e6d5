"""Fills a SQLite store with the versions :mod:`bench.scale.load_postgresql` fills PostgreSQL with."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.scale.load_postgresql import tables_of


def load(database: Path, count: int) -> float:
    """Add ``count`` versions to a store that has none, and return how many seconds that took.

    Args:
        database: its file, with all tables.
        count: at least 1000.
    """
    began = time.monotonic()
    connection = sqlite3.connect(database)
    # A store that is not loaded to its end is thrown away.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000"):
        connection.execute(f"PRAGMA {pragma}")
    with connection:
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for table, columns, rows, line in tables_of(count, xid=0):
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", _values(map(line, rows)))
        # At once, which is quicker than row by row.
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute(
            "INSERT INTO aliases (artifact_seq, alias, version_seq)"
            " SELECT artifact_seq, 'prod', max(seq) FROM versions GROUP BY artifact_seq"
        )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return time.monotonic() - began


def _values(lines: Iterator[str]) -> Iterator[Sequence[object]]:
    """Read lines of COPY's text format."""
    for line in lines:
        texts = line[:-1].split("\t")
        yield [_value(text) for text in texts] if "\\\\x" in line or "\tt\t" in line else texts


def _value(text: str) -> object:
    if text.startswith("\\\\x"):
        return bytes.fromhex(text[3:])
    return 1 if text == "t" else text

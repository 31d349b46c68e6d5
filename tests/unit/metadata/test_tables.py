from __future__ import annotations

import subprocess
import sys

from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL
from sqlalchemy.schema import CreateIndex

from argosy_server.adapters.metadata.schema.tables import metadata, share_conditions_with_postgresql

LOADED = """
import sys, argosy_server.adapters.metadata.unit_of_work
print("sqlalchemy.dialects.postgresql" in sys.modules)
"""


def conditions_on(backend: str) -> dict[str, str]:
    """The condition each index has there, by its name."""
    dialect: Dialect = URL.create(backend).get_dialect()()
    statements = [
        (str(index.name), str(CreateIndex(index).compile(dialect=dialect)))
        for table in metadata.tables.values()
        for index in table.indexes
    ]
    return {name: statement.partition(" WHERE ")[2] for name, statement in statements}


def test_an_index_that_is_partial_on_sqlite_is_so_on_postgresql() -> None:
    share_conditions_with_postgresql()
    assert conditions_on("postgresql") == conditions_on("sqlite")
    assert conditions_on("sqlite")["ux_blobs_location"] == "location <> ''"


def test_a_store_on_sqlite_does_not_load_the_dialect_of_postgresql() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

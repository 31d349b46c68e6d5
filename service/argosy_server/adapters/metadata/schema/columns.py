"""What the columns of the tables are made of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

BIG = BigInteger()
SEQ = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers only a column of type INTEGER by itself."""
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared and sorted by the bytes of UTF-8, as SQLite does anyway."""


def seq() -> Column[int]:
    """Return the number that gives the order of creation."""
    return Column("seq", SEQ, primary_key=True, autoincrement=True)


def text_column(name: str) -> Column[str]:
    """Return a text that is always there."""
    return Column(name, TEXT, nullable=False)


def optional_text(name: str) -> Column[str | None]:
    """Return a text that may be missing."""
    return Column(name, TEXT, nullable=True)


def big(name: str) -> Column[int]:
    """Return a number that is always there."""
    return Column(name, BIG, nullable=False)


def count(name: str, default: str) -> Column[int]:
    """Return a number that rows from before the column have as ``default``."""
    return Column(name, BIG, nullable=False, server_default=default)


def later_text(name: str, default: str) -> Column[str]:
    """Return a text that rows from before the column have as ``default``."""
    return Column(name, TEXT, nullable=False, server_default=default)


def optional_big(name: str) -> Column[int | None]:
    """Return a number that may be missing."""
    return Column(name, BIG, nullable=True)

"""Options that several commands have."""

from __future__ import annotations

import enum
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from argosy_server.config import MAX_SECONDS, StoreConfig

Data = Annotated[
    Path,
    typer.Option(envvar="ARGOSY_SERVER_DATA", help="Folder (created) of what has no other place."),
]
Database = Annotated[
    str,
    typer.Option(
        envvar="ARGOSY_SERVER_DATABASE",
        help="URL of the database: sqlite:////absolute/path.db or postgresql://user:password@host/name. "
        "Default: SQLite in the data folder.",
        show_default=False,
    ),
]
Blobs = Annotated[
    str,
    typer.Option(
        envvar="ARGOSY_SERVER_BLOBS",
        help="Folder, or fsspec URL such as s3://bucket/prefix, of the bytes. Default: a folder in the data folder.",
        show_default=False,
    ),
]
ExistingData = Annotated[
    Path,
    typer.Option(envvar="ARGOSY_SERVER_DATA", help="Folder of a store; none is created."),
]


class Format(str, enum.Enum):
    """What ``--output`` may be."""

    table = "table"
    json = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="For people or for programs.")]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``30m``.

    Raises:
        BadParameter: it is no number with a unit, or more than a hundred years.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration; write a number and its unit, such as 0s, 30m, 24h or 7d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > MAX_SECONDS:
        raise typer.BadParameter(f"{text!r} is more than a hundred years; write less")
    return timedelta(seconds=seconds)


def store_config(data: Path, database: str, blobs: str) -> StoreConfig:
    """Return where the store is. What is removed is always removed durably, whatever its server promises."""
    return StoreConfig(data.expanduser().absolute(), database, blobs)

"""``columns=`` and ``rows=``: a part of a stored value, of whose files little more than that part is moved."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from argosy.errors import ParameterError
from argosy.execution.values.version_drift import libraries_of
from argosy.graph.brief import described
from argosy.materializers.partial import Part, load_part
from argosy.materializers.registry import MaterializerChoice
from argosy.transport.connection import Connection
from argosy.transport.download.open_version import find_version
from argosy.v1.artifact_pb2 import ArtifactVersion, VersionSelector


def asked_part(columns: Sequence[Hashable] | None, rows: slice | None) -> Part | None:
    """Return which part of a value is asked for, ``None`` when it is the whole.

    Raises:
        ParameterError: ``columns`` is no list, or ``rows`` is no slice of whole numbers.
    """
    if columns is None and rows is None:
        return None
    if columns is not None and not isinstance(columns, (list, tuple)):
        cure = f"write columns=[{columns!r}]" if isinstance(columns, str) else "pass a list of column names"
        raise ParameterError(f"columns={described(columns)} is no list; {cure}")
    if rows is not None:
        _check_rows(rows)
    return Part(None if columns is None else tuple(columns), rows)


def load_part_from(
    connection: Connection, selector: VersionSelector, part: Part, materializer: MaterializerChoice | None
) -> tuple[Any, ArtifactVersion]:
    """Load a part of the value a selector means; return it and the version it is from.

    Raises:
        ParameterError: the value has no such parts.
        NotFoundError: nothing matches.
        MaterializerError: the value cannot be read here.
        CorruptDataError: stored bytes do not match their checksum.
    """
    files = find_version(connection, selector)
    recorded = files.version
    with libraries_of(recorded):
        value = load_part(
            files,
            part,
            materializer=materializer or recorded.materializer,
            format=recorded.format,
            name=f"{recorded.name!r} version {recorded.version}",
        )
    return value, recorded


def _check_rows(rows: object) -> None:
    if not isinstance(rows, slice):
        raise ParameterError(f"rows={described(rows)} is no slice; write rows=slice(start, stop), or slice(stop)")
    try:
        rows.indices(0)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"rows={rows} selects nothing: {error}; slice(start, stop, step) takes integers") from None

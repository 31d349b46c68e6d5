"""``argosy artifact diff``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.differences import Row, compared, differs, short_digest
from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    cell_text,
    chosen_keys,
    print_document,
    print_documents,
    print_line,
)
from argosy.cli.rules import following, version_words_problem
from argosy.cli.selection import find_version, latest_version, selectors_of
from argosy.cli.store import store_of
from argosy.cli.stored_names import artifact_names
from argosy.execution.views.terminal_text import one_line

if TYPE_CHECKING:
    from argosy.cli.artifact.text_changes import Files
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection
    from argosy.v1.artifact_pb2 import ArtifactVersion

SHOWN_ROWS = 50
_COMPARED = ("format", "data_type", "materializer", "description", "size_bytes", "file_count")
_ABOUT_COLUMNS = "dtypes"
"""The key of a table's metadata that names the type of each column."""


def _shown(value: Any) -> str:
    return cell_text(short_digest(value))


_COLUMNS = (Column("part"), Column("key"), Column("before", text=_shown), Column("after", text=_shown))


def diff_artifacts(
    context: typer.Context,
    first: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="NAME, NAME@VERSION, NAME@ALIAS, or an id.",
            callback=following(version_words_problem),
            autocompletion=artifact_names,
        ),
    ],
    second: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(
            metavar="[B]",
            help="Likewise; the latest version of A's artifact by default.",
            callback=following(version_words_problem),
            autocompletion=artifact_names,
        ),
    ] = None,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """Tell what differs between two versions.

    That is facts, tags, metadata, columns of tables, files, and lines of texts. Of texts and JSON up to 256 KiB the
    lines that differ are shown, of everything else the digests. With -o json they are one document, with -o csv and
    jsonl a row for each difference but for lines of texts.

    \b
    Examples:
      argosy artifact diff model@1 model@2
      argosy artifact diff model@prod               what would change if the latest became prod
      argosy artifact diff settings@1 settings@2 -o json | jq -r '.texts[].lines[]'
      argosy artifact diff data@1 data@2 -o csv --columns key,before,after
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    chosen = chosen_keys(columns, [column.key for column in _COLUMNS])
    connection = store_of(context).connect()
    before = find_version(connection, selectors_of(first))
    after = (
        latest_version(connection, before.name) if second is None else find_version(connection, selectors_of(second))
    )
    document = _document(connection, before, after)
    if output is Format.table and chosen is None:
        _print(document)
    elif output is Format.json and chosen is None:
        print_document(document, output)
    else:
        print_documents(document["differences"], _COLUMNS, output, chosen)


def _document(connection: Connection, before: ArtifactVersion, after: ArtifactVersion) -> Document:
    from argosy.cli.artifact.text_changes import text_changes
    from argosy.cli.documents import version_document
    from argosy.execution.records.artifact_version import ArtifactVersion as Shown

    old, new = version_document(before), version_document(after)
    files_before, files_after = _files(old), _files(new)
    texts = text_changes(Shown(before, connection), Shown(after, connection), files_before, files_after)
    return {
        "before": {key: old[key] for key in ("name", "version", "id")},
        "after": {key: new[key] for key in ("name", "version", "id")},
        "same_content": old["content_digest"] == new["content_digest"],
        "differences": [row for row in _rows(old, new, files_before, files_after) if differs(row)],
        "texts": list(texts),
    }


def _files(document: Document) -> Files:
    from argosy.transport.download.open_version import RESERVED_PREFIX

    files = sorted(document.get("files", []), key=lambda file: file["path"])
    return {file["path"]: file for file in files if not file["path"].startswith(RESERVED_PREFIX)}


def _rows(old: Document, new: Document, files_before: Files, files_after: Files) -> Iterator[Row]:
    yield from compared("fact", *({key: side[key] for key in _COMPARED} for side in (old, new)))
    yield from compared("tag", *(dict.fromkeys(side["tags"], True) for side in (old, new)))
    plain_before, types_before = _parted(old["metadata"])
    plain_after, types_after = _parted(new["metadata"])
    yield from compared("metadata", plain_before, plain_after)
    # The name of a column may have any characters, so nothing in it is taken for a key inside another.
    for name in dict.fromkeys([*types_before, *types_after]):
        yield {"part": "column", "key": name, "before": types_before.get(name), "after": types_after.get(name)}
    for path in dict.fromkeys([*files_before, *files_after]):
        digests = [side.get(path, {}).get("digest") for side in (files_before, files_after)]
        yield {"part": "file", "key": path, "before": digests[0], "after": digests[1]}


def _parted(metadata: Document) -> tuple[Document, Document]:
    """Return what metadata says of the whole, and of a table the types of its columns."""
    types = metadata.get(_ABOUT_COLUMNS)
    if not isinstance(types, dict):
        return metadata, {}
    return {key: value for key, value in metadata.items() if key != _ABOUT_COLUMNS}, types


def _print(document: Document) -> None:
    sides = [f"{side['name']} {side['version']}" for side in (document["before"], document["after"])]
    rows, texts = document["differences"], document["texts"]
    if not rows:
        same = "the same content" if document["same_content"] else "other content"
        print_line(f"{sides[0]} and {sides[1]} do not differ in facts, tags, metadata and files; they have {same}")
        return
    print_line(f"from {sides[0]} to {sides[1]}{', the same content' if document['same_content'] else ''}\n")
    print_documents(rows[:SHOWN_ROWS], _COLUMNS)
    if len(rows) > SHOWN_ROWS:
        print_line(f"… and {len(rows) - SHOWN_ROWS} more; -o json shows all")
    for text in texts:
        print_line("")
        for line in text["lines"]:
            print_line(one_line(line.replace("\t", "    ")))
        if text["more"]:
            print_line("… and more; argosy artifact get writes whole files")

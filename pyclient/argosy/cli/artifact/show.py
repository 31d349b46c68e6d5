"""``argosy artifact show``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    chosen_keys,
    format_bytes,
    format_time,
    print_document,
    print_documents,
    print_facts,
    print_line,
)
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, find_version, selectors_of
from argosy.cli.store import store_of

if TYPE_CHECKING:
    from argosy.cli.documents import Document

SHOWN_FILES = 20
_FILE_COLUMNS = (
    Column("path", "  PATH", "  {}".format),
    Column("size_bytes", "SIZE", format_bytes, right=True),
    Column("digest"),
)


def show_artifact(
    context: typer.Context,
    name: NameArgument,
    version: VersionOption = None,
    alias: AliasOption = None,
    pipeline: PipelineOption = None,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """Show one version: what it is, where it came from, its files.

    \b
    Examples:
      argosy artifact show model
      argosy artifact show model@3
      argosy artifact show model@prod -o json
      argosy artifact show model --columns id,metadata.auc
      argosy artifact show preprocess_pipeline --pipeline training
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selectors = selectors_of(name, version, alias, pipeline)
    from argosy.cli.documents import VERSION_KEYS, version_document

    chosen = chosen_keys(columns, [*VERSION_KEYS, "files"])
    connection = store_of(context).connect()
    document = version_document(find_version(connection, selectors))
    if output is Format.table and chosen is None:
        _print(document)
    else:
        print_document(document, output, chosen)


def _print(document: Document) -> None:
    producer = document["producer"]
    made_by = f"{producer['pipeline']} / {producer['step']} (run {producer['run_id']})" if producer else ""
    print_facts(
        [
            ("name", document["name"]),
            ("version", document["version"]),
            ("id", document["id"]),
            # Lines after the first stand below it.
            ("description", document["description"].replace("\n", "\n             ")),
            ("aliases", ", ".join(document["aliases"])),
            ("tags", ", ".join(document["tags"])),
            ("type", document["data_type"]),
            ("format", document["format"]),
            ("size", format_bytes(document["size_bytes"])),
            ("created", format_time(document["created"])),
            ("made by", made_by),
            ("digest", document["content_digest"]),
        ]
    )
    if document["metadata"]:
        print_line("\nmetadata")
        print_facts((f"  {key}", json.dumps(value, ensure_ascii=False)) for key, value in document["metadata"].items())
    files = document.get("files", [])
    print_line("\nfiles")
    print_documents(files[:SHOWN_FILES], _FILE_COLUMNS)
    if len(files) > SHOWN_FILES:
        print_line(f"  … and {len(files) - SHOWN_FILES} more; -o json shows all")
    print_line(f"\nargosy.load_artifact({document['name']!r}, {document['version']!r})")

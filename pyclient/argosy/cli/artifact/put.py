"""``argosy artifact put``: a file or directory becomes a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from argosy.cli.artifact.facts import read_facts
from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import description_problem, empty_problem, following
from argosy.cli.store import store_of
from argosy.cli.stored_names import artifact_names
from argosy.graph.names import alias_problem, new_name_problem, text_problem, version_problem


def _path_problem(text: str) -> str | None:
    return empty_problem(text) or (None if Path(text).exists() else f"{text!r} does not exist")


def put_artifact(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="A file or a directory.", callback=following(_path_problem))],
    name: Annotated[
        str,
        typer.Option(help="The artifact's name.", callback=following(new_name_problem), autocompletion=artifact_names),
    ],
    version: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option(
            "--version",
            "-v",
            help="A label or number; without it the next number.",
            callback=following(version_problem),
        ),
    ] = None,
    alias: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(help="An alias to point at it; may be repeated.", callback=following(alias_problem)),
    ] = None,
    tag: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(help="A tag; may be repeated.", callback=following(text_problem)),
    ] = None,
    metadata: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(
            "--metadata",
            "-m",
            help="KEY=VALUE, the value JSON or else a text; may be repeated.",
            callback=following(empty_problem),
        ),
    ] = None,
    description: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="What it is, in words for people.", callback=following(description_problem)),
    ] = None,
    output: OutputOption = Format.table,
) -> None:
    """Save a file or directory as a new version. Its name, version and id are printed.

    \b
    Examples:
      argosy artifact put model.onnx --name model --alias prod
      argosy artifact put ./report --name report --tag weekly --metadata 'auc=0.97' --metadata 'by="Ada"'
      argosy artifact put data.csv --name data --version 2024-05
    In Python it comes back as a pathlib.Path: argosy.load_artifact("model")
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    described = read_facts(metadata or [])
    value = Path(path)
    connection = store_of(context).connect()
    from argosy.execution.views.transfer_progress import shown
    from argosy.materializers.files import FileSink
    from argosy.materializers.registry import extract_metadata, save_value
    from argosy.transport.upload.save_version import save_version
    from argosy.v1.artifact_pb2 import ArtifactSpec

    sink = FileSink()
    try:
        saved = save_value(value, sink, allow_pickle=False)
        facts = {**extract_metadata(value, saved.materializer), **described}
        spec = ArtifactSpec(
            name=name,
            version=version or "",
            data_type=saved.data_type,
            format=saved.format,
            materializer=saved.materializer,
            metadata={key: json.dumps(fact, ensure_ascii=False, allow_nan=False) for key, fact in facts.items()},
            tags=tag or [],
            aliases=alias or [],
            description=description or "",
        )
        with shown(f"putting {name}") as progress:
            created = save_version(connection, spec, sink.files, progress)
    finally:
        sink.close()
    if output is Format.table:
        print_line(f"{created.name} {created.version} {created.id}")
        return
    from argosy.cli.documents import version_document

    print_document(version_document(created), output)

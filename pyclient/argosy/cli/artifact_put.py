"""``argosy artifact put``: a file or directory becomes a version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.output import Format, OutputOption, print_json, print_line
from argosy.cli.store import store_of
from argosy.cli.transfer_bar import transfer_bar

if TYPE_CHECKING:
    from argosy.materializers.files import FileContent


def put_artifact(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A file or a directory.", exists=True, readable=True)],
    name: Annotated[str, typer.Option(help="The artifact's name.")],
    version: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option("--version", "-v", help="A label or number; without it the next number."),
    ] = None,
    alias: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(help="An alias to point at it; may be repeated."),
    ] = None,
    tag: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(help="A tag; may be repeated."),
    ] = None,
    metadata: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option("--metadata", "-m", help="KEY=VALUE, the value JSON or else a text; may be repeated."),
    ] = None,
    output: OutputOption = Format.table,
) -> None:
    """Save a file or directory as a new version and print its name and version.

    \b
    Examples:
      argosy artifact put model.onnx --name model --alias prod
      argosy artifact put ./report --name report --tag weekly --metadata 'auc=0.97' --metadata 'by="Ada"'
      argosy artifact put data.csv --name data --version 2024-05
    In Python it comes back as a pathlib.Path: argosy.load_artifact("model")
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    described = dict(_key_value(item) for item in metadata or [])
    connection = store_of(context).connect()
    from argosy.materializers.files import FileSink
    from argosy.materializers.registry import extract_metadata, save_value
    from argosy.transport.upload import upload_files
    from argosy.v1.artifact_pb2 import ArtifactSpec

    sink = FileSink()
    try:
        saved = save_value(path, sink, allow_pickle=False)
        facts = {**extract_metadata(path, saved.materializer), **described}
        spec = ArtifactSpec(
            name=name,
            version=version or "",
            data_type=saved.data_type,
            format=saved.format,
            materializer=saved.materializer,
            metadata={key: json.dumps(value, ensure_ascii=False, allow_nan=False) for key, value in facts.items()},
            tags=tag or [],
            aliases=alias or [],
        )
        with transfer_bar(f"putting {name}", sum(file.size_bytes for file in sink.files)) as advance:
            files = upload_files(connection, [_Told(file, advance) for file in sink.files])
            created = connection.artifacts.create_artifact_version(spec, files)
    finally:
        sink.close()
    if output is Format.json:
        from argosy.cli.documents import version_document

        print_json(version_document(created))
    else:
        print_line(f"{created.name} {created.version} {created.id}")


def _key_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE", param_hint="--metadata")
    try:
        return key, json.loads(value, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        return key, value


def _refuse_constant(text: str) -> None:
    raise typer.BadParameter(f"{text} is not JSON; write it as a text: '\"{text}\"'", param_hint="--metadata")


class _Told:
    """A file on its way out that tells how much of it was read."""

    def __init__(self, file: FileContent, advance: Callable[[int], None]) -> None:
        self._file = file
        self._advance = advance

    @property
    def path(self) -> str:
        return self._file.path

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes

    def chunks(self) -> Iterator[memoryview]:
        for chunk in self._file.chunks():
            yield chunk
            self._advance(chunk.nbytes)

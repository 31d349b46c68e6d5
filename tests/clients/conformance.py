"""The conformance program of Python: what the programs of the other clients do, by the SDK.

Run as ``python -m tests.clients.conformance <command> …``, with ``ARGOSY_SERVER`` in the environment.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import argosy
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.encoding import JsonEncoder
from tests.clients.memory import peak_memory
from tools import make_testdata

PROGRESS_BYTES = 8 << 20
PIECE_BYTES = 1 << 20


class StreamedFile:
    """A file that is saved as the format ``bytes``, streamed from disk."""

    def __init__(self, path: Path) -> None:
        self.path = path


class StreamedFiles(argosy.Materializer[Any]):
    """Saves such files; what was saved comes back as ``bytes``."""

    id = "argosy-tests.streamed-file"
    types = (StreamedFile,)
    format = "bytes"

    def save(self, value: StreamedFile, files: Any) -> None:
        """Refer to the file."""
        files.write_file("data.bin", value.path)

    def load(self, files: Any, as_type: type[Any] | None) -> Any:
        """Read the file."""
        return files.read("data.bin")


def read(format_name: str, path: Path) -> Any:
    """Return the value of a file in the encoding of a format."""
    return READERS[format_name](path)


def write(value: Any, path: Path) -> None:
    """Write a value into a file in the encoding of its format."""
    if isinstance(value, Path):
        if value.is_dir():
            shutil.copytree(value, path, dirs_exist_ok=True)
        else:
            shutil.copyfile(value, path)
    elif isinstance(value, (np.ndarray, np.generic)):
        with path.open("wb") as file:
            np.save(file, np.asarray(value))
    elif isinstance(value, pd.DataFrame):
        value.to_parquet(path)
    elif isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, str):
        path.write_text(value, encoding="utf-8", newline="")
    else:
        path.write_text(json.dumps(JsonEncoder(None).encode(value), ensure_ascii=False, allow_nan=False))


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


READERS: dict[str, Callable[[Path], Any]] = {
    "json": lambda path: JsonDecoder(None).decode(path.read_bytes()),
    "text": _read_text,
    "bytes": Path.read_bytes,
    "npy": np.load,
    "parquet": pd.read_parquet,
    "file": lambda path: path,
    "directory": lambda path: path,
}


def _save(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    value = read(arguments.format, Path(arguments.input))
    saved = argosy.save_artifact(
        value, name=arguments.name, version=arguments.version, alias=arguments.alias, include_visualizations=False
    )
    yield {"version": saved.version, "id": str(saved.id), "digest": saved.content_digest}


def _load(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    version = argosy.get_artifact(arguments.name, version=arguments.version, alias=arguments.alias)
    write(version.load(), Path(arguments.output))
    yield {"version": version.version, "id": str(version.id), "format": version.format}


def _upload(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    path = Path(arguments.input)
    saved = argosy.save_artifact(StreamedFile(path), name=arguments.name, on_progress=lambda now: _tell(now.done_bytes))
    yield _sizes(path, saved)


def _download(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    target = Path(arguments.output)
    part = target.with_name(target.name + ".part")
    try:
        version = argosy.get_artifact(arguments.name)
        with version.open() as source, part.open("wb") as file:
            while piece := source.read(PIECE_BYTES):
                file.write(piece)
                _tell(file.tell())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    yield _sizes(target, version)


def _watch(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with argosy.watch_artifacts(arguments.name, cursor=arguments.cursor) as events:
        for _, event in zip(range(arguments.count), events, strict=False):
            yield {"kind": event.kind, "version": event.version, "alias": event.alias or "", "cursor": event.cursor}


def _alias(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    moved = argosy.get_artifact(arguments.name, version=arguments.version).set_alias(arguments.alias)
    yield {"version": moved.version, "id": str(moved.id)}


def _list(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if arguments.name:
        versions = argosy.list_artifact_versions(arguments.name)
        yield {"versions": [version.version for version in versions]}
    else:
        yield {"names": [found.name for found in argosy.Client().list_artifacts()]}


def _vectors(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Make the vectors again: each is a statement about the SDK that its script proves while it writes it."""
    folder, passed = Path(arguments.folder), 0
    for name, module in make_testdata.FILES.items():
        made = module.make()
        assert (folder / name).read_text() == make_testdata.text_of(made), name
        passed += sum(len(value) for value in made.values() if isinstance(value, list))
    yield {"passed": passed}


def _tell(done: int) -> None:
    if done - _told[0] >= PROGRESS_BYTES:
        _told[0] = done
        print(json.dumps({"progress": done}), file=sys.stderr, flush=True)


_told = [0]


def _sizes(path: Path, version: argosy.ArtifactVersion) -> dict[str, Any]:
    # By the record, which the SDK held the bytes against: hashing them again would count as its work.
    digest = version._message.files[0].digest
    return {"size": path.stat().st_size, "digest": digest, "max_rss_bytes": peak_memory("self")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)

    def add(name: str, run: Callable[[argparse.Namespace], Iterator[dict[str, Any]]], *words: str) -> None:
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for word in words:
            command.add_argument(word, type=int if word == "count" else str)

    add("save", _save, "name", "format", "input", "--alias", "--version")
    add("load", _load, "name", "output", "--alias", "--version")
    add("upload", _upload, "name", "input")
    add("download", _download, "name", "output")
    add("watch", _watch, "name", "count", "--cursor")
    add("alias", _alias, "name", "version", "alias")
    add("list", _list, "--name")
    add("vectors", _vectors, "folder")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    arguments = _parser().parse_args(words)
    try:
        for result in arguments.run(arguments):
            print(json.dumps(result), flush=True)
    except argosy.ArgosyError as error:
        reason = getattr(error, "reason", "") or type(error).__name__
        print(json.dumps({"error": reason, "message": str(error)}), flush=True)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())

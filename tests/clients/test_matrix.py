"""What any client writes, every client reads as an equal value: each neutral format, through one real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from argosy import Client
from tests.clients.conftest import Programs
from tests.clients.languages import LANGUAGES
from tests.clients.samples import SAMPLES


@pytest.mark.parametrize("sample_name", SAMPLES)
@pytest.mark.parametrize("writer", LANGUAGES)
def test_what_one_client_saves_all_load(
    writer: str, sample_name: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    sample = SAMPLES[sample_name]
    source = tmp_path / sample.name
    if sample.format == "directory":
        source.mkdir()
    sample.write(source)
    name = f"{sample_name} of {writer}"
    saved = programs(writer).result(server, "save", name, sample.format, source, "--alias", "matrix")

    unequal = []
    for reader in LANGUAGES:
        came_back = tmp_path / reader
        loaded = programs(reader).result(server, "load", name, came_back, "--alias", "matrix")
        assert loaded == {"version": saved["version"], "id": saved["id"], "format": sample.format}
        if not sample.equal(source, came_back, {writer, reader}):
            unequal.append(reader)
    assert unequal == []


@pytest.mark.parametrize("writer", LANGUAGES)
def test_a_file_and_a_directory_keep_their_names(writer: str, programs: Programs, server: str, tmp_path: Path) -> None:
    file, folder = tmp_path / "modél 1.onnx", tmp_path / "wéights"
    file.write_bytes(b"model")
    (folder / "a").mkdir(parents=True)
    for source, kind in ((file, "file"), (folder, "directory")):
        programs(writer).result(server, "save", f"{kind} named by {writer}", kind, source)
        assert Client(server).load_artifact(f"{kind} named by {writer}").name == source.name

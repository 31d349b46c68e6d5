"""What any client writes, every client reads as an equal value: each neutral format, through one real server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from argosy import Client
from tests.clients.conftest import Programs
from tests.clients.languages import LANGUAGES, SETTINGS
from tests.clients.samples import SAMPLES, tree


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
        if not sample.equal(source, came_back):
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


@pytest.mark.parametrize("writer", LANGUAGES)
def test_a_link_to_a_directory_is_kept_as_all_that_is_in_it(
    writer: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/weights").write_bytes(b"w")
    (tmp_path / "current").symlink_to(tmp_path / "real")
    programs(writer).result(server, "save", f"linked by {writer}", "directory", tmp_path / "current")
    assert (Client(server).load_artifact(f"linked by {writer}") / "weights").read_bytes() == b"w"


@pytest.mark.parametrize("writer", LANGUAGES)
def test_a_name_that_is_no_text_is_never_saved_as_another(
    writer: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "folder") + b"/caf\xe9")).write_bytes(b"w")
    refused = programs(writer).run(server, "save", f"misnamed by {writer}", "directory", tmp_path / "folder")
    assert refused.code != 0
    assert list(Client(server).list_artifact_versions(f"misnamed by {writer}")) == []


@pytest.mark.parametrize("reader", LANGUAGES)
def test_where_the_locale_names_no_encoding_a_file_has_its_name_or_is_refused(
    reader: str, programs: Programs, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modél.onnx").write_bytes(b"model")
    Client(server).save_artifact(tmp_path / "modél.onnx", "named")
    monkeypatch.setitem(SETTINGS, "LC_ALL", "C")
    ended = programs(reader).run(server, "load", "named", tmp_path / "again")
    assert ended.code == 0 or ended.error == "MalformedContent"
    assert not (tmp_path / "again").exists() or (tmp_path / "again").read_bytes() == b"model"


@pytest.mark.parametrize("reader", LANGUAGES)
def test_a_directory_that_is_there_is_filled_and_not_replaced(
    reader: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    """A volume that is mounted cannot be replaced."""
    SAMPLES["directory"].write(tmp_path / "weights")
    Client(server).save_artifact(tmp_path / "weights", "of a volume")
    (tmp_path / "volume").mkdir()
    before = (tmp_path / "volume").stat().st_ino
    programs(reader).result(server, "load", "of a volume", tmp_path / "volume")
    assert (tmp_path / "volume").stat().st_ino == before
    assert tree(tmp_path / "volume") == tree(tmp_path / "weights")

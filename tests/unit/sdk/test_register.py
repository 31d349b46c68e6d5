from __future__ import annotations

import json
import os
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import fsspec
import pytest

import argosy
from argosy import AlreadyExistsError, CorruptDataError, MaterializerError, NotFoundError, ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from tests.unit.sdk.test_download import contents


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Daten 1#.csv"
    path.write_bytes(b"a,b\n1,2\n")
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    (root / "train" / "0").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "train" / "0" / "ä b.png").write_bytes(b"png")
    (root / "labels.txt").write_text("0")
    return root


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A place fsspec reads, allowed by setting."""
    monkeypatch.setenv("ARGOSY_REFERENCE_SCHEMES", "file,memory")
    files = fsspec.filesystem("memory")
    files.pipe({"/bucket/x.csv": b"remote", "/bucket/tree/a.txt": b"a", "/bucket/tree/deep/b.txt": b"b"})
    yield files
    files.rm("/bucket", recursive=True)


def document_of(version: ArtifactVersion) -> Any:
    with version.open() as stream:
        return json.load(stream)


def test_by_copy_the_bytes_are_in_the_store(file: Path) -> None:
    saved = argosy.register_artifact(
        file, "data", alias="prod", tags=["raw"], metadata={"by": "Ada"}, description="As it came.", version="v1"
    )
    file.unlink()
    loaded = argosy.load_artifact("data", alias="prod")
    assert (loaded.name, loaded.read_bytes()) == ("Daten 1#.csv", b"a,b\n1,2\n")
    assert (saved.format, saved.version, saved.tags, saved.description) == ("file", "v1", ("raw",), "As it came.")
    assert saved.metadata["by"] == "Ada"


@pytest.mark.parametrize("copy", [True, False])
def test_tags_may_come_from_an_iterator(file: Path, copy: bool) -> None:
    saved = argosy.register_artifact(file, "data", copy=copy, tags=iter(["raw", "daily"]))
    assert saved.tags == ("daily", "raw")


def test_by_copy_a_directory_is_what_a_saved_path_is(tree: Path) -> None:
    saved = argosy.register_artifact(str(tree), "images")
    assert saved.format == "directory"
    assert contents(saved.load()) == contents(tree)


def test_by_reference_only_the_place_and_the_digest_are_in_the_store(file: Path) -> None:
    saved = argosy.register_artifact(file, "data", copy=False, metadata={"by": "Ada"}, tags=["raw"])
    (entry,) = document_of(saved)["files"]
    assert (entry["path"], entry["uri"], entry["size"]) == ("Daten 1#.csv", file.resolve().as_uri(), 8)
    assert entry["digest"].startswith("blake3:")
    assert (saved.format, saved.metadata["size_bytes"], saved.metadata["by"]) == ("reference", 8, "Ada")
    loaded = argosy.load_artifact("data")
    assert (loaded.name, loaded.read_bytes()) == (file.name, b"a,b\n1,2\n")
    assert loaded != file, "a copy: what is done to it is not done to what was registered"


def test_a_directory_by_reference_comes_back_whole(tree: Path, tmp_path: Path) -> None:
    saved = argosy.register_artifact(tree.as_uri(), "images", copy=False)
    assert contents(saved.load()) == contents(tree)
    assert contents(saved.download(tmp_path / "back")) == contents(tree)
    with pytest.raises(FileExistsError, match="exists already"):
        saved.download(tmp_path / "back")


@pytest.mark.parametrize(
    "changed", [b"a,b\n1,3\n", b"a,b\n1,2\n5", b"a,b\n", b""], ids=["other", "longer", "cut", "no"]
)
def test_bytes_that_changed_since_are_never_a_value(file: Path, tmp_path: Path, changed: bytes) -> None:
    saved = argosy.register_artifact(file, "data", copy=False)
    file.write_bytes(changed)
    with pytest.raises(CorruptDataError, match="changed since it was registered: its 8 bytes had blake3:"):
        saved.load()
    with pytest.raises(CorruptDataError, match="register it again"):
        saved.download(tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_the_setting_none_allows_no_place_and_an_empty_one_is_not_set(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_REFERENCE_SCHEMES", "")
    saved = argosy.register_artifact(file, "data", copy=False)
    monkeypatch.setenv("ARGOSY_REFERENCE_SCHEMES", "none")
    with pytest.raises(MaterializerError, match=r"may have \(none\); to allow it set ARGOSY_REFERENCE_SCHEMES=file,"):
        saved.load()
    with pytest.raises(MaterializerError, match=r"'file' is not among"):
        argosy.register_artifact(file, "data", copy=False)


def test_what_is_gone_is_not_found(file: Path, tmp_path: Path) -> None:
    saved = argosy.register_artifact(file, "data", copy=False)
    file.unlink()
    with pytest.raises(NotFoundError, match="does not exist; what is registered by reference is found only where"):
        saved.load()
    with pytest.raises(NotFoundError):
        saved.download(tmp_path / "back")


def test_a_link_that_took_the_place_is_not_followed(file: Path, tmp_path: Path) -> None:
    saved = argosy.register_artifact(file, "data", copy=False)
    file.rename(tmp_path / "moved")
    file.symlink_to(tmp_path / "moved")
    with pytest.raises(MaterializerError, match="it is a symbolic link now, which is never followed"):
        saved.load()


def test_other_schemes_are_read_where_the_setting_allows_them(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = argosy.register_artifact("memory://bucket/x.csv", "one", copy=False)
    many = argosy.register_artifact("memory://bucket/tree", "many", copy=False)
    copied = argosy.register_artifact("memory://bucket/tree", "copied")
    assert one.load().read_bytes() == b"remote"
    assert contents(many.load()) == {"a.txt": b"a", "deep": None, "deep/b.txt": b"b"}
    assert [entry["uri"] for entry in document_of(many)["files"]] == [
        "memory://bucket/tree/a.txt",
        "memory://bucket/tree/deep/b.txt",
    ]
    monkeypatch.setenv("ARGOSY_REFERENCE_SCHEMES", "file")
    assert contents(copied.load()) == {"a.txt": b"a", "deep": None, "deep/b.txt": b"b"}
    with pytest.raises(MaterializerError, match=r"'memory' is not among .* set ARGOSY_REFERENCE_SCHEMES=file,memory"):
        one.load()


def test_remote_bytes_that_changed_or_are_gone_are_told(memory: Any) -> None:
    saved = argosy.register_artifact("memory://bucket/x.csv", "one", copy=False)
    memory.pipe("/bucket/x.csv", b"change")
    with pytest.raises(CorruptDataError, match=r"memory://bucket/x\.csv changed since it was registered"):
        saved.load()
    memory.rm("/bucket/x.csv")
    with pytest.raises(NotFoundError, match=r"memory://bucket/x\.csv does not exist"):
        saved.load()


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize(
    ("location", "complaint"),
    [
        ("s3://bucket/x.csv", "the scheme 's3' is not among those references may have (file)"),
        ("file://host/x.csv", "names the host 'host'; write file:///path"),
        ("file:///data/../etc/passwd", "has a '.' or '..' part"),
        ("file:///data/%2e%2e/passwd", "has a '.' or '..' part"),
        ("file://me:secret@localhost/x", "has a user, a query or a fragment, which may be credentials"),
        ("file:///x?X-Signature=secret", "has a user, a query or a fragment"),
        ("file:///x#secret", "has a user, a query or a fragment"),
        ("file:///a::memory://b", "has '::'"),
    ],
)
def test_a_uri_that_says_more_than_an_allowed_place_is_refused(location: str, complaint: str, copy: bool) -> None:
    with pytest.raises(MaterializerError) as caught:
        argosy.register_artifact(location, "data", copy=copy)
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)
    assert list(argosy.list_artifact_versions()) == []


def test_links_and_special_files_are_refused(file: Path, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(MaterializerError, match=r"is a symbolic link to .*; register what it leads to"):
        argosy.register_artifact(tmp_path / "link", "data", copy=False)
    (tree / "link").symlink_to("/etc")
    with pytest.raises(MaterializerError, match="is a symbolic link to '/etc'; links are never followed"):
        argosy.register_artifact(tree, "data", copy=False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(MaterializerError, match="is neither a file nor a directory"):
            argosy.register_artifact("socket", "data", copy=False)
    assert list(argosy.list_artifact_versions()) == []


def test_a_named_pipe_in_the_place_of_the_file_does_not_hang_a_load(file: Path) -> None:
    saved = argosy.register_artifact(file, "data", copy=False)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(MaterializerError, match="is no plain file"):
        saved.load()


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "file", "name": "../x", "files": [], "empty_directories": []},
        {"kind": "directory", "name": "x", "files": [{"path": "../y"}], "empty_directories": []},
        {"kind": "file", "name": "x", "files": [], "empty_directories": []},
        {"kind": "directory", "name": "x", "files": [], "empty_directories": ["/tmp/x"]},
        {"kind": "pipe", "name": "x", "files": [], "empty_directories": []},
        {"kind": "directory", "name": "x", "files": [5], "empty_directories": []},
        {"kind": "file"},
        [],
    ],
)
def test_a_damaged_document_is_refused(document: Any, tmp_path: Path) -> None:
    with pytest.raises(MaterializerError):
        _foreign_reference(document).load()
    with pytest.raises(MaterializerError):
        _foreign_reference(document).download(tmp_path / "back")
    assert not (tmp_path / "back").exists()


def _foreign_reference(document: Any) -> ArtifactVersion:
    """A version as another program may write it, into a document of format ``reference``."""
    from argosy.config import resolve
    from argosy.materializers.files import FileSink
    from argosy.transport.connection import connect
    from argosy.transport.upload.save_version import save_version
    from argosy.v1.artifact_pb2 import ArtifactSpec

    sink = FileSink()
    sink.write("reference.json", json.dumps(document).encode())
    connection = connect(resolve())
    return ArtifactVersion(
        save_version(connection, ArtifactSpec(name="foreign", format="reference"), sink.files), connection
    )


def test_what_is_registered_in_a_step_is_linked_to_it(file: Path) -> None:
    @argosy.step
    def ingest() -> None:
        argosy.register_artifact(file, "by_reference", copy=False)
        argosy.register_artifact(file, "by_copy")

    @argosy.pipeline
    def loading() -> None:
        ingest()

    record = loading().steps["ingest"]
    assert [version.name for version in record.saved] == ["by_reference", "by_copy"]


def test_a_reference_feeds_a_step_that_is_cached_until_the_reference_is_another(file: Path) -> None:
    @argosy.step
    def count(data: Path) -> int:
        return len(data.read_bytes())

    @argosy.pipeline
    def counting() -> None:
        count(argosy.ExternalArtifact(name="data"))

    argosy.register_artifact(file, "data", copy=False)
    assert [counting().steps["count"].status for _ in range(2)] == ["completed", "cached"]
    file.write_bytes(b"longer than before")
    argosy.register_artifact(file, "data", copy=False)
    record = counting().steps["count"]
    assert (record.status, record.output.load()) == ("completed", 18)


def test_registering_and_loading_hold_a_small_part_of_the_file_in_memory(tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as stream:
        stream.truncate(200 << 20)
    argosy.register_artifact(tmp_path / "large.bin", "warm", copy=False)
    tracemalloc.start()
    argosy.register_artifact(large, "large", copy=False).load()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 << 20


def test_what_cannot_be_meant_is_refused(file: Path) -> None:
    for location in ("", 5, None):
        with pytest.raises(ParameterError, match="register_artifact takes a path or URI"):
            argosy.register_artifact(location, "data")  # type: ignore[arg-type]  # mypy finds it too
    with pytest.raises(ParameterError, match="copy='no' is neither True nor False"):
        argosy.register_artifact(file, "data", copy="no")  # type: ignore[arg-type]  # as above
    with pytest.raises(ParameterError, match=r"register_artifact\(name=...\)"):
        argosy.register_artifact(file, "a::b", copy=False)
    with pytest.raises(ParameterError, match="no path has a NUL character; leave it out"):
        argosy.register_artifact("a\0b", "data")
    with pytest.raises(NotFoundError, match=r"missing\.csv does not exist"):
        argosy.register_artifact("missing.csv", "data", copy=False)
    with pytest.raises(
        NotFoundError, match=r"missing\.csv does not exist; register_artifact takes the path or URI of wh"
    ):
        argosy.register_artifact("missing.csv", "data")
    argosy.register_artifact(file, "data", copy=False, version="v1")
    with pytest.raises(AlreadyExistsError):
        argosy.register_artifact(file, "data", copy=False, version="v1")

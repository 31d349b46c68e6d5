"""Materializers of the user's own that do what the store could not take: refused or warned about by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

import argosy
from argosy.errors import MaterializerError, ParameterError
from argosy.execution.values.prepared_value import DescriptionWarning
from argosy.materializers.files import FileSink, FileSource
from argosy.sdk.artifacts import load_artifact, save_artifact
from argosy.sdk.client import Client


class Trespasser:
    """Kept by a materializer that writes where previews belong."""

    def __init__(self, path: str) -> None:
        self.path = path


class TrespassingMaterializer(argosy.Materializer[Trespasser]):
    types = (Trespasser,)
    format = "trespass"

    def save(self, value: Trespasser, files: FileSink) -> None:
        files.write("data", b"content")
        files.write(value.path, b"content")

    def load(self, files: FileSource, as_type: type[Trespasser] | None) -> Trespasser:
        return Trespasser(files.read("data").decode())


@pytest.mark.parametrize("path", [".argosy/data", ".argosy/previews/head.html", ".argosy"])
def test_a_materializer_that_writes_where_previews_belong_is_refused(path: str) -> None:
    rule = rf"TrespassingMaterializer.save wrote '{path}'.*below '\.argosy/'.*choose another path"
    with pytest.raises(MaterializerError, match=rule):
        save_artifact(Trespasser(path), "trespass")
    assert list(Client().list_artifacts()) == []


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        *[(path, "no relative path of plain parts") for path in ("../x", "/x", "a//b", "a/./b", "a/")],
        ("", "which is no path; give files.write a text"),
        ("a\0b", "control or unprintable characters"),
        ("\ud800", "no valid Unicode"),
        *[(path, "a backslash or a drive letter; separate parts by '/'") for path in ("a\\b", "c:/x")],
        ("x" * 2000, "2000 characters; at most 1024"),
        ("data/more", "'data' is a file and a folder"),
    ],
)
def test_a_materializer_that_writes_outside_of_its_version_is_refused(path: str, rule: str) -> None:
    told = rf"^(value\[0\]: )?[\w.]+:TrespassingMaterializer\.save wrote .*{re.escape(rule)}"
    for value in (Trespasser(path), [Trespasser(path)]):
        with pytest.raises(MaterializerError, match=told) as caught:
            save_artifact(value, "trespass")
        assert "items/" not in str(caught.value)
    assert list(Client().list_artifacts()) == []


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"a": "x" * 70_000}, "70003 bytes, at most 65536 are allowed"),
        ({"": 1}, "a key is empty"),
        ({"a": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_facts_the_store_would_refuse_are_left_out_with_a_warning(facts: dict[str, Any], problem: str) -> None:
    class Odd:
        pass

    class OddMaterializer(argosy.Materializer[Odd]):
        types = (Odd,)
        format = "odd"

        def save(self, value: Odd, files: FileSink) -> None:
            files.write("odd", b"")

        def load(self, files: FileSource, as_type: type[Odd] | None) -> Odd:
            return Odd()

        def extract_metadata(self, value: Odd) -> dict[str, Any]:
            return facts

    with pytest.warns(DescriptionWarning, match=problem):
        saved = save_artifact(Odd(), "odd", metadata={"mine": 1}, materializer=OddMaterializer)
    assert dict(saved.metadata) == {"mine": 1}


def test_facts_give_way_to_metadata_of_the_user_that_leaves_no_room() -> None:
    fits = 256 * 1024 - len('log""')
    with pytest.warns(DescriptionWarning, match="no metadata was extracted from 'value': ValueError: .* at most 0 are"):
        saved = save_artifact([1, 2], "value", metadata={"log": "x" * fits})
    assert dict(saved.metadata) == {"log": "x" * fits}
    with pytest.raises(ParameterError, match=r"at most 262144 are allowed: save it as an artifact"):
        saved.update(metadata={"log": "x" * (fits + 1)})


def test_a_file_that_is_not_there_is_named_and_nothing_is_stored(tmp_path: Path) -> None:
    class Late:
        pass

    class LateMaterializer(argosy.Materializer[Late]):
        types = (Late,)
        format = "late"

        def save(self, value: Late, files: FileSink) -> None:
            files.write_file("late", tmp_path / "absent")

        def load(self, files: FileSource, as_type: type[Late] | None) -> Late:
            return Late()

    with pytest.raises(MaterializerError, match="absent is no file, so it cannot become 'late'"):
        save_artifact(Late(), "late", materializer=LateMaterializer)
    assert list(Client().list_artifacts()) == []


def test_a_file_may_be_named_by_its_text(tmp_path: Path) -> None:
    class Drawn:
        pass

    class DrawnMaterializer(argosy.Materializer[Drawn]):
        types = (Drawn,)
        format = "drawn"

        def save(self, value: Drawn, files: FileSink) -> None:
            (tmp_path / "drawn").write_bytes(b"drawn")
            files.write_file("drawn.bin", str(tmp_path / "drawn"))

        def load(self, files: FileSource, as_type: type[Drawn] | None) -> Drawn:
            assert files.read("drawn.bin") == b"drawn"
            return Drawn()

    assert type(save_artifact(Drawn(), "drawn", materializer=DrawnMaterializer).load()) is Drawn


def test_a_file_that_is_gone_when_save_returns_is_named_with_the_cure(tmp_path: Path) -> None:
    class Hasty:
        pass

    class HastyMaterializer(argosy.Materializer[Hasty]):
        types = (Hasty,)
        format = "hasty"

        def save(self, value: Hasty, files: FileSink) -> None:
            (tmp_path / "made").write_bytes(b"made")
            files.write_file("made.bin", tmp_path / "made")
            (tmp_path / "made").unlink()

        def load(self, files: FileSource, as_type: type[Hasty] | None) -> Hasty:
            return Hasty()

    rule = r"HastyMaterializer\.save gave 'made\.bin' the file .*made, which is gone; .*files\.temporary_directory\(\)"
    with pytest.raises(MaterializerError, match=rule):
        save_artifact(Hasty(), "hasty", materializer=HastyMaterializer)
    assert list(Client().list_artifacts()) == []


class Halved:
    """Kept by a materializer that fails in the middle of what it does."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at


class HalvedMaterializer(argosy.Materializer[Halved]):
    types = (Halved,)
    format = "halved"
    folders: ClassVar[list[Path]] = []

    def save(self, value: Halved, files: FileSink) -> None:
        folder = files.temporary_directory()
        self.folders.append(folder)
        (folder / "first").write_bytes(b"x" * 1000)
        files.write_file("first", folder / "first")
        if value.fails_at == "save":
            raise ZeroDivisionError("half-way")
        files.write("second", value.fails_at.encode())

    def load(self, files: FileSource, as_type: type[Halved] | None) -> Halved:
        files.read("first")
        if files.read("second") == b"load":
            raise ZeroDivisionError("half-way")
        return Halved()


def test_a_materializer_that_raises_half_way_stores_nothing_and_leaves_nothing_on_disk() -> None:
    rule = "HalvedMaterializer failed to save value: ZeroDivisionError.'half-way'"
    with pytest.raises(MaterializerError, match=rule):
        save_artifact(Halved("save"), "halved")
    with pytest.raises(MaterializerError, match=r"failed to save value\[.inside.\]: ZeroDivisionError"):
        argosy.save_artifacts({"whole": 5, "halved": {"inside": Halved("save")}})
    assert list(Client().list_artifacts()) == []
    assert [folder for folder in HalvedMaterializer.folders if folder.exists()] == []


def test_a_materializer_that_raises_half_way_through_loading_is_named_with_the_type() -> None:
    save_artifact(Halved("load"), "halved")
    with pytest.raises(MaterializerError, match=r"HalvedMaterializer failed to load a .*:Halved: ZeroDivisionError"):
        load_artifact("halved")


def test_a_materializer_whose_format_changed_since_does_not_read_what_it_wrote_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_artifact(Halved(), "halved")
    monkeypatch.setattr(HalvedMaterializer, "format", "halved-2")
    rule = "recorded with format 'halved', but .*HalvedMaterializer reads 'halved-2'; pass materializer= one that reads"
    with pytest.raises(MaterializerError, match=rule):
        load_artifact("halved")


def test_a_materializer_that_makes_another_class_than_was_saved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    save_artifact(Halved(), "halved")
    monkeypatch.setattr(HalvedMaterializer, "load", lambda *_: Trespasser("another"))
    rule = r"a .*:Halved was saved, but .*HalvedMaterializer made a .*:Trespasser of it"
    with pytest.raises(MaterializerError, match=rule):
        load_artifact("halved")


def test_a_file_of_another_format_under_our_name_is_never_a_value() -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(1000)

    class Forged:
        pass

    class ForgerMaterializer(argosy.Materializer[Forged]):
        types = (Forged,)
        format = "parquet"

        def save(self, value: Forged, files: FileSink) -> None:
            files.write("data.parquet", picture)

        def load(self, files: FileSource, as_type: type[Forged] | None) -> Forged:
            return Forged()

    save_artifact(Forged(), "forged")
    for reader in ("argosy.pandas", "argosy.arrow", "argosy.arrow_stream", "argosy.polars"):
        with pytest.raises(MaterializerError, match=r"data\.parquet cannot be read as parquet"):
            load_artifact("forged", materializer=reader)

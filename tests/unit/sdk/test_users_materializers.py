"""Materializers of the user's own that do what the store could not take: refused or warned about by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import MaterializerError, ParameterError
from argosy.execution.prepared_value import DescriptionWarning
from argosy.materializers.files import FileSink, FileSource
from argosy.sdk.artifacts import save_artifact
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


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/./b", "", "a\0b", "a/", "x" * 2000])
def test_a_materializer_that_writes_outside_of_its_version_is_refused(path: str) -> None:
    with pytest.raises(argosy.ArgosyError) as caught:
        save_artifact(Trespasser(path), "trespass")
    assert "path" in str(caught.value)
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

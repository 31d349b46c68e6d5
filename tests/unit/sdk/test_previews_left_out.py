"""Previews that cannot be kept beside a value: each is left out with a warning, and the value is saved all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import argosy
from argosy.execution.values import preview_making
from argosy.execution.values.prepared_value import DescriptionWarning
from argosy.materializers.files import FileSink
from argosy.sdk.artifacts import load_artifact, save_artifact
from tests.unit.sdk.photos import LARGE, SMALL, Photo, PhotoMaterializer


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, bytes]]]:
    """A ``visualize`` that does not return before the test ends."""
    ended, begun = threading.Event(), []
    monkeypatch.setattr(preview_making, "MOST_SECONDS", 0.05)

    def show() -> dict[str, bytes]:
        begun.append(threading.current_thread())
        ended.wait()
        return {"late.txt": b"late"}

    yield show
    ended.set()
    for thread in begun:
        thread.join()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_preview_that_hangs_is_left_out_and_the_value_is_saved(
    size: int, hang: Callable[[], dict[str, bytes]]
) -> None:
    with pytest.warns(DescriptionWarning, match=r"'photo': .*PhotoMaterializer\.visualize took more than 0\.05 s"):
        saved = save_artifact(Photo(size, hang), "photo")
    assert (saved.file_count, len(load_artifact("photo").content)) == (1, size)


def test_a_materializer_that_hangs_is_not_asked_again_before_it_is_done(hang: Callable[[], dict[str, bytes]]) -> None:
    with pytest.warns(DescriptionWarning, match="took more than"):
        save_artifact(Photo(SMALL, hang), "photo")
    with pytest.warns(DescriptionWarning, match="is still busy with an earlier value"):
        save_artifact(Photo(SMALL, lambda: {"a.txt": b"a"}), "photo")


def _explode() -> dict[str, bytes]:
    raise SystemExit("visualize gave up")


@pytest.mark.parametrize(
    ("show", "problem"),
    [
        pytest.param(_explode, "SystemExit: visualize gave up", id="exits"),
        pytest.param(lambda: {"a.txt": "text"}, "preview 'a.txt' is a str; return bytes", id="text"),
        pytest.param(lambda: {"../a.txt": b""}, r"'\.\./a\.txt' is no relative path", id="leads-out"),
        pytest.param(lambda: {"/a.txt": b""}, "'/a.txt' is no relative path", id="absolute"),
        pytest.param(lambda: {"a\n.txt": b""}, "is no path of a preview", id="control-character"),
        pytest.param(lambda: {"x" * 300: b""}, "at most 200 bytes", id="long-path"),
        pytest.param(lambda: {"page.xhtml": b""}, r"does not end like a preview.*: \.html, ", id="unknown-kind"),
        pytest.param(
            lambda: 7, r"PhotoMaterializer\.visualize returned 7; return a dict of path -> bytes", id="no-dict"
        ),
        pytest.param(lambda: None, r"visualize returned None; return a dict of path -> bytes.*or \{\}", id="nothing"),
    ],
)
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_what_is_no_preview_is_left_out_with_a_warning(show: Callable[[], Any], problem: str, size: int) -> None:
    with pytest.warns(DescriptionWarning, match=problem):
        saved = save_artifact(Photo(size, show), "photo")
    assert (saved.file_count, saved.previews) == (1, ())


def test_a_preview_that_is_none_takes_no_other_with_it() -> None:
    made: dict[str, Any] = {"a.html": b"a", "b.html": "b", "c.svgz": b"c", "d.txt": b"d"}
    told = (
        r"^not all previews were made of 'photo': preview 'b\.html' is a str.*; 'c\.svgz' does not end like a preview"
    )
    with pytest.warns(DescriptionWarning, match=told):
        saved = save_artifact(Photo(SMALL, lambda: made), "photo")
    assert saved.previews == ("a.html", "d.txt")


def test_previews_have_bounds_and_those_that_fit_are_kept() -> None:
    made = {"a.txt": bytes(600 << 10), "b.txt": bytes(600 << 10), "c.txt": b"c"}
    with pytest.warns(
        DescriptionWarning,
        match=r"^not all previews were made of .*: a version has at most 20 previews.*left out: 'b\.txt' of 614,400",
    ):
        saved = save_artifact(Photo(SMALL, lambda: made), "photo")
    assert saved.previews == ("a.txt", "c.txt")
    with pytest.warns(DescriptionWarning, match="and 7 more"):
        saved = save_artifact(Photo(SMALL, lambda: {f"{place}.txt": b"x" for place in range(30)}), "photo")
    assert len(saved.previews) == 20


def test_a_value_of_as_many_files_as_a_version_may_have_is_saved_without_preview() -> None:
    limit = argosy.Client().connection.capabilities.max_files

    class Many(PhotoMaterializer):
        format = "many"

        def save(self, value: Photo, files: FileSink) -> None:
            for place in range(limit):
                files.write(f"{place}", b"")

    with pytest.warns(DescriptionWarning, match=rf"at most {limit} files, and the value has {limit}"):
        saved = save_artifact(Photo(SMALL, lambda: {"a.txt": b"a"}), "photo", materializer=Many)
    assert saved.file_count == limit

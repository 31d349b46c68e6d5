"""``version.preview()``: what is made of a value beside its save, and what files show by themselves."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import argosy
import argosy.aio
from argosy.errors import NotFoundError, ParameterError
from argosy.execution.values.prepared_value import PickleWarning
from argosy.sdk.artifacts import load_artifact, save_artifact
from argosy.sdk.batch import save_artifacts
from tests.unit.sdk.foreign_files import save_files
from tests.unit.sdk.moved_bytes import count_moved_bytes
from tests.unit.sdk.photos import LARGE, SMALL, Photo

MiB = 1 << 20


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_previews_are_kept_beside_the_value_and_images_are_shown_before_texts(size: int) -> None:
    made = {"b.html": b"<p>b</p>", "a.png": b"\x89PNG", "deep/c.txt": b"c"}
    saved = save_artifact(Photo(size, lambda: made), "photo")
    assert saved.previews == ("a.png", "b.html", "deep/c.txt")
    assert saved.preview() == argosy.Preview("a.png", "image/png", b"\x89PNG")
    assert saved.preview("deep/c.txt").text == "c"
    assert len(load_artifact("photo").content) == size


def test_the_preview_of_a_large_value_is_made_while_the_value_is_sent() -> None:
    sent = threading.Event()

    def show() -> dict[str, bytes]:
        return {"sent.txt": b"yes" if sent.wait(60) else b"no"}

    def on_progress(progress: argosy.TransferProgress) -> None:
        if progress.done_bytes == LARGE:
            sent.set()

    saved = save_artifact(Photo(LARGE, show), "photo", on_progress=on_progress)
    assert saved.preview("sent.txt").text == "yes"


def test_a_batch_keeps_previews_of_small_and_large_values_alike() -> None:
    def shown(size: int) -> Photo:
        return Photo(size, lambda: {"size.txt": str(size).encode()})

    values = {"small": shown(SMALL), "large": shown(LARGE)}
    assert [version.preview().text for version in save_artifacts(values)] == [str(SMALL), str(LARGE)]


def test_outputs_and_external_values_have_previews_too() -> None:
    @argosy.step
    def develop(photo: Photo) -> Photo:
        return Photo(LARGE, lambda: {"output.txt": b"output"})

    @argosy.pipeline
    def developing() -> None:
        develop(argosy.ExternalArtifact(Photo(SMALL, lambda: {"input.txt": b"input"})))

    step = developing().steps["develop"]
    assert (step.output.preview().text, step.inputs["photo"].preview().text) == ("output", "input")


def test_a_version_without_preview_says_why_and_one_with_others_which() -> None:
    saved = save_artifact(Photo(SMALL, lambda: {"a.txt": b"a"}), "photo", include_visualizations=False)
    assert saved.previews == ()
    with pytest.raises(NotFoundError, match=r"'photo' version 1 has no preview: .*include_visualizations=False"):
        saved.preview()
    saved = save_artifact(Photo(SMALL, lambda: {"head.txt": b"a", "b.txt": b""}), "photo")
    with pytest.raises(
        NotFoundError,
        match=r"no preview 'heat\.txt' \(did you mean 'head\.txt'.*its previews are 'b\.txt', 'head\.txt'",
    ):
        saved.preview("heat.txt")
    with pytest.raises(ParameterError, match="got a int"):
        saved.preview(0)  # type: ignore[arg-type]


def test_a_preview_of_a_large_value_moves_nothing_but_the_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = save_artifact(Photo(LARGE, lambda: {"a.txt": b"x" * 1000}), "photo")
    from argosy.transport.connection import disconnect_all

    disconnect_all()
    moved = count_moved_bytes(monkeypatch)
    assert len(argosy.get_artifact("photo").preview().content) == 1000
    assert (moved.count, moved.calls, moved.others) == (1000, 1, [])
    assert saved.size_bytes == LARGE + 1000


@pytest.mark.parametrize(
    ("value", "path", "text"),
    [
        pytest.param("line\n", "data.txt", "line\n", id="text"),
        pytest.param({"a": [1, 2]}, "data.json", '{"a": [1, 2]}', id="json"),
        pytest.param(np.float32(1.5), "value.txt", "1.5", id="numpy-scalar"),
        pytest.param(np.array(7), "value.txt", "7", id="no-dimensions"),
    ],
)
def test_files_people_can_read_are_their_own_preview(value: object, path: str, text: str) -> None:
    saved = save_artifact(value, "value")
    assert (saved.file_count, saved.previews, saved.preview().text) == (1, (path,), text)


def test_a_directory_shows_its_files(tmp_path: Path) -> None:
    (tmp_path / "report" / "deep").mkdir(parents=True)
    (tmp_path / "report" / "a.txt").write_text("x")
    (tmp_path / "report" / "deep" / "b.bin").write_bytes(bytes(2048))
    shown = save_artifact(tmp_path / "report", "report").preview()
    assert shown.text.splitlines() == ["    1 B  a.txt", "2.0 KiB  deep/b.bin", "2 files, 2.0 KiB"]


def test_a_file_shows_itself_if_it_is_of_a_kind_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>page</p>")
    (tmp_path / "model.bin").write_bytes(b"\0")
    assert save_artifact(tmp_path / "page.html", "page").preview().media_type == "text/html"
    assert save_artifact(tmp_path / "model.bin", "model").previews == ()


@pytest.mark.parametrize(
    ("value", "media_type"),
    [
        (argosy.HTMLString("<p>Ü</p>"), "text/html"),
        (argosy.MarkdownString("# Ü"), "text/markdown"),
        (argosy.CSVString("a,b\n1,Ü\n"), "text/csv"),
    ],
)
def test_a_text_of_a_kind_shows_itself_as_what_it_is(value: str, media_type: str) -> None:
    shown = save_artifact(value, "text").preview()
    assert (shown.media_type, shown.text) == (media_type, value)


def test_a_report_of_some_megabytes_is_its_own_preview_and_shown_only_when_asked_for() -> None:
    report = save_artifact(argosy.HTMLString("x" * (5 * MiB)), "report")
    assert (report.file_count, report.preview().text) == (1, "x" * (5 * MiB))
    assert "data.html has 5.0 MiB; .preview() shows it" in report._repr_html_()
    assert len(report._repr_html_()) < 10_000


def test_a_page_too_large_to_show_is_told_by_its_size() -> None:
    report = save_artifact(argosy.HTMLString("x" * (17 * MiB)), "report")
    with pytest.raises(argosy.NotFoundError, match=r"data.html has 17.0 MiB, .*is shown up to 16.0 MiB; download it"):
        report.preview()


def test_versions_made_without_python_are_shown_too() -> None:
    assert save_files("rows", "json", {"data.json": b'{"rows":[1,2]}'}).preview().text == '{"rows": [1, 2]}'
    array = io.BytesIO()
    np.save(array, np.arange(3.0))
    assert "<svg" in save_files("array", "npy", {"data.npy": array.getvalue()}).preview().text


NUMBERS = np.random.default_rng(0).random(300_000)


@pytest.mark.parametrize(
    ("large", "path"),
    [
        pytest.param(NUMBERS, "array.html", id="array"),
        pytest.param(pd.DataFrame({"<i>": NUMBERS}), "head.html", id="frame"),
        pytest.param(pd.Series(NUMBERS, name="<i>"), "head.html", id="series"),
    ],
)
def test_small_arrays_and_tables_are_drawn_when_somebody_looks_and_large_ones_when_they_are_saved(
    large: Any, path: str
) -> None:
    versions = save_artifact(large[:100], "small"), save_artifact(large, "large")
    assert [version.file_count for version in versions] == [1, 2]
    for version in versions:
        assert version.previews == (path,)
        assert "<svg" in version.preview().text
        assert "<i>" not in version.preview().text


def test_a_large_frame_whose_file_is_small_is_drawn_when_it_is_saved() -> None:
    frame = pd.DataFrame({"text": ["x" * 100] * 200_000})
    saved = save_artifact(frame, "repeated")
    assert saved.size_bytes < 1 * MiB
    assert saved.file_count == 2
    assert "200,000" in saved.preview().text


def parquet_of(frame: pd.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


SHOW_NOTHING = {
    "gigabytes of one text": ("parquet", "data.parquet", parquet_of(pd.DataFrame({"a": ["x" * 10_000] * 100_000}))),
    "gigabytes in lists": ("parquet", "data.parquet", parquet_of(pd.DataFrame({"a": [["x" * 9999]] * 100_000}))),
    "many numbers": ("parquet", "data.parquet", parquet_of(pd.DataFrame({"a": np.zeros(5_000_000)}))),
    "another format": ("parquet", "data.parquet", b"no parquet"),
    "another name": ("parquet", "table.parquet", parquet_of(pd.DataFrame({"a": [1]}))),
    "a shape beyond all": (
        "npy",
        "data.npy",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999999999999)}".ljust(127)
        + b"\n",
    ),
}


@pytest.mark.parametrize(("format", "path", "content"), SHOW_NOTHING.values(), ids=SHOW_NOTHING)
def test_files_that_show_nothing_say_why_and_a_notebook_shows_that(format: str, path: str, content: bytes) -> None:
    saved = save_files("odd", format, {path: content})
    assert saved.previews == ()
    with pytest.raises(NotFoundError, match="'odd' version 1 has no preview here: "):
        saved.preview()
    assert "no preview: " in saved._repr_html_()


def test_an_estimator_is_a_diagram() -> None:
    saved = save_artifact(make_pipeline(StandardScaler(), LogisticRegression(C=0.25)), "model")
    assert saved.previews == ("estimator.html",)
    assert "StandardScaler" in saved.preview().text


class Doubled(BaseEstimator, TransformerMixin):  # type: ignore[misc]  # scikit-learn has no types
    """A transformer that skops does not know."""

    def fit(self, x: Any, y: Any = None) -> Doubled:
        return self

    def transform(self, x: Any) -> Any:
        return x * 2


def test_an_estimator_that_is_pickled_has_its_diagram_and_facts_and_the_warning_says_why_it_is() -> None:
    with pytest.warns(PickleWarning, match=r"Pipeline is kept as a pickle \(skops does not trust .*Doubled\)"):
        saved = save_artifact(make_pipeline(Doubled(), LogisticRegression()), "model")
    assert (saved.format, saved.previews) == ("cloudpickle", ("estimator.html",))
    assert saved.metadata["estimator"] == "Pipeline"
    assert "Doubled" in saved.preview().text


def test_a_small_frame_that_is_pickled_has_its_table() -> None:
    with pytest.warns(PickleWarning, match="complex128"):
        saved = save_artifact(pd.DataFrame({"phase": [1 + 2j]}), "frame")
    assert (saved.format, saved.previews, saved.metadata["rows"]) == ("cloudpickle", ("head.html",), 1)


def test_asyncio_clients_have_previews_too() -> None:
    save_artifact(Photo(LARGE, lambda: {"a.txt": b"a", "b.html": b"b"}), "photo")

    async def look() -> tuple[tuple[str, ...], str]:
        async with argosy.aio.Client() as client:
            version = await client.get_artifact_version("photo")
            return await version.previews(), (await version.preview("a.txt")).text

    assert asyncio.run(look()) == (("b.html", "a.txt"), "a")


def test_a_version_in_a_notebook_is_shown_with_its_preview() -> None:
    saved = save_artifact("<b>text</b>", "value", tags=["<i>"], metadata={"<u>": "<s>"})
    shown = saved._repr_html_()
    assert "<pre" in shown
    assert [tag for tag in ("<b>text", "<i>", "<u>", "<s>") if tag in shown] == []
    assert "&lt;b&gt;text&lt;/b&gt;" in shown


def test_a_version_whose_preview_is_damaged_is_shown_without_it(home: Path) -> None:
    saved = save_artifact(Photo(LARGE, lambda: {"a.txt": b"a" * 100_000}), "photo")
    (blob,) = [path for path in (home / "blobs").rglob("*") if path.is_file() and path.stat().st_size == 100_000]
    blob.chmod(0o600)
    blob.write_bytes(b"b" * 100_000)
    assert "no preview: " in saved._repr_html_()

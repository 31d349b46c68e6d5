"""Cases that ZenML tests, or that its users tell of, in our own words: those no other test of ours shows.

docs/coming-from-zenml.md names them all, with the tests of each.
"""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import argosy


@argosy.step
def passed_on(x: Any) -> Any:
    return x


@argosy.step(enable_cache=False)
def saving(number: int) -> int:
    return int(argosy.save_artifact(number, "shared").version)


@argosy.step(enable_cache=False)
def loading(version: str) -> int:
    loaded: int = argosy.load_artifact("shared", version)
    return loaded


def test_an_array_has_one_format_whatever_ran_before(home: Path) -> None:
    array = np.arange(3.0)

    @argosy.pipeline
    def passing() -> None:
        passed_on(argosy.ExternalArtifact(array))

    before = argosy.save_artifact(array, "array")
    output = passing().steps["passed_on"].output
    after = argosy.save_artifact(array, "array")
    assert [version.format for version in (before, output, after)] == ["npy", "npy", "npy"]


def test_several_outputs_do_not_depend_on_how_return_is_written(home: Path) -> None:
    def both() -> tuple[int, str]:
        return 1, "a"

    @argosy.step
    def named() -> tuple[Annotated[int, "number"], Annotated[str, "text"]]:
        made = both()
        return made  # noqa: RET504 - which ZenML takes for one output

    @argosy.step
    def called() -> tuple[int, str]:
        return both()

    @argosy.step
    def one() -> Annotated[tuple[int, ...], "pair"]:
        return 1, 2

    @argosy.pipeline
    def returning() -> None:
        number, text = named()
        called()
        one()
        passed_on(number)
        passed_on(text)

    run = returning()
    assert {key: version.load() for key, version in run.steps["named"].outputs.items()} == {"number": 1, "text": "a"}
    assert [version.load() for version in run.steps["called"].outputs.values()] == [1, "a"]
    assert run.steps["one"].output.load() == (1, 2)


def test_three_named_outputs_are_three_artifacts_of_one_step(home: Path) -> None:
    @argosy.step
    def measure() -> tuple[Annotated[int, "rows"], Annotated[float, "mean"], Annotated[list[str], "names"]]:
        return 2, 0.5, ["a", "b"]

    @argosy.pipeline
    def measuring() -> None:
        measure()

    record = measuring().steps["measure"]
    assert [argosy.load_artifact(name) for name in ("rows", "mean", "names")] == [2, 0.5, ["a", "b"]]
    assert {version.producer_step_run_id for version in record.outputs.values()} == {record.id}


def test_an_input_and_an_output_may_have_one_name(home: Path) -> None:
    @argosy.step
    def grow(rows: int) -> Annotated[int, "rows"]:
        return rows + 1

    @argosy.pipeline
    def growing() -> None:
        grow(grow(1))

    run = growing()
    assert [run.steps[name].outputs["rows"].load() for name in ("grow", "grow_2")] == [2, 3]
    assert run.steps["grow_2"].inputs == {"rows": run.steps["grow"].outputs["rows"]}


def test_versions_that_steps_saved_are_loaded_by_later_steps_and_later_runs(home: Path) -> None:
    @argosy.pipeline
    def exchanging(number: int, version: str) -> None:
        loading.with_options(after=saving(number))(version)

    assert exchanging(41, "1").steps["loading"].output.load() == 41
    assert exchanging(42, "2").steps["loading"].output.load() == 42
    assert exchanging(43, "1").steps["loading"].output.load() == 41


def test_an_output_may_have_the_name_of_what_its_step_saves(home: Path) -> None:
    @argosy.step
    def fit() -> Annotated[int, "weights"]:
        argosy.save_artifact(41, "weights")
        return 42

    @argosy.pipeline
    def fitting() -> None:
        fit()

    record = fitting().steps["fit"]
    assert (record.saved[0].version, record.outputs["weights"].version) == ("1", "2")
    assert (argosy.load_artifact("weights", 1), argosy.load_artifact("weights")) == (41, 42)


def test_many_processes_that_save_under_one_name_get_the_next_numbers(home: Path) -> None:
    @argosy.pipeline(runner="processes", max_parallel=4)
    def crowd() -> None:
        saving.map(list(range(20)))

    versions = [record.output.load() for record in crowd().steps.values()]
    assert sorted(versions) == list(range(1, 21))
    assert sorted(version.load() for version in argosy.list_artifact_versions("shared")) == list(range(20))


def test_pipelines_called_in_several_threads_run_at_the_same_time(home: Path) -> None:
    together = threading.Barrier(2, timeout=60)

    @argosy.step(enable_cache=False)
    def meet(name: str) -> str:
        together.wait()
        return name

    @argosy.pipeline
    def meeting(name: str) -> None:
        meet(name)

    runs: dict[str, argosy.PipelineRun] = {}
    threads = [threading.Thread(target=lambda name=name: runs.__setitem__(name, meeting(name))) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: run.steps["meet"].output.load() for name, run in runs.items()} == {"a": "a", "b": "b"}


def test_a_file_of_many_pieces_comes_whole(store: str, tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes((5 << 20) + 4097)
    (tmp_path / "big.bin").write_bytes(content)
    version = argosy.save_artifact(tmp_path / "big.bin", "big")
    assert (version.download(tmp_path / "copy") / "big.bin").read_bytes() == content
    assert version.load().read_bytes() == content


def test_facts_keep_their_types(home: Path) -> None:
    facts = {
        "float": 0.5,
        "int": 2,
        "text": "a",
        "texts": ["a", "b"],
        "numbers": [0.5, 1.5],
        "none": None,
        "more": {"k": 1},
    }
    argosy.save_artifact(1, "weights")
    argosy.log_metadata(facts, artifact="weights", version="1")
    found = argosy.get_artifact("weights").metadata
    assert {key: found[key] for key in facts} == facts
    assert [type(found[key]) for key in ("float", "int")] == [float, int]


def test_a_frame_of_one_row_is_saved_with_its_index_and_facts(home: Path) -> None:
    frame = pd.DataFrame({"height": [1.8]}, index=pd.Index(["p1"], name="patient"))
    version = argosy.save_artifact(frame, "patients")
    pd.testing.assert_frame_equal(argosy.load_artifact("patients"), frame)
    assert version.metadata["rows"] == 1


def test_a_version_of_another_project_is_no_input(home: Path) -> None:
    foreign = argosy.Client(project="elsewhere").save_artifact(1, "weights")

    @argosy.pipeline
    def passing() -> None:
        passed_on(foreign)

    with pytest.raises(argosy.NotFoundError, match=foreign.id):
        passing()


def test_what_holds_a_lock_is_refused_by_the_path_of_the_lock(home: Path) -> None:
    with pytest.raises(argosy.MaterializerError, match="RLock cannot be pickled") as caught:
        argosy.save_artifact({"model": {"guard": threading.RLock()}}, "guarded")
    assert 'value["model"]["guard"]' in str(caught.value)
    assert list(argosy.list_artifact_versions()) == []


def test_the_store_is_used_by_programs_that_no_file_holds(home: Path) -> None:
    program = """
import argosy

@argosy.step
def one() -> int:
    return 1

@argosy.pipeline
def counting() -> None:
    one()

run = counting()
value = run.steps["one"].output.load()
"""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program, "<string>", "exec"), namespace)
    assert namespace["value"] == 1


def test_parameters_may_be_keywords_only(home: Path) -> None:
    @argosy.step
    def scale(x: int, *, by: int = 2) -> int:
        return x * by

    @argosy.pipeline
    def scaling() -> None:
        scale(scale(1), by=3)

    run = scaling()
    assert [run.steps[name].output.load() for name in ("scale", "scale_2")] == [2, 6]


def test_images_and_reports_come_back_as_what_they_were(home: Path) -> None:
    image = Image.new("RGB", (4, 3), (200, 30, 40))
    argosy.save_artifact(image, "image")
    loaded = argosy.load_artifact("image")
    assert (loaded.size, loaded.mode, loaded.tobytes()) == (image.size, image.mode, image.tobytes())
    for report in (argosy.HTMLString("<h1>ü</h1>"), argosy.MarkdownString("# ü"), argosy.CSVString("a,b\n1,2\n")):
        saved = argosy.save_artifact(report, "report")
        back = argosy.load_artifact("report")
        assert (type(back), back, saved.format) == (type(report), report, type(report).__name__[:-6].lower())


def test_a_class_that_cannot_be_imported_any_more_is_named_at_loading(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shapes_of_then.py").write_text(
        "import dataclasses\n\n@dataclasses.dataclass\nclass Box:\n    side: int\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    argosy.save_artifact(importlib.import_module("shapes_of_then").Box(3), "box")
    assert argosy.load_artifact("box").side == 3
    monkeypatch.delitem(sys.modules, "shapes_of_then")
    (tmp_path / "shapes_of_then.py").unlink()
    importlib.invalidate_caches()
    with pytest.raises(argosy.MaterializerError, match=r"shapes_of_then.*as_type="):
        argosy.load_artifact("box")


def test_many_small_files_come_whole(store: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for number in range(21):
        (tree / f"part{number % 3}").mkdir(parents=True, exist_ok=True)
        (tree / f"part{number % 3}" / f"{number}.txt").write_text(str(number))
    copy = argosy.save_artifact(tree, "tree").download(tmp_path / "copy")
    found = {path.relative_to(copy).as_posix(): path.read_text() for path in copy.rglob("*.txt")}
    assert found == {f"part{number % 3}/{number}.txt": str(number) for number in range(21)}


@pytest.mark.parametrize("copy", [True, False])
def test_a_folder_that_a_step_registers_is_used_by_the_next_step(home: Path, tmp_path: Path, copy: bool) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("three")

    @argosy.step
    def ingest() -> None:
        argosy.register_artifact(tmp_path / "data", "folder", copy=copy)

    @argosy.step
    def count(data: Path) -> int:
        return len((data / "a.txt").read_text())

    @argosy.pipeline
    def ingesting() -> None:
        made = ingest()
        count.with_options(after=made)(argosy.ExternalArtifact(name="folder"))

    run = ingesting()
    assert run.steps["count"].output.load() == 5
    assert run.steps["count"].inputs == {"data": run.steps["ingest"].saved[0]}


def test_a_run_of_many_steps_is_read_whole(home: Path) -> None:
    @argosy.pipeline(enable_cache=False)
    def many() -> None:
        passed_on.map(list(range(60)))

    run = argosy.Client().get_run(many().id)
    assert sorted(record.output.load() for record in run.steps.values()) == list(range(60))


def test_a_value_goes_to_the_store_that_is_named_with_all_its_parts(home: Path, tmp_path: Path) -> None:
    other = argosy.Client(server=f"embedded://{tmp_path / 'other'}")
    other.save_artifact({"array": np.arange(3)}, "parts")
    assert other.load_artifact("parts")["array"].tolist() == [0, 1, 2]
    assert not home.exists()
    assert list(argosy.Client().list_artifacts()) == []


def test_an_unnamed_output_of_several_is_told_of_by_its_number(home: Path) -> None:
    @argosy.step
    def measure() -> tuple[Annotated[int, "rows"], float]:
        argosy.log_metadata({"unit": "mm"}, artifact="output_1")
        return 2, 0.5

    @argosy.pipeline
    def measuring() -> None:
        measure()

    outputs = measuring().steps["measure"].outputs
    assert outputs["output_1"].metadata["unit"] == "mm"
    assert "unit" not in outputs["rows"].metadata

"""``with_options(output_names=...)``: one step, called several times, whose outputs are artifacts of several names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import pytest

import argosy


@argosy.step
def split(rows: int) -> tuple[Annotated[int, "train"], Annotated[int, "test"]]:
    argosy.log_metadata({"rows": rows}, artifact="train")
    return rows - 1, 1


@argosy.step
def double(x: int) -> int:
    return 2 * x


@argosy.pipeline
def two_splits() -> None:
    for place, rows in (("north", 10), ("south", 20)):
        train, _ = split.with_options(output_names={"train": f"train_{place}", "test": f"test_{place}"})(rows)
        double.with_options(output_names=f"doubled_{place}")(train)


def test_each_call_of_a_step_keeps_its_outputs_under_names_of_their_own(home: Path) -> None:
    run = two_splits()
    assert {name: argosy.load_artifact(name) for name in ("train_north", "train_south", "test_north")} == {
        "train_north": 9,
        "train_south": 19,
        "test_north": 1,
    }
    assert (argosy.load_artifact("doubled_north"), argosy.load_artifact("doubled_south")) == (18, 38)
    names = [summary.name for summary in argosy.Client().list_artifacts()]
    assert names == ["doubled_north", "doubled_south", "test_north", "test_south", "train_north", "train_south"]
    assert run.steps["split_2"].outputs["train"].name == "train_south"


def test_inside_the_step_an_output_is_called_what_it_was(home: Path) -> None:
    assert two_splits().steps["split_2"].outputs["train"].metadata["rows"] == 20


def test_the_name_is_part_of_what_makes_a_step_the_same(home: Path) -> None:
    @argosy.pipeline
    def one_split(place: str) -> None:
        split.with_options(output_names={"train": f"train_{place}"})(10)

    one_split("west")
    assert one_split("west").steps["split"].status == "cached"
    assert one_split("east").steps["split"].cache_miss == ("outputs",)


@argosy.step
def measure(rows: int) -> tuple[Annotated[int, "rows"], Annotated[int, "half"], int]:
    return rows, rows // 2, 0


def test_new_names_of_some_outputs_stand_beside_the_others_and_stay_in_a_cached_run(home: Path) -> None:
    @argosy.pipeline
    def measuring(place: str) -> None:
        measure.with_options(output_names={"half": f"half_{place}"})(8)

    names = {"rows": "rows", "half": "half_west", "output_2": "measuring::measure::output_2"}
    for status in ("completed", "cached"):
        record = measuring("west").steps["measure"]
        assert record.status == status
        assert {key: version.name for key, version in record.outputs.items()} == names


def test_the_step_itself_keeps_its_names(home: Path) -> None:
    two_splits()

    @argosy.pipeline
    def plain() -> None:
        split(10)

    assert plain().steps["split"].outputs["train"].name == "train"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"trian": "x"}, "there is no output 'trian' (did you mean 'train'?); the outputs are 'train', 'test'"),
        ("x", "output_names is a dict of output to artifact name, not 'x'; the outputs are 'train', 'test'"),
        ({"train": "a::b"}, "output_names['train']: 'a::b' has '::'"),
        ({"train": "test"}, "two outputs are named 'test'"),
        ({"train": 3}, "output_names['train']: "),
    ],
)
def test_names_that_cannot_be_meant_are_refused_where_they_are_given(names: Any, message: str) -> None:
    with pytest.raises(argosy.DefinitionError, match=re.escape(message)) as caught:
        split.with_options(output_names=names)
    assert "test_output_names.py" in str(caught.value)

"""``run_step`` runs a step as a pipeline would, and gives back what the next step would be given."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pytest

import argosy
from argosy.testing import IsolatedProject, run_step


@argosy.step
def halves(x: np.ndarray, at: int = 1) -> tuple[Annotated[np.ndarray, "left"], Annotated[np.ndarray, "right"]]:
    print("cut at", at)
    return x[:at], x[at:]


@argosy.step(enable_cache=True)
def double(x: int) -> int:
    return 2 * x


@argosy.step
def forget(x: int) -> None:
    pass


@argosy.step
def reverse(x: np.ndarray) -> np.ndarray:
    assert x.flags.c_contiguous, "it was not loaded"
    return x[::-1]


@argosy.step
def refuse(x: int) -> int:
    raise KeyError(x)


@argosy.step
def leak(x: int) -> Any:
    return (step for step in range(x))


@pytest.mark.usefixtures("argosy_project")
def test_several_outputs_are_a_tuple_and_found_by_name() -> None:
    result = run_step(halves, np.arange(3.0), at=2)
    assert [part.tolist() for part in result.value] == [[0.0, 1.0], [2.0]]
    assert result.outputs["right"].tolist() == [2.0]
    assert result.record.status == "completed"
    assert result.record.parameters == {"at": 2}
    assert str(result.record.logs()).splitlines()[-1].endswith("cut at 2")


@pytest.mark.usefixtures("argosy_project")
def test_one_output_is_its_value_and_none_is_none() -> None:
    assert run_step(double, 4).value == 8
    assert run_step(forget, 4).value is None
    assert run_step(forget, 4).outputs == {}


@pytest.mark.usefixtures("argosy_project")
def test_values_pass_by_the_store_on_both_ways() -> None:
    backwards = np.arange(4.0)[::-1]
    result = run_step(reverse, backwards)
    assert result.value.flags.c_contiguous
    assert result.record.inputs["x"].format == "npy"


@pytest.mark.usefixtures("argosy_project")
def test_it_runs_each_time_even_when_the_step_asks_for_the_cache() -> None:
    assert [run_step(double, 4).record.status for _ in range(2)] == ["completed", "completed"]


def test_a_stored_version_is_given_as_it_is(argosy_project: IsolatedProject) -> None:
    stored = argosy.save_artifact(21, "answers")
    result = run_step(double, argosy.ExternalArtifact(name="answers"))
    assert (result.value, result.record.inputs["x"]) == (42, stored)


@pytest.mark.usefixtures("argosy_project")
def test_what_the_step_raises_is_raised() -> None:
    with pytest.raises(KeyError) as caught:
        run_step(refuse, 3)
    assert caught.value.args == (3,)


@pytest.mark.usefixtures("argosy_project")
def test_a_parameter_that_does_not_fit_is_refused_as_in_a_pipeline() -> None:
    with pytest.raises(argosy.ParameterError, match="x"):
        run_step(double, "four")


@pytest.mark.usefixtures("argosy_project")
def test_an_output_that_nothing_can_keep_is_noticed() -> None:
    with pytest.raises(argosy.SaveOutputError):
        run_step(leak, 3)


def test_outside_of_an_isolated_project_it_is_refused_with_the_cure() -> None:
    with pytest.raises(argosy.PreconditionError, match=r"127\.0\.0\.1:1; let the test take the fixture argosy_project"):
        run_step(double, 4)


def test_a_plain_function_is_no_step() -> None:
    with pytest.raises(TypeError, match=r"what @argosy\.step makes"):
        run_step(lambda x: x, 4)  # type: ignore[arg-type]  # that is the mistake

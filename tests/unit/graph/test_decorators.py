"""Steps and pipelines as their users hold them: plain calls, options, pickles, prompts."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.errors import GraphError
from argosy.execution.context import StepContext, current_step, entered_step
from argosy.graph.external_artifact import ExternalArtifact
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step

CONTEXT = StepContext("run", "step-run", "training", "fit", "fit_2")


@step
def total(data: list[int], extra: int = 0) -> int:
    """Add up."""
    return sum(data) + extra


@step()
def with_parentheses(x: int, /) -> int:
    return x


@step(name="renamed", enable_cache=False)
def with_options(x: int) -> int:
    return x


@pipeline
def training(extra: int = 0) -> None:
    """Train."""
    total([1], extra)


@pipeline(name="renamed pipeline", enable_cache=False)
def renamed_training() -> None:
    total([1])


def test_step_is_its_function_outside_of_pipelines() -> None:
    assert total([1, 2], extra=3) == 6
    assert with_parentheses(1) == 1
    with pytest.raises(TypeError, match=r"total\(\) missing 1 required positional argument: 'data'"):
        total()  # type: ignore[call-arg] # refused


def test_step_looks_like_its_function() -> None:
    assert (total.__name__, total.__doc__, total.__module__) == ("total", "Add up.", __name__)
    assert inspect.signature(total) == inspect.signature(total.__wrapped__)
    assert repr(total) == f"<step 'total' at {total.definition.location}>"


def test_options_of_the_decorators_are_kept() -> None:
    assert (with_options.name, with_options.definition.enable_cache) == ("renamed", False)
    assert (renamed_training.name, renamed_training.definition.enable_cache) == ("renamed pipeline", False)
    assert repr(training) == f"<pipeline 'training' at {training.definition.location}>"


def test_an_external_artifact_that_is_a_default_is_loaded_in_a_plain_call() -> None:
    seven: Any = ExternalArtifact(7)
    one_and_two: Any = (ExternalArtifact(1), ExternalArtifact(2))

    @step
    def scaled(x: int, rate: int = seven, extra: tuple[int, ...] = one_and_two) -> int:
        return x * rate + sum(extra)

    assert scaled(2) == 17
    assert scaled(2, ExternalArtifact(3), extra=()) == 6


def test_value_of_an_external_artifact_is_the_argument_of_a_plain_call() -> None:
    assert total(ExternalArtifact([1, 2])) == 3
    assert total(ExternalArtifact(value=[]), ExternalArtifact(0)) == 0


def test_output_of_a_pipeline_has_no_value_outside() -> None:
    kept: list[Any] = []

    @pipeline
    def keeps() -> None:
        kept.append(total([1]))

    keeps.record()
    with pytest.raises(GraphError, match=r"is used outside the body of its pipeline.*run\.steps"):
        total(kept[0])


def test_step_called_inside_a_running_step_is_a_plain_call() -> None:
    @pipeline
    def body() -> None:
        with entered_step(CONTEXT):
            assert total([1, 2]) == 3
        total([1])

    assert list(body.record().invocations) == ["total"]


def test_context_is_that_of_the_running_step_only() -> None:
    assert current_step() is None
    with entered_step(CONTEXT) as context:
        assert current_step() is context
    assert current_step() is None


def test_pipeline_inside_a_running_step_is_refused() -> None:
    with entered_step(CONTEXT), pytest.raises(GraphError, match="'training' is called inside the running step 'fit_2'"):
        training.record()


@pytest.mark.parametrize("decorated", [total, with_options, training, renamed_training])
def test_decorated_functions_are_pickled_by_reference(decorated: Any) -> None:
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert copy.deepcopy(decorated) is decorated


def test_options_travel_in_the_pickle() -> None:
    changed = pickle.loads(pickle.dumps(total.with_options(name="a").with_options(enable_cache=False, after="x")))
    assert (changed.name, changed.__wrapped__) == ("a", total.__wrapped__)
    run: Any = pickle.loads(pickle.dumps(training.with_options(run_name="r", enable_cache=True)))
    assert (run.record().run_name, run.record().cache_override) == ("r", True)


def test_seed_page_decorates_and_records_as_written() -> None:
    names: dict[str, Any] = {"__name__": "seed", "np": np, "step": step, "pipeline": pipeline}
    names["ExternalArtifact"] = ExternalArtifact
    exec(
        "@step\n"
        "def trainer(data: np.ndarray) -> ...:\n"
        "    ...\n"
        "\n"
        "@pipeline\n"
        "def my_pipeline():\n"
        "    trainer(data=ExternalArtifact(np.array([1, 2, 3])))\n",
        names,
    )
    graph = names["my_pipeline"].record()
    invocation = graph.invocations["trainer"]
    assert invocation.artifacts["data"].value.tolist() == [1, 2, 3]
    assert graph.output_name(invocation, invocation.step.outputs.specs[0]) == "my_pipeline::trainer::output"


PROGRAM = """
from __future__ import annotations
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step
from argosy.execution.caching.code_fingerprint import fingerprint_code

class Box: pass

@step
def make(size: int) -> Box: return Box()

@pipeline
def p(): make("3")

graph = p.record()
print(graph.invocations["make"].parameters["size"].json, make(1).__class__.__name__)
print(fingerprint_code(make.__wrapped__).digest is not None)
"""


def run_python(arguments: list[str], text: str | None = None) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(argosy.__path__[0]).parent)}
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_python_c_has_no_source_and_works() -> None:
    assert run_python(["-c", PROGRAM]) == ["3 Box", "True"]


def test_prompt_works() -> None:
    typed = PROGRAM.replace("\nclass", "\n\nclass").replace("\n@", "\n\n@").replace("\ngraph", "\n\ngraph")
    assert run_python(["-i", "-q"], typed) == ["3 Box", "True"]


def test_script_works(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    assert run_python([str(script)]) == ["3 Box", "True"]


def test_decorating_and_recording_load_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "grpc", "google.protobuf", "sqlalchemy", "pydantic", "rich"]
    program = PROGRAM + f"\nimport sys\nprint([name for name in {heavy} if name in sys.modules])\n"
    assert run_python(["-c", program])[-1] == "[]"

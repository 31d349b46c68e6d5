"""Random graphs whose steps fail, are tried again and are cached, against what a plain model says of them."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.transport.connection import disconnect_all

STEPS = 14


class Planned(Exception):
    """A failure that the test wants."""


@argosy.step(enable_cache=False, retry=1)
def node(inputs: list[int], name: str, fails: int) -> int:
    """Fail so often, then return the sum of what it is given, and one."""
    tried = Path(name)
    attempt = len(tried.read_text()) if tried.exists() else 0
    tried.write_text("." * (attempt + 1))
    if attempt < fails:
        raise Planned(name)
    return sum(inputs) + 1


@argosy.step(enable_cache=False)
def source() -> int:
    return 0


class Model:
    """What must become of each step of a random graph."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.upstream = {
            index: sorted(chance.sample(range(index), min(index, chance.randint(0, 3)))) for index in range(STEPS)
        }
        self.fails = {index: chance.choice([0, 0, 0, 0, 0, 1, 1, 2]) for index in range(STEPS)}
        self.max_parallel = chance.choice([1, 2, 4, 8])

    def pipeline(self, mode: Any = "fail_fast") -> Any:
        """Return the graph as a pipeline."""

        def body() -> None:
            self._record()

        return argosy.pipeline(name="random", execution_mode=mode, max_parallel=self.max_parallel)(body)

    def _record(self) -> None:
        start: Any = source()
        outputs: dict[int, Any] = {}
        for index, upstream in self.upstream.items():
            inputs = [start, *(outputs[other] for other in upstream)]
            outputs[index] = node.with_options(name=f"s{index}")(inputs, f"s{index}", self.fails[index])

    def values(self) -> dict[int, int | None]:
        """Return the value of each step, ``None`` for those that fail or cannot run."""
        values: dict[int, int | None] = {}
        for index, upstream in self.upstream.items():
            inputs = [values[other] for other in upstream]
            known = [value for value in inputs if value is not None]
            values[index] = sum(known) + 1 if len(known) == len(inputs) and self.fails[index] < 2 else None
        return values

    def statuses(self) -> dict[str, str]:
        """Return how each step ends when branches that do not depend on a failed one go on."""
        found = {"source": "completed"}
        values = self.values()
        for index, upstream in self.upstream.items():
            runs = all(values[other] is not None for other in upstream)
            found[f"s{index}"] = ("completed" if self.fails[index] < 2 else "failed") if runs else "skipped"
        return found


@pytest.fixture(params=range(12))
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    monkeypatch.delenv("ARGOSY_SERVER", raising=False)
    monkeypatch.chdir(tmp_path)
    yield Model(request.param)
    disconnect_all()


def ended(model: Model, mode: Any) -> argosy.PipelineRun:
    """Run the graph of a model and return its record, whatever it raised."""
    try:
        run: argosy.PipelineRun = model.pipeline(mode)()
    except Planned:
        run = next(iter(argosy.Client().list_runs())).reload()
    return run


def test_what_can_run_runs_and_what_cannot_is_skipped(model: Model) -> None:
    run = ended(model, "continue")
    assert {name: step.status for name, step in run.steps.items()} == model.statuses()
    assert run.status == ("failed" if "failed" in model.statuses().values() else "completed")
    for index, value in model.values().items():
        if value is not None:
            assert run.steps[f"s{index}"].output.load() == value


def test_after_the_first_failure_only_what_runs_ends(model: Model) -> None:
    run = ended(model, "fail_fast")
    expected = model.statuses()
    failed = {name for name, step in run.steps.items() if step.status == "failed"}
    final = {name for name in failed if expected[name] == "failed"}
    # One whose first attempt failed is not tried again after another step has failed for good.
    once = {f"s{index}" for index, count in model.fails.items() if count} if final else set()
    assert failed <= final | once
    for name, step in run.steps.items():
        assert name in failed or step.status in {expected[name], "skipped"}
    assert bool(final) == ("failed" in expected.values())
    assert len(final) <= model.max_parallel


def test_a_failed_run_is_resumed_until_it_is_complete(model: Model) -> None:
    run = ended(model, "continue")
    for _ in range(STEPS):
        if run.status == "failed":
            with contextlib.suppress(Planned):
                model.pipeline().resume(run)
            run = run.reload()
    assert {step.status for step in run.steps.values()} == {"completed"}
    model.fails = dict.fromkeys(model.fails, 0)
    for index, value in model.values().items():
        assert run.steps[f"s{index}"].output.load() == value

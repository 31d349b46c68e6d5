"""The pickle setting: an argument wins over the step, the step over the client, the project file, the environment."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import DefinitionError, MaterializerError, PickleRefusedError, SaveOutputError
from argosy.execution.values.prepared_value import PickleWarning


class Opaque:
    """Nothing but pickle keeps it."""

    def __init__(self, number: int) -> None:
        self.number = number


@pytest.fixture(autouse=True)
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PickleWarning)
        yield


@pytest.fixture
def forbidden(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "0")


def runs() -> int:
    return len(list(argosy.Client().list_runs()))


@pytest.mark.usefixtures("forbidden")
def test_a_step_may_allow_itself_what_the_settings_forbid() -> None:
    @argosy.step(allow_pickle=True)
    def make(given: Opaque) -> Opaque:
        argosy.save_artifact(Opaque(given.number), "inside")
        return Opaque(given.number + argosy.load_artifact("inside").number)

    @argosy.step(allow_pickle=True)
    def read(made: Opaque) -> int:
        return made.number

    @argosy.pipeline
    def running() -> None:
        read(make(argosy.ExternalArtifact(Opaque(2))))

    run = running()
    assert run.steps["make"].output.format == "cloudpickle"
    assert run.steps["read"].output.load() == 4
    assert read(run.steps["make"].output) == 4  # a plain call follows the same rule


def test_where_the_project_forbids_pickles_the_error_names_its_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argosy.save_artifact(Opaque(1), "opaque")
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.argosy]\nallow_pickle = false\n")

    @argosy.step
    def make() -> Opaque:
        return Opaque(1)

    @argosy.pipeline
    def making() -> None:
        make()

    def load() -> object:
        return argosy.load_artifact("opaque")

    def save() -> object:
        return argosy.save_artifact(Opaque(1), "other")

    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "1")
    calls: list[Callable[[], object]] = [making, load, save]
    for call in calls:
        with pytest.raises(PickleRefusedError) as caught:
            call()
        assert f"set allow_pickle = true in {file} [tool.argosy]" in str(caught.value)
        assert "ARGOSY_ALLOW_PICKLE" not in str(caught.value)


@pytest.mark.usefixtures("forbidden")
def test_without_the_option_the_settings_hold_and_the_error_names_the_option() -> None:
    @argosy.step
    def make() -> Opaque:
        return Opaque(1)

    @argosy.pipeline
    def running() -> None:
        make()

    with pytest.raises(PickleRefusedError, match=r"nothing has run.*@step\(allow_pickle=True\)"):
        running()
    assert runs() == 0


def test_a_step_may_forbid_itself_what_the_settings_allow(home: Path) -> None:
    @argosy.step(allow_pickle=False)
    def make() -> Opaque:
        return Opaque(1)

    @argosy.step(allow_pickle=False)
    def read(made: Any) -> int:
        return int(made.number)

    @argosy.step(allow_pickle=False)
    def save() -> None:
        argosy.save_artifact(Opaque(1), "opaque")

    @argosy.step(allow_pickle=False)
    def untyped() -> Any:
        return Opaque(1)

    @argosy.pipeline
    def one_step(which: str, made: Any = None) -> None:
        if which == "read":
            read(made)
        else:
            steps: dict[str, Any] = {"make": make, "save": save, "untyped": untyped}
            steps[which]()

    with pytest.raises(PickleRefusedError, match="nothing has run"):
        one_step("make")
    with pytest.raises(PickleRefusedError, match="pickle is off"):
        one_step("read", argosy.ExternalArtifact(Opaque(1)))
    assert runs() == 0
    with pytest.raises(PickleRefusedError, match="pickle is off"):
        one_step("save")
    with pytest.raises(SaveOutputError, match="pickle is off"):
        one_step("untyped")
    stored = argosy.save_artifact(Opaque(3), "stored")
    with pytest.raises(PickleRefusedError, match="pickle is off"):
        one_step("read", stored)
    with pytest.raises(PickleRefusedError, match="pickle is off"):
        read(stored)


def test_an_argument_wins_over_the_step(home: Path) -> None:
    @argosy.step(allow_pickle=False, enable_cache=False)
    def save_and_load() -> int:
        saved = argosy.save_artifact(Opaque(3), "opaque", allow_pickle=True)
        return int(saved.load(allow_pickle=True).number)

    @argosy.pipeline
    def running() -> None:
        save_and_load()

    assert running().steps["save_and_load"].output.load() == 3


@pytest.mark.parametrize("client", [True, False])
def test_the_step_wins_over_the_client(home: Path, client: bool) -> None:
    @argosy.step(allow_pickle=not client, enable_cache=False)
    def save() -> str:
        try:
            argosy.Client(allow_pickle=client).save_artifact(Opaque(3), "opaque")
        except PickleRefusedError:
            return "refused"
        return "saved"

    @argosy.pipeline
    def running() -> None:
        save()

    assert running().steps["save"].output.load() == ("refused" if client else "saved")


@pytest.mark.usefixtures("forbidden")
def test_naming_the_pickle_materializer_is_no_way_around_the_setting() -> None:
    @argosy.step(output_materializers="argosy.cloudpickle")
    def make() -> int:
        return 1

    @argosy.pipeline
    def running() -> None:
        make()

    with pytest.raises(PickleRefusedError, match=r"output 'output' of step 'make'.*nothing has run"):
        running()
    assert runs() == 0


@pytest.mark.parametrize("chosen", [int, "nowhere:Nothing", object()])
def test_what_is_no_materializer_is_found_before_anything_runs(home: Path, chosen: Any) -> None:
    @argosy.step(output_materializers=chosen, enable_cache=False)
    def make() -> int:
        return 1

    @argosy.pipeline
    def running() -> None:
        make()

    with pytest.raises((DefinitionError, MaterializerError)) as caught:
        running()
    assert "output 'output' of step 'make'" in "".join(caught.value.__notes__)
    assert runs() == 0


@pytest.mark.parametrize("value", [1, "yes"])
def test_the_option_is_true_or_false(value: Any) -> None:
    with pytest.raises(DefinitionError, match=f"allow_pickle is True or False, not {value!r}"):

        @argosy.step(allow_pickle=value)
        def make() -> None: ...

"""What enters a pipeline from outside: values, ids, names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

import argosy
from argosy.execution.records.run_record import StepInput
from argosy.execution.values.prepared_value import DescriptionWarning


@argosy.step
def seen(x: Any) -> Any:
    return x


@argosy.step
def doubled(x: Any) -> Any:
    return 2 * x


def single(given: StepInput) -> argosy.ArtifactVersion:
    assert isinstance(given, argosy.ArtifactVersion)
    return given


@pytest.mark.parametrize("value", [0, "", [], {}, False, None, 0.0, ()], ids=repr)
def test_falsy_values_arrive_as_they_are(home: Path, value: object) -> None:
    @argosy.pipeline
    def passing() -> None:
        seen(argosy.ExternalArtifact(value))

    returned = passing().steps["seen"].output.load()
    assert (type(returned), returned) == (type(value), value)


def test_an_empty_array_arrives_as_it_is(home: Path) -> None:
    @argosy.pipeline
    def passing() -> None:
        seen(argosy.ExternalArtifact(np.empty((0, 3), dtype=np.float32)))

    returned = passing().steps["seen"].output.load()
    assert (returned.shape, returned.dtype) == ((0, 3), np.float32)


def test_one_object_in_two_steps_and_two_runs_is_uploaded_once_a_run_and_stays_as_it_is(home: Path) -> None:
    value = np.arange(4)
    artifact = argosy.ExternalArtifact(value)

    @argosy.pipeline
    def twice() -> None:
        seen(artifact)
        doubled(artifact)
        doubled([artifact])

    first, second = twice(), twice()
    uploaded = single(first.steps["seen"].inputs["x"])
    assert first.steps["doubled"].inputs == {"x": uploaded}
    assert first.steps["doubled_2"].inputs == {"x": (uploaded,)}
    assert uploaded.name == "twice::seen::x"
    assert (uploaded.kind, uploaded.named, uploaded.version) == ("external", False, "1")
    assert single(second.steps["seen"].inputs["x"]).version == "2"
    assert len(list(argosy.Client().list_artifact_versions("twice::seen::x"))) == 2
    assert artifact.value is value
    assert value.tolist() == [0, 1, 2, 3]


def test_a_value_is_hidden_from_the_list_of_artifacts_unless_asked_for(home: Path) -> None:
    @argosy.pipeline
    def passing() -> None:
        seen(argosy.ExternalArtifact(1))

    passing()
    client = argosy.Client()
    assert [item.name for item in client.list_artifacts()] == []
    assert [item.name for item in client.list_artifacts(include_unnamed=True)] == [
        "passing::seen::output",
        "passing::seen::x",
    ]


def test_id_name_version_and_alias_select_a_version(home: Path) -> None:
    first = argosy.save_artifact(1, "n")
    argosy.save_artifact(2, "n", version="two", alias="prod")
    argosy.save_artifact(3, "n")

    @argosy.pipeline
    def selecting() -> None:
        seen(argosy.ExternalArtifact(id=first.id))
        seen(argosy.ExternalArtifact(name="n", version="two"))
        seen(argosy.ExternalArtifact(name="n", alias="prod"))
        seen(argosy.ExternalArtifact(name="n"))
        seen(first)

    run = selecting()
    names = ["seen", "seen_2", "seen_3", "seen_4", "seen_5"]  # equal steps wait for each other, so they may start later
    assert [run.steps[name].output.load() for name in names] == [1, 2, 2, 3, 1]


def test_a_name_is_looked_up_when_its_step_starts(home: Path) -> None:
    @argosy.step
    def saving() -> None:
        argosy.save_artifact(42, "made_on_the_way")

    @argosy.pipeline
    def late() -> None:
        saved = saving.with_options(enable_cache=False)()
        seen.with_options(after=saved)(argosy.ExternalArtifact(name="made_on_the_way"))

    assert late().steps["seen"].output.load() == 42


@pytest.mark.parametrize(
    "missing",
    [{"name": "n", "version": 9}, {"name": "m"}, {"name": "n", "alias": "prod"}, {"id": str(uuid4())}],
    ids=["version", "name", "alias", "id"],
)
def test_what_does_not_exist_fails_its_step_by_name(home: Path, missing: dict[str, Any]) -> None:
    argosy.save_artifact(1, "n")

    @argosy.pipeline
    def selecting() -> None:
        first = seen(argosy.ExternalArtifact(name="n"))
        doubled.with_options(after=first)(argosy.ExternalArtifact(**missing))
        seen(first)

    with pytest.raises(argosy.NotFoundError) as caught:
        selecting()
    assert isinstance(caught.value, LookupError)
    assert any("an input of step 'doubled'" in note for note in caught.value.__notes__)
    run = next(iter(argosy.Client().list_runs())).reload()
    assert {name: step.status for name, step in run.steps.items()} == {
        "seen": "completed",
        "doubled": "failed",
        "seen_2": "skipped",
    }
    assert run.error is not None
    assert run.error.invocation == "doubled"


def test_a_value_keeps_its_materializer_and_leaves_out_what_it_was_told_to(home: Path) -> None:
    class Text(str):
        __slots__ = ()

    class Lines(argosy.Materializer[Text]):
        types = (Text,)
        format = "lines"

        def save(self, value: Text, files: Any) -> None:
            files.write("lines.txt", value.encode())

        def load(self, files: Any, as_type: type[Text] | None) -> Text:
            return Text(files.read("lines.txt").decode())

        def extract_metadata(self, value: Text) -> dict[str, Any]:
            return {"lines": value.count("\n") + 1}

        def visualize(self, value: Text) -> dict[str, bytes]:
            return {"head.txt": value[:5].encode()}

    with_all = argosy.ExternalArtifact(Text("a\nb"), materializer=Lines)
    with_nothing = argosy.ExternalArtifact(
        Text("a\nb"), materializer=Lines(), extract_metadata=False, include_visualizations=False
    )

    @argosy.pipeline
    def passing() -> None:
        seen(with_all)
        seen(with_nothing)

    run = passing()
    versions = [single(step.inputs["x"]) for step in run.steps.values()]
    assert [version.format for version in versions] == ["lines", "lines"]
    assert [dict(version.metadata) for version in versions] == [{"lines": 2}, {}]
    assert [version.file_count for version in versions] == [2, 1]
    assert versions[0].content_digest == versions[1].content_digest
    assert [step.output.load() for step in run.steps.values()] == ["a\nb", "a\nb"]


def test_metadata_and_previews_that_cannot_be_made_are_warned_about(home: Path) -> None:
    class Text(str):
        __slots__ = ()

    class Fragile(argosy.Materializer[Text]):
        types = (Text,)
        format = "fragile"

        def save(self, value: Text, files: Any) -> None:
            files.write("text", value.encode())

        def load(self, files: Any, as_type: type[Text] | None) -> Text:
            return Text(files.read("text").decode())

        def extract_metadata(self, value: Text) -> dict[str, Any]:
            raise ZeroDivisionError("facts")

        def visualize(self, value: Text) -> dict[str, bytes]:
            raise ZeroDivisionError("previews")

    @argosy.step
    def length(x: Text) -> int:
        return len(x)

    @argosy.pipeline
    def passing() -> None:
        length(argosy.ExternalArtifact(Text("x"), materializer=Fragile))

    with pytest.warns(DescriptionWarning) as warned:
        run = passing()
    assert [str(warning.message) for warning in warned] == [
        "no metadata was extracted from 'passing::length::x': ZeroDivisionError: facts",
        "no preview was made of 'passing::length::x': ZeroDivisionError: previews",
    ]
    assert run.steps["length"].output.load() == 1


def test_a_value_that_cannot_be_kept_is_refused_before_anything_runs(home: Path) -> None:
    import threading

    @argosy.pipeline
    def passing() -> None:
        doubled(argosy.ExternalArtifact(1))
        seen(argosy.ExternalArtifact({"lock": threading.Lock()}))

    with pytest.raises(argosy.MaterializerError, match="lock") as caught:
        passing()
    assert any("input 'x' of step 'seen'; nothing ran" in note for note in caught.value.__notes__)
    client = argosy.Client()
    assert list(client.list_runs()) == []
    assert list(client.list_artifacts(include_unnamed=True)) == []

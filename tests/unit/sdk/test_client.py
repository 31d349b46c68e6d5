"""Client: what can be asked of one store, and that projects and stores stay apart."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import argosy
from argosy.errors import ConfigurationError, NotFoundError, ParameterError, PreconditionError
from argosy.execution.context import StepContext, entered_step
from argosy.sdk.client import Client
from argosy.transport.clients.pages import all_pages
from argosy.v1.artifact_service_pb2 import ListArtifactsResponse
from argosy.v1.pipeline_pb2 import RunState


@pytest.fixture
def client() -> Client:
    return Client()


def test_making_a_client_does_no_io(home: Path) -> None:
    assert repr(Client(server="grpc://127.0.0.1:1", project="p")) == "<Client of project 'p' at grpc://127.0.0.1:1>"
    Client()
    assert not home.exists()


def test_a_malformed_setting_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="argument server="):
        Client(server="localhost")


def test_projects_and_homes_are_separate(tmp_path: Path) -> None:
    Client(project="one").save_artifact(1, "value")
    for other in (Client(project="two"), Client(project="one", home=tmp_path / "elsewhere")):
        with pytest.raises(NotFoundError):
            other.load_artifact("value")
    assert Client(project="one").load_artifact("value") == 1


def test_what_is_told_of_a_version_is_told_in_its_own_project() -> None:
    other = Client(project="other")
    saved = other.save_artifact(1, "value")
    argosy.log_metadata({"score": 0.5}, artifact=saved)
    argosy.add_tags("good", artifact=saved)
    found = other.get_artifact_version("value")
    assert (found.metadata["score"], found.tags) == (0.5, ("good",))


def test_artifacts_are_listed_by_name(client: Client) -> None:
    for name in ("b", "A", "a/c"):
        client.save_artifact(1, name)
    latest = client.save_artifact(2, "b")
    listed = {item.name: (item.version_count, item.latest.version) for item in client.list_artifacts()}
    assert listed == {"A": (1, "1"), "a/c": (1, "1"), "b": (2, "2")}
    assert [latest] == [item.latest for item in client.list_artifacts("B")]


def test_lists_go_on_over_pages(client: Client) -> None:
    for number in range(55):
        client.save_artifact(number, "value")
    versions = [int(version.version) for version in client.list_artifact_versions("value")]
    assert list(range(55, 0, -1)) == versions


def test_pages_are_asked_for_one_by_one() -> None:
    asked: list[str] = []

    def get(token: str) -> ListArtifactsResponse:
        asked.append(token)
        return ListArtifactsResponse(next_page_token={"": "second", "second": "third"}.get(token, ""))

    pages = all_pages(get)
    next(pages)
    assert asked == [""]
    assert (len(list(pages)), asked) == (2, ["", "second", "third"])


def test_versions_are_filtered_and_ordered(client: Client) -> None:
    client.save_artifact(1, "value", tags=["x"])
    client.save_artifact(2, "value")
    client.save_artifact(3, "other", tags=["x"])
    now = datetime.now(timezone.utc)
    tagged = [(version.name, version.version) for version in client.list_artifact_versions(tag="x", oldest_first=True)]
    assert tagged == [("value", "1"), ("other", "1")]
    assert list(client.list_artifact_versions("value", created_after=now + timedelta(hours=1))) == []
    assert len(list(client.list_artifact_versions("value", created_before=now + timedelta(hours=1)))) == 2


def test_a_version_to_delete_is_named_exactly(client: Client) -> None:
    client.save_artifact(1, "value", alias="old")
    second = client.save_artifact(2, "value")
    client.save_artifact(3, "value")
    with pytest.raises(ParameterError, match="which version of 'value' shall be deleted"):
        client.delete_artifact_version("value")
    with pytest.raises(PreconditionError, match="only by force: the alias 'old' points at it"):
        client.delete_artifact_version("value", alias="old")
    client.delete_artifact_version("value", alias="old", force=True)
    client.delete_artifact_version(second.id)
    client.delete_artifact_version("value", 3)
    assert list(client.list_artifact_versions("value")) == []


def test_a_version_that_a_run_used_is_deleted_only_by_force(client: Client) -> None:
    pipelines = client.connection.pipelines
    run = pipelines.create_run("training").run
    started = pipelines.start_step(run.id, "fit", "fit").step_run
    with entered_step(StepContext(run.id, started.id, "training", "fit", "fit")):
        made = client.save_artifact(1, "value")
    with pytest.raises(PreconditionError):
        client.delete_artifact_version(made.id)
    client.delete_artifact_version(made.id, force=True)
    assert list(client.list_artifact_versions("value")) == []


def test_aliases_are_set_and_removed(client: Client) -> None:
    client.save_artifact(1, "value")
    client.save_artifact(2, "value")
    assert client.set_alias("prod", "value").version == "2"
    assert client.set_alias("prod", "value", 1).version == "1"
    assert client.load_artifact("value", alias="prod") == 1
    client.delete_alias("value", "prod")
    with pytest.raises(NotFoundError):
        client.load_artifact("value", alias="prod")


def test_runs_and_pipelines_are_found(client: Client) -> None:
    pipelines = client.connection.pipelines
    first = pipelines.create_run("training", name="first").run
    pipelines.finish_run(first.id, RunState.RUN_STATE_COMPLETED)
    pipelines.create_run("training", name="second")
    assert client.get_run("first").id == client.get_run(first.id).id == first.id
    assert [run.name for run in client.list_runs("training")] == ["second", "first"]
    assert [run.name for run in client.list_runs(status="completed")] == ["first"]
    (summary,) = client.list_pipelines()
    assert (summary.name, summary.latest_run.name, summary.run_count) == ("training", "second", 2)
    with pytest.raises(ParameterError, match="status='done' is none of running, completed"):
        client.list_runs(status="done")
    with pytest.raises(NotFoundError):
        client.get_run("third")

"""WatchArtifacts over the wire and embedded: which events come, what they tell, and where a watch begins."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1.artifact_pb2 import NewArtifactVersion, VersionSelector
from argosy.v1.watch_pb2 import WatchArtifactsRequest
from tests.api.calls import (
    complete_step,
    create,
    create_request,
    expect_refusal,
    new_request_id,
    start_run,
    start_step,
    upload_parts,
)
from tests.api.conftest import Service
from tests.api.watching import CREATED, DELETED, MOVED, REMOVED, UPDATED, Patient, Watch, facts


def set_alias(stubs: Service, project: str, alias: str, **selector: str) -> None:
    stubs.artifacts.SetAlias(
        artifacts.SetAliasRequest(
            project=project, request_id=new_request_id(), alias=alias, selector=VersionSelector(**selector)
        )
    )


def delete_alias(stubs: Service, project: str, name: str, alias: str) -> None:
    stubs.artifacts.DeleteAlias(
        artifacts.DeleteAliasRequest(project=project, request_id=new_request_id(), name=name, alias=alias)
    )


def delete(stubs: Service, project: str, version_id: str) -> None:
    stubs.artifacts.DeleteArtifactVersion(
        artifacts.DeleteArtifactVersionRequest(project=project, request_id=new_request_id(), id=version_id, force=True)
    )


def update(stubs: Service, project: str, version_id: str, **changes: Any) -> None:
    request = artifacts.UpdateArtifactVersionRequest(
        project=project, request_id=new_request_id(), id=version_id, update_mask=FieldMask(paths=list(changes))
    )
    for field, value in changes.items():
        if isinstance(value, dict):
            getattr(request, field).update(value)
        elif isinstance(value, list):
            getattr(request, field).extend(value)
        else:
            setattr(request, field, value)
    stubs.artifacts.UpdateArtifactVersion(request)


def test_a_new_version_is_told_with_all_that_is_known_of_it(stubs: Service, project: str) -> None:
    with Watch(stubs, project) as watch:
        version = create(stubs, project, "weights", tags=["gold", "a"], metadata={"loss": "0.1"})
        event = watch.next()
    assert facts(event) == (CREATED, "weights", "1", "")
    assert (event.version_id, list(event.tags)) == (version.id, ["a", "gold"])
    assert event.event_time.seconds == pytest.approx(version.create_time.seconds, abs=60)
    assert event.artifact_version.metadata == {"loss": "0.1"}
    assert (event.artifact_version.id, list(event.artifact_version.files)) == (version.id, [])


def test_a_moved_alias_is_told_with_the_version_it_left(stubs: Service, project: str) -> None:
    first = create(stubs, project, "weights")
    second = create(stubs, project, "weights")
    with Watch(stubs, project) as watch:
        set_alias(stubs, project, "prod", id=first.id)
        set_alias(stubs, project, "prod", id=second.id)
        events = watch.take(2)
    assert [facts(event) for event in events] == [(MOVED, "weights", "1", "prod"), (MOVED, "weights", "2", "prod")]
    assert [event.previous_version_id for event in events] == ["", first.id]
    assert list(events[1].artifact_version.aliases) == ["prod"]


def test_an_alias_that_points_there_already_is_no_event(stubs: Service, project: str) -> None:
    version = create(stubs, project, "weights", aliases=["prod"])
    with Watch(stubs, project) as watch:
        set_alias(stubs, project, "prod", id=version.id)
        set_alias(stubs, project, "next", id=version.id)
        assert facts(watch.next()) == (MOVED, "weights", "1", "next")


def test_a_version_born_with_an_alias_moves_it(stubs: Service, project: str) -> None:
    first = create(stubs, project, "weights", aliases=["prod"])
    with Watch(stubs, project) as watch:
        create(stubs, project, "weights", aliases=["prod", "new"])
        created, new, prod = watch.take(3)
    assert [facts(event) for event in (created, new, prod)] == [
        (CREATED, "weights", "2", ""),
        (MOVED, "weights", "2", "new"),
        (MOVED, "weights", "2", "prod"),
    ]
    assert (new.previous_version_id, prod.previous_version_id) == ("", first.id)


def test_a_removed_alias_is_told_with_the_version_it_pointed_at(stubs: Service, project: str) -> None:
    create(stubs, project, "weights", aliases=["prod"], tags=["gold"])
    create(stubs, project, "weights")
    with Watch(stubs, project) as watch:
        delete_alias(stubs, project, "weights", "prod")
        event = watch.next()
    assert (facts(event), list(event.tags)) == ((REMOVED, "weights", "1", "prod"), ["gold"])


def test_a_deleted_version_takes_its_aliases_along(stubs: Service, project: str) -> None:
    version = create(stubs, project, "weights", aliases=["best", "prod"], tags=["gold"])
    with Watch(stubs, project) as watch:
        delete(stubs, project, version.id)
        events = watch.take(3)
    assert [facts(event) for event in events] == [
        (REMOVED, "weights", "1", "best"),
        (REMOVED, "weights", "1", "prod"),
        (DELETED, "weights", "1", ""),
    ]
    assert list(events[2].tags) == ["gold"], "as they were before"
    assert not events[2].HasField("artifact_version"), "it is gone"


def test_changed_tags_and_metadata_are_told(stubs: Service, project: str) -> None:
    version = create(stubs, project, "weights", tags=["old"])
    with Watch(stubs, project) as watch:
        update(stubs, project, version.id, tags=["new"])
        update(stubs, project, version.id, metadata={"loss": "1"})
        first, second = watch.take(2)
    assert (facts(first), list(first.tags)) == ((UPDATED, "weights", "1", ""), ["new"])
    assert (facts(second), list(second.tags)) == ((UPDATED, "weights", "1", ""), ["new"])


def test_batches_uploads_and_step_outputs_are_told_too(stubs: Service, project: str) -> None:
    with Watch(stubs, project) as watch:
        one, two = (create_request(project, name) for name in ("one", "two"))
        batch = [NewArtifactVersion(spec=request.spec, files=request.files) for request in (one, two)]
        stubs.artifacts.BatchCreateArtifactVersions(
            artifacts.BatchCreateArtifactVersionsRequest(project=project, request_id=new_request_id(), versions=batch)
        )
        stubs.artifacts.UploadArtifact(upload_parts(project, "three", b"x"))
        complete_step(stubs, project, start_step(stubs, start_run(stubs, project)), four=b"x")
        assert [facts(event) for event in watch.take(4)] == [
            (CREATED, name, "1", "") for name in ("one", "two", "three", "four")
        ]


def test_a_refused_change_is_no_event(stubs: Service, project: str) -> None:
    create(stubs, project, "weights", version="best")
    with Watch(stubs, project) as watch:
        with expect_refusal(grpc.StatusCode.ALREADY_EXISTS, "VERSION_EXISTS"):
            create(stubs, project, "weights", version="best")
        create(stubs, project, "after")
        assert facts(watch.next()) == (CREATED, "after", "1", "")


def test_a_retried_change_is_one_event(stubs: Service, project: str) -> None:
    request = create_request(project, "weights")
    with Watch(stubs, project) as watch:
        for _ in range(3):
            stubs.artifacts.CreateArtifactVersion(request)
        create(stubs, project, "after")
        assert [event.name for event in watch.take(2)] == ["weights", "after"]


def test_filters_hold_together(stubs: Service, project: str) -> None:
    with (
        Watch(stubs, project, name="weights") as of_name,
        Watch(stubs, project, name="weights", alias="prod") as of_alias,
        Watch(stubs, project, tag="gold") as of_tag,
        Watch(stubs, project, kinds=[DELETED, REMOVED]) as of_kinds,
        Watch(stubs, project, include_unnamed=True) as of_all,
    ):
        create(stubs, project, "other", tags=["gold"], aliases=["prod"])
        create(stubs, project, "p::step::output", unnamed=True)
        version = create(stubs, project, "weights", aliases=["prod", "next"])
        update(stubs, project, version.id, tags=["gold"])
        update(stubs, project, version.id, tags=[])
        delete(stubs, project, version.id)
        create(stubs, project, "last")
        every = [
            (CREATED, "other", "1", ""),
            (MOVED, "other", "1", "prod"),
            (CREATED, "p::step::output", "1", ""),
            (CREATED, "weights", "1", ""),
            (MOVED, "weights", "1", "next"),
            (MOVED, "weights", "1", "prod"),
            (UPDATED, "weights", "1", ""),
            (UPDATED, "weights", "1", ""),
            (REMOVED, "weights", "1", "next"),
            (REMOVED, "weights", "1", "prod"),
            (DELETED, "weights", "1", ""),
            (CREATED, "last", "1", ""),
        ]
        assert [facts(event) for event in of_all.take(12)] == every
        weights = [fact for fact in every if fact[1] == "weights"]
        assert [facts(event) for event in of_name.take(8)] == weights
        assert [facts(event) for event in of_alias.take(2)] == [weights[2], weights[6]]
        assert [facts(event) for event in of_tag.take(4)] == [every[0], every[1], every[6], every[7]]
        assert [facts(event) for event in of_kinds.take(3)] == every[8:11]


def test_nothing_of_another_project_is_seen(stubs: Service, project: str) -> None:
    with Watch(stubs, project, include_unnamed=True) as watch:
        for number in range(20):
            create(stubs, f"{project}-other", f"theirs-{number}", aliases=["prod"])
        create(stubs, project, "mine")
        assert facts(watch.next()) == (CREATED, "mine", "1", "")


def test_a_watch_begins_now_and_goes_on_from_a_cursor(stubs: Service, project: str) -> None:
    create(stubs, project, "before")
    with Watch(stubs, project) as watch:
        create(stubs, project, "one")
        assert watch.next().name == "one"
        cursor = watch.cursor
    for name in ("two", "three"):
        create(stubs, project, name)
    with Watch(stubs, project, cursor=cursor) as watch:
        create(stubs, project, "four")
        assert [event.name for event in watch.take(3)] == ["two", "three", "four"]
    with Watch(stubs, project, cursor=cursor) as again:
        assert [event.name for event in again.take(3)] == ["two", "three", "four"]


def test_an_old_cursor_catches_up_with_many_events_and_joins_those_that_come(stubs: Service, project: str) -> None:
    with Watch(stubs, project) as watch:
        cursor = watch.cursor
    names = [f"n{number}" for number in range(450)]
    for start in range(0, 400, 100):
        batch = [
            NewArtifactVersion(spec=request.spec, files=request.files)
            for request in (create_request(project, name) for name in names[start : start + 100])
        ]
        stubs.artifacts.BatchCreateArtifactVersions(
            artifacts.BatchCreateArtifactVersionsRequest(project=project, request_id=new_request_id(), versions=batch)
        )
    with Watch(stubs, project, cursor=cursor) as watch:
        late = threading.Thread(target=lambda: [create(stubs, project, name) for name in names[400:]])
        late.start()
        assert [event.name for event in watch.take(450)] == names
        late.join()


@pytest.mark.kinds("embedded", "postgresql")
def test_an_alias_that_moves_a_thousand_times_is_told_a_thousand_times(stubs: Service, project: str) -> None:
    ids = [create(stubs, project, "weights").id for _ in range(2)]
    with Watch(stubs, project, alias="prod") as watch:

        def move() -> None:
            for turn in range(1000):
                set_alias(stubs, project, "prod", id=ids[turn % 2])

        mover = threading.Thread(target=move)
        mover.start()
        events = watch.take(1000)
        mover.join()
    assert [event.version_id for event in events] == ids * 500
    assert [event.previous_version_id for event in events] == ["", *(ids * 500)[:-1]]


@pytest.mark.parametrize("cursor", ["nonsense", "é", "", "eyJhIjoxfQ==", "LjEuMg=="], ids=lambda text: text or "cut")
def test_what_is_no_cursor_is_refused(stubs: Service, project: str, cursor: str) -> None:
    if not cursor:
        with Watch(stubs, project) as watch:
            cursor = watch.cursor[:-5]
    request = WatchArtifactsRequest(project=project, cursor=cursor)
    with (
        expect_refusal(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"),
        Patient(stubs.artifacts.WatchArtifacts(request)) as stream,
    ):
        next(stream)


def test_a_cursor_of_another_project_is_refused(stubs: Service, project: str) -> None:
    with Watch(stubs, f"{project}-other") as watch:
        request = WatchArtifactsRequest(project=project, cursor=watch.cursor)
    with (
        expect_refusal(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"),
        Patient(stubs.artifacts.WatchArtifacts(request)) as stream,
    ):
        next(stream)


@pytest.mark.parametrize(
    ("field", "value"),
    [("project", ""), ("name", "\n"), ("alias", "1"), ("tag", "\n"), ("kinds", [99]), ("kinds", [0])],
    ids=["project", "name", "alias", "tag", "unknown kind", "unset kind"],
)
def test_a_malformed_filter_is_refused_by_name(stubs: Service, project: str, field: str, value: Any) -> None:
    request = WatchArtifactsRequest(**{"project": project, field: value})
    with (
        expect_refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused,
        Patient(stubs.artifacts.WatchArtifacts(request)) as stream,
    ):
        next(stream)
    assert [name.partition("[")[0] for name in refused.refusal.fields] == [field]


def test_cancelling_from_another_thread_ends_a_waiting_watch_at_once(stubs: Service, project: str) -> None:
    with Patient(stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project=project))) as stream:
        next(stream)
        threading.Timer(0.1, stream.cancel).start()
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
    assert ended.value.code() is grpc.StatusCode.CANCELLED

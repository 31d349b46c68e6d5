"""A store that moved, of any shape to any other, is the same store to whoever asks it."""

from __future__ import annotations

import json
from collections.abc import Callable

import grpc
import pytest

from argosy.v1 import pipeline_pb2
from argosy.v1.watch_pb2 import WatchArtifactsRequest
from tests.api.calls import LARGE, create, download, expect_refusal, get_run, get_upload, start_run, start_step
from tests.api.conftest import Service
from tests.api.moved_stores import PROJECT, Filled, Place, command, fill, migrate, place, what_clients_see
from tests.api.watching import CREATED, DELETED, MOVED, Watch, facts

MOVES = [
    ("sqlite+files", "sqlite+files"),
    ("sqlite+files", "postgresql+files"),
    ("sqlite+files", "postgresql+versitygw"),
    ("postgresql+moto", "sqlite+files"),
    ("postgresql+files", "postgresql+moto"),
]

__all__ = ["place"]


@pytest.mark.parametrize(("source_shape", "target_shape"), MOVES, ids=lambda shape: shape)
def test_clients_see_the_same_and_go_on_where_they_were(
    place: Callable[[str], Place], source_shape: str, target_shape: str
) -> None:
    source, target = place(source_shape), place(target_shape)
    with source.serve() as service:
        filled = fill(service)
        before = what_clients_see(service)

    done = migrate(source, target, "-o", "json")

    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["copied"] == {"blobs": 3, "bytes": len(LARGE) + 256 * 200 + 40_000}
    assert report["damage"] == []
    checked = command("verify", *target.options(), "-o", "json", **target.environment)
    assert (checked.returncode, json.loads(checked.stdout)["clean"]) == (0, True), checked.stderr
    with target.serve() as service:
        assert what_clients_see(service) == before
        assert service.artifacts.CreateArtifactVersion(filled.request).SerializeToString() == filled.reply
        assert create(service, PROJECT, "weights", b"new").version == "9"
        assert download(service, PROJECT, name="large") == LARGE
        again = start_step(service, start_run(service, PROJECT), cache_key="a key")
        assert [output.version.name for output in again.step_run.outputs] == ["model"]
        assert again.step_run.cached_from
        assert get_run(service, PROJECT, filled.running).state == pipeline_pb2.RUN_STATE_ABANDONED
        # What that run reserved is free.
        other = start_step(service, start_run(service, PROJECT), cache_key="another key", may_wait=True)
        assert other.attempt_token
        with expect_refusal(grpc.StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
            get_upload(service, PROJECT, filled.upload_id)
        if source_shape.startswith("sqlite"):
            check_that_an_old_cursor_goes_on(service, filled)
        else:
            with expect_refusal(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"):
                next(service.artifacts.WatchArtifacts(WatchArtifactsRequest(project=PROJECT, cursor=filled.cursor)))


def check_that_an_old_cursor_goes_on(service: Service, filled: Filled) -> None:
    """All events since, once, in order, and then those that come now."""
    expected = [
        (CREATED, "weights", "1", ""),
        (CREATED, "large", "1", ""),
        (CREATED, "middle", "1", ""),
        (CREATED, "weights", "7", ""),
        (CREATED, "weights", "8", ""),
        (DELETED, "weights", "8", ""),
        (MOVED, "weights", "7", "prod"),
        (CREATED, "model", "1", ""),
        (CREATED, "weights", "9", ""),
        (CREATED, "later", "1", ""),
    ]
    with Watch(service, PROJECT, cursor=filled.cursor) as watch:
        seen = [facts(event) for event in watch.take(len(expected) - 1)]
        create(service, PROJECT, "later")
        seen.append(facts(watch.next()))
    assert seen == expected

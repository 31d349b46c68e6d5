"""``watch_artifacts`` and ``watch_run`` as programs use them, embedded and against a server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

import argosy
from argosy import ArtifactEvent
from argosy.sdk.queries.artifact_events import ArtifactEvents
from tests.waiting import wait_until


def heard(events: ArtifactEvents) -> list[tuple[str, str, str]]:
    return [(event.kind, event.name, event.version) for event in events]


def heard_in_the_end(events: ArtifactEvents) -> list[tuple[str, str, str]]:
    """Listen again and again, until something is heard: it may come later than the watch waits."""
    found: list[tuple[str, str, str]] = []

    def has_heard() -> bool:
        found.extend(heard(events))
        return bool(found)

    wait_until(has_heard, "something is heard")
    return found


def in_another_process(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_an_event_brings_the_version_to_load(store: str) -> None:
    with argosy.watch_artifacts("model", alias="prod") as events:
        first = argosy.save_artifact([1, 2], "model", alias="prod", tags=["gold"])
        argosy.save_artifact([3], "model", alias="prod")
        moved, again = next(events), next(events)
    assert (moved.kind, moved.name, moved.version, moved.alias, moved.previous) == (
        "alias_moved",
        "model",
        "1",
        "prod",
        None,
    )
    assert (moved.tags, moved.version_id, moved.time.tzinfo is not None) == (("gold",), first.id, True)
    assert moved.artifact is not None
    assert moved.artifact.load() == [1, 2]
    assert again.previous == first.id
    assert argosy.load_artifact(again.previous) == [1, 2]


def test_what_another_process_saves_is_heard(store: str) -> None:
    with argosy.watch_artifacts("weights", timeout=60) as events:
        in_another_process("import argosy; argosy.save_artifact(1, 'weights')")
        assert next(events).version == "1"


def test_a_watch_can_be_kept_and_gone_on_with_in_another_process(store: str) -> None:
    with argosy.watch_artifacts() as events:
        argosy.save_artifact(1, "one")
        cursor = next(events).cursor
        assert cursor == events.cursor
    argosy.save_artifact(2, "two")
    in_another_process(
        "import argosy\n"
        f"with argosy.watch_artifacts(cursor={cursor!r}, timeout=20) as events:\n"
        "    assert next(events).name == 'two'\n"
    )


def test_a_watch_ends_when_nothing_happens_for_its_timeout_and_can_be_taken_up_again(store: str) -> None:
    with argosy.watch_artifacts("weights", timeout=0.5) as events:
        argosy.save_artifact(1, "weights")
        assert heard_in_the_end(events) == [("version_created", "weights", "1")]
        argosy.save_artifact(3, "other")
        argosy.save_artifact(2, "weights")
        assert heard_in_the_end(events) == [("version_created", "weights", "2")]
        assert heard(events) == []


def test_closing_from_another_thread_ends_the_iteration_at_once(store: str) -> None:
    events = argosy.watch_artifacts()
    threading.Timer(0.2, events.close).start()
    assert list(events) == []
    assert list(events) == [], "it stays closed"
    events.close()


def test_many_watch_in_one_process(store: str) -> None:
    watches = [argosy.watch_artifacts("weights", timeout=30) for _ in range(20)]
    argosy.save_artifact(1, "weights")
    assert [next(watch).version for watch in watches] == ["1"] * 20
    for watch in watches:
        watch.close()


def test_an_event_of_a_version_that_is_gone_has_nothing_to_load(store: str) -> None:
    with argosy.watch_artifacts() as events:
        cursor = events.cursor
    argosy.save_artifact(1, "weights", version="v1").delete()
    with argosy.watch_artifacts(cursor=cursor) as events:
        created, deleted = next(events), next(events)
    assert (created.kind, created.artifact, deleted.kind, deleted.artifact) == (
        "version_created",
        None,
        "version_deleted",
        None,
    )


def test_step_outputs_without_a_name_are_heard_only_when_asked_for(store: str) -> None:
    @argosy.step
    def compute() -> int:
        return 1

    @argosy.pipeline
    def computing() -> None:
        compute()

    with argosy.watch_artifacts(include_unnamed=True) as every, argosy.watch_artifacts() as few:
        computing()
        argosy.save_artifact(1, "named")
        assert [next(every).name, next(every).name] == ["computing::compute::output", "named"]
        assert next(few).name == "named"


def test_an_event_cannot_be_changed(store: str) -> None:
    with argosy.watch_artifacts() as events:
        argosy.save_artifact(1, "weights")
        event = next(events)
    assert isinstance(event, ArtifactEvent)
    with pytest.raises(AttributeError):
        event.kind = "other"  # type: ignore[misc]  # what is refused


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": "alias_move"}, "did you mean 'alias_moved'"),
        ({"kinds": ["version_created", 3]}, "3 is no kind"),
        ({"name": 3}, "it is a str"),
        ({"alias": "1"}, "alias"),
        ({"timeout": 0}, "seconds above 0"),
        ({"timeout": "1"}, "seconds above 0"),
        ({"cursor": 1}, "it is a str"),
    ],
    ids=["kind", "kinds", "name", "alias", "no timeout", "text as timeout", "cursor"],
)
def test_a_wrong_argument_is_refused_where_it_is_given(store: str, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(argosy.ParameterError, match=message):
        argosy.watch_artifacts(**wrong)  # type: ignore[arg-type]  # what is refused


def test_a_misspelt_keyword_is_refused_with_what_may_have_been_meant(store: str) -> None:
    with pytest.raises(TypeError, match="did you mean 'alias'"):
        argosy.watch_artifacts(aliass="prod")  # type: ignore[call-arg]  # what is refused


@pytest.mark.parametrize("cursor", ["nonsense", "WyJhIiwgMV0="])
def test_a_foreign_cursor_is_told_with_the_cure(store: str, cursor: str) -> None:
    with pytest.raises(argosy.CursorExpiredError, match="list what there is, and watch anew without it"):
        argosy.watch_artifacts(cursor=cursor)


def test_a_run_is_watched_from_another_thread_to_its_end(store: str) -> None:
    go_on = threading.Event()

    @argosy.step(enable_cache=False)
    def first() -> int:
        go_on.wait(30)
        return 1

    @argosy.step
    def second(number: int) -> int:
        return number + 1

    @argosy.pipeline
    def counting() -> None:
        second(first())

    running = threading.Thread(target=lambda: counting.with_options(run_name="count")())
    running.start()
    client = argosy.Client()
    wait_until(lambda: any(run.name == "count" for run in client.list_runs()), "the run is known")
    statuses = []
    for run in client.watch_run("count"):
        statuses.append((run.status, {name: step.status for name, step in run.steps.items()}))
        go_on.set()
    running.join()
    assert statuses[0][0] == "running"
    assert statuses[-1] == ("completed", {"first": "completed", "second": "completed"})
    assert run.steps["second"].output.load() == 2


def test_an_absent_run_is_not_found_when_its_watch_begins(store: str) -> None:
    with pytest.raises(argosy.NotFoundError, match="absent"):
        argosy.Client().watch_run("absent")

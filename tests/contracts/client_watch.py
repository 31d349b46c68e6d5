"""What every client promises of watches. Subclass it; give it a ``place``."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from argosy.errors import ParameterError
from tests.contracts.client_contract import Calls, Place, store
from tests.waiting import PATIENCE, wait_until


class ClientWatchContract:
    """Runs with every kind of client on every kind of store."""

    def test_events_come_in_order_and_bring_the_version(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("model"))
        store.save_artifact("other", "other")
        store.save_artifact("first", "model", tags=["t"])
        saved = store.save_artifact("second", "model", alias="prod")
        store.kind.do(saved.add_tags("seen"))
        store.set_alias("prod", "model", 1)
        store.delete_alias("model", "prod")
        store.kind.do(saved.delete())
        events = store.kind.take(watch, 7)
        assert [(event.kind, event.name, event.version, event.alias) for event in events] == [
            ("version_created", "model", "1", None),
            ("version_created", "model", "2", None),
            ("alias_moved", "model", "2", "prod"),
            ("version_updated", "model", "2", None),
            ("alias_moved", "model", "1", "prod"),
            ("alias_removed", "model", "1", "prod"),
            ("version_deleted", "model", "2", None),
        ]
        assert events[4].previous == saved.id
        assert events[0].tags == ("t",)
        assert store.kind.do(events[0].artifact.load()) == "first"
        store.kind.do(close(watch))

    def test_what_changes_nothing_is_no_event(self, store: Calls) -> None:
        saved = store.save_artifact(1, "model", tags=["b", "a"], metadata={"score": 0.5}, alias="prod")
        watch = store.kind.begin(store.client.watch_artifacts("model"))
        store.kind.do(saved.add_tags("a"))
        store.kind.do(saved.update(tags=["a", "b"], metadata={"score": 0.5}))
        store.set_alias("prod", "model", 1)
        store.kind.do(saved.update(metadata={"score": 0.5}, description="words"))
        store.kind.do(saved.update(metadata={"score": 0.6}))
        store.delete_alias("model", "prod")
        kinds = [event.kind for event in store.kind.take(watch, 3)]
        assert kinds == ["version_updated", "version_updated", "alias_removed"]
        store.kind.do(close(watch))

    def test_who_takes_events_at_once_gets_different_ones(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("model"))
        taking = [store.kind.start(lambda: store.kind.taken(watch, 5)) for _ in range(4)]
        for number in range(20):
            store.save_artifact(number, "model")
        taken = [event.version for some in taking for event in some.result(PATIENCE)]
        assert sorted(map(int, taken)) == list(range(1, 21))
        store.kind.do(close(watch))

    def test_a_watch_that_nobody_has_any_more_leaves_no_thread(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("model"))
        store.save_artifact(1, "model")
        assert len(store.kind.take(watch, 1)) == 1
        del watch
        wait_until(lambda: "argosy-aio-watch" not in {thread.name for thread in threading.enumerate()}, "it ends")

    def test_a_watch_shows_what_it_watches(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("model", alias="prod", kinds="alias_moved"))
        assert repr(watch) == "<ArtifactEvents(name='model', alias='prod', kinds=['alias_moved']), open>"
        store.kind.do(close(watch))
        assert repr(watch) == "<ArtifactEvents(name='model', alias='prod', kinds=['alias_moved']), closed>"

    def test_only_what_all_filters_let_through_comes(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("model", alias="prod", kinds="alias_moved"))
        for number in range(3):
            store.save_artifact(number, "model", alias="prod" if number % 2 == 0 else "canary")
        assert [event.version for event in store.kind.take(watch, 2)] == ["1", "3"]
        store.kind.do(close(watch))

    def test_a_watch_goes_on_from_a_cursor(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("model"))
        for number in range(4):
            store.save_artifact(number, "model")
        [first, second] = store.kind.take(watch, 2)
        store.kind.do(close(watch))
        assert watch.cursor == second.cursor
        again = store.kind.begin(store.client.watch_artifacts("model", cursor=first.cursor))
        assert [event.version for event in store.kind.take(again, 3)] == ["2", "3", "4"]
        store.kind.do(close(again))

    def test_a_watch_that_is_silent_ends_after_its_timeout_and_goes_on_when_asked(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts(timeout=0.3))
        assert store.kind.take(watch, 1) == []
        store.save_artifact(1, "model")
        heard: list[str] = []

        def has_heard() -> bool:
            heard.extend(event.version for event in store.kind.take(watch, 1))
            return bool(heard)

        wait_until(has_heard, "the watch goes on")
        assert heard == ["1"]
        store.kind.do(close(watch))

    def test_closing_ends_the_wait_for_an_event(self, store: Calls) -> None:
        watch = store.kind.begin(store.client.watch_artifacts())
        waiting = store.kind.start(lambda: store.kind.taken(watch, 1))
        store.kind.do(close(watch))
        assert waiting.result(PATIENCE) == []
        assert store.kind.take(watch, 1) == []

    def test_a_cursor_of_another_store_is_refused(self, store: Calls, place: Place, tmp_path: Path) -> None:
        elsewhere = store.kind.client(f"embedded://{tmp_path}/elsewhere", project=place.project)
        foreign = store.kind.begin(elsewhere.watch_artifacts())
        with pytest.raises(Exception, match="cursor") as failure:
            store.kind.begin(store.client.watch_artifacts(cursor=foreign.cursor))
        assert type(failure.value).__name__ == "CursorExpiredError"
        store.kind.do(close(foreign))

    @pytest.mark.parametrize(
        ("options", "error", "text"),
        [
            ({"kinds": "alias_mvoed"}, ParameterError, "alias_moved"),
            ({"kinds": []}, ParameterError, r"kinds=.* it names no kind, so there would be no event; leave it out"),
            ({"kinds": 5}, ParameterError, r"kinds=5.* one or several of 'version_created', "),
            ({"kinds": [["alias_moved"]]}, ParameterError, r"\['alias_moved'\] is no kind .*; kinds are "),
            ({"alias": "prod", "kinds": "version_created"}, ParameterError, "leave alias out"),
            ({"alias": "prod", "kinds": ["alias_moved", "version_deleted"]}, ParameterError, "leave these kinds out"),
            ({"tag": ""}, ParameterError, r"tag=''\): it is empty"),
            ({"tag": "\udc80"}, ParameterError, "unprintable"),
            ({"timeout": 0}, ParameterError, "timeout"),
            ({"timeout": True}, ParameterError, r"timeout=True\): it is a number of seconds"),
            ({"timeout": 1e12}, ParameterError, "None to wait for ever"),
            ({"timeout": 10**400}, ParameterError, "None to wait for ever"),
            ({"cursor": ""}, ParameterError, r"cursor=''\): it is no cursor; .* leave it out"),
            ({"cursor": "\udc80"}, ParameterError, "it is no cursor"),
            ({"cursor": "x" * 10_000_000}, ParameterError, "it is no cursor"),
            ({"alais": "prod"}, TypeError, "alias"),
        ],
        ids=[
            "kind",
            "no kind",
            "kinds",
            "nested kinds",
            "alias without its kinds",
            "alias with another kind",
            "no tag",
            "tag",
            "timeout",
            "truth as timeout",
            "timeout without end",
            "timeout no clock counts",
            "no cursor",
            "cursor",
            "huge cursor",
            "keyword",
        ],
    )
    def test_malformed_arguments_are_refused_at_once(
        self, store: Calls, options: dict[str, Any], error: type[Exception], text: str
    ) -> None:
        with pytest.raises(error, match=text):
            store.client.watch_artifacts(**options)

    def test_events_of_other_projects_do_not_come(self, store: Calls, place: Place) -> None:
        watch = store.kind.begin(store.client.watch_artifacts())
        other = Calls(store.kind, store.kind.client(place.address, project=f"{place.project}-other"))
        other.save_artifact(1, "model")
        store.save_artifact(1, "mine")
        assert [event.name for event in store.kind.take(watch, 1)] == ["mine"]
        store.kind.do(close(watch))

    def test_a_run_is_watched_to_its_end(self, store: Calls, recorded_run: str) -> None:
        pictures = store.kind.do(store.client.watch_run(recorded_run))
        assert (pictures[-1].status, list(pictures[-1].steps)) == ("completed", ["double"])
        assert store.kind.do(pictures[-1].steps["double"].output.load()) == 42


def close(watch: Any) -> Any:
    """Close a watch; return what has to be waited for, if anything."""
    return watch.close()


__all__ = ["ClientWatchContract", "store"]

"""Random changes under random breaks: what each watcher heard is what a simple model says happened."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from argosy import ArtifactEvent, Client
from tests.faults.listener import listening
from tests.faults.stand import Stand


class Told(NamedTuple):
    """One event, as the model says it."""

    kind: str
    name: str
    version: str
    alias: str | None
    previous: str | None
    tags: tuple[str, ...]
    touched: frozenset[str]
    """The tags it has or had."""


class Model:
    """A store in the simplest words, beside the real one; remembers every event its changes make."""

    def __init__(self, client: Client, dice: random.Random) -> None:
        self.log: list[Told] = []
        self._client = client
        self._dice = dice
        self._count: dict[str, int] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._tags: dict[tuple[str, str], tuple[str, ...]] = {}
        self._aliases: dict[tuple[str, str], str] = {}

    def change(self) -> None:
        """Make one random change, in both."""
        name = self._dice.choice("ab")
        alive = [version for owner, version in self._ids if owner == name]
        if not alive:
            self._save(name)
            return
        version = self._dice.choice(alive)
        alias = self._dice.choice(["prod", "next"])
        changes: list[Callable[[], None]] = [
            lambda: self._save(name),
            lambda: self._save(name),
            lambda: self._move(name, version, alias),
            lambda: self._move(name, version, alias),
            lambda: self._remove_alias(name, alias),
            lambda: self._tag(name, version),
            lambda: self._delete(name, version),
        ]
        self._dice.choice(changes)()

    def _save(self, name: str) -> None:
        self._count[name] = self._count.get(name, 0) + 1
        version, tags = str(self._count[name]), self._some_tags()
        alias = self._dice.choice([None, None, "prod"])
        saved = self._client.save_artifact(self._count[name], name, tags=tags, alias=alias)
        assert saved.version == version
        self._ids[name, version], self._tags[name, version] = saved.id, tags
        self._tell("version_created", name, version)
        if alias is not None:
            self._tell("alias_moved", name, version, alias, self._pointed_at(name, alias))
            self._aliases[name, alias] = version

    def _move(self, name: str, version: str, alias: str) -> None:
        self._client.set_alias(alias, name, version)
        if self._aliases.get((name, alias)) != version:
            self._tell("alias_moved", name, version, alias, self._pointed_at(name, alias))
            self._aliases[name, alias] = version

    def _remove_alias(self, name: str, alias: str) -> None:
        if (version := self._aliases.pop((name, alias), None)) is not None:
            self._client.delete_alias(name, alias)
            self._tell("alias_removed", name, version, alias)

    def _tag(self, name: str, version: str) -> None:
        before, tags = self._tags[name, version], self._some_tags()
        self._client.get_artifact_version(name, version).update(tags=tags)
        self._tags[name, version] = tags
        if tags != before:
            self._tell("version_updated", name, version, lost=before)

    def _delete(self, name: str, version: str) -> None:
        self._client.delete_artifact_version(name, version, force=True)
        for alias in sorted(alias for (owner, alias), at in self._aliases.items() if (owner, at) == (name, version)):
            del self._aliases[name, alias]
            self._tell("alias_removed", name, version, alias)
        self._tell("version_deleted", name, version)
        del self._ids[name, version]

    def _tell(
        self,
        kind: str,
        name: str,
        version: str,
        alias: str | None = None,
        previous: str | None = None,
        lost: tuple[str, ...] = (),
    ) -> None:
        tags = self._tags[name, version]
        self.log.append(Told(kind, name, version, alias, previous, tags, frozenset(tags + lost)))

    def _pointed_at(self, name: str, alias: str) -> str | None:
        version = self._aliases.get((name, alias))
        return None if version is None else self._ids[name, version]

    def _some_tags(self) -> tuple[str, ...]:
        return tuple(sorted(self._dice.sample(["gold", "red", "new"], self._dice.randrange(3))))


WATCHES: dict[str, tuple[dict[str, Any], Callable[[Told], bool]]] = {
    "everything": ({}, lambda told: True),
    "one name": ({"name": "a"}, lambda told: told.name == "a"),
    "one alias": ({"alias": "prod"}, lambda told: told.alias == "prod"),
    "one tag": ({"tag": "gold"}, lambda told: "gold" in told.touched),
    "all together": (
        {"name": "b", "alias": "prod", "tag": "gold", "kinds": "alias_moved"},
        lambda told: told[:2] == ("alias_moved", "b") and told.alias == "prod" and "gold" in told.touched,
    ),
}


def facts(event: ArtifactEvent) -> tuple[object, ...]:
    return event.kind, event.name, event.version, event.alias, event.previous, event.tags


@pytest.mark.parametrize(
    ("stand", "seed"), [("sqlite", 0), ("sqlite", 1), ("postgresql", 2), ("postgresql", 5)], indirect=["stand"]
)
def test_each_watcher_hears_what_happened_of_its_filter(stand: Stand, seed: int) -> None:
    dice = random.Random(seed)
    # Changes go past the proxy, so that each is made exactly once.
    model = Model(Client(f"grpc://{stand.server.address}"), dice)
    with ExitStack() as watches:
        heard = {
            what: watches.enter_context(listening(stand.client().watch_artifacts(**wanted)))
            for what, (wanted, _) in WATCHES.items()
        }
        for _ in range(150):
            model.change()
            broken = dice.random()
            if broken < 0.1:
                stand.proxy.cut()
            elif broken < 0.12:
                stand.kill()
                stand.start()
        for what, (_, takes) in WATCHES.items():
            expected = [told[:6] for told in model.log if takes(told)]
            assert [facts(event) for event in heard[what].wait_for(len(expected))] == expected


@pytest.mark.parametrize("seed", range(3, 5))
def test_watches_that_stop_and_go_on_from_their_cursors_hear_the_same(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    client = Client(home=tmp_path / "embedded")
    model = Model(client, dice)
    heard: dict[str, list[ArtifactEvent]] = {what: [] for what in WATCHES}
    with client.watch_artifacts() as events:
        cursors = dict.fromkeys(WATCHES, events.cursor)
    for _ in range(12):
        with ExitStack() as watches:
            listeners = {
                what: watches.enter_context(listening(client.watch_artifacts(cursor=cursors[what], **wanted)))
                for what, (wanted, _) in WATCHES.items()
            }
            for _ in range(dice.randrange(20)):
                model.change()
        # Closed at any moment: what was not heard yet has to come next time.
        for what, listener in listeners.items():
            heard[what] += listener.heard
            cursors[what] = listener.events.cursor
    for what, (wanted, takes) in WATCHES.items():
        expected = [told[:6] for told in model.log if takes(told)]
        with listening(client.watch_artifacts(cursor=cursors[what], **wanted)) as rest:
            rest.wait_for(len(expected) - len(heard[what]))
        assert [facts(event) for event in heard[what] + rest.heard] == expected

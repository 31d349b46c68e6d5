"""An actor that saves, deletes and prunes versions nobody else touches, and looks whether they are gone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from argosy import NotFoundError
from tests.soak.actors.actor import Actor, Assignment
from tests.soak.actors.saving import load, save
from tests.soak.content import read_content
from tests.soak.journal import Journal

KEPT_ALIAS = "kept"
KEEP_LATEST = 4


class Remover(Actor):
    """Its versions hold the same bytes as others that stay, so that removing these must not take those along."""

    def __init__(self, given: Assignment, journal: Journal, stop: threading.Event) -> None:
        super().__init__(given, journal, stop)
        self._name = f"scratch-{given.actor}"
        self._live: list[str] = []
        self._gone: list[str] = []
        self._stays: list[str] = []

    def step(self) -> None:
        """Do one thing to one version, or to all of them."""
        choice = self.random.random()
        if choice < 0.5 or len(self._live) < 2:
            self._save()
        elif choice < 0.62:
            self._delete()
        elif choice < 0.72:
            self._prune()
        elif choice < 0.82:
            self._point_alias()
        elif choice < 0.92:
            load(self, {"id": self.random.choice(self._stays or self._live)})
        elif self._gone:
            self._look_for_deleted()

    def _save(self) -> None:
        token, size = self.new_token(), self.random.choice((300, 300, 50_000))
        if self.random.random() < 0.3:
            # What stays has other names for its bytes, which go.
            self._stays.append(save(self, "stays", token=token, size=size)["id"])
        self._live.append(save(self, self._name, token=token, size=size, own=f"{token}+")["id"])

    def _delete(self) -> None:
        version_id = self._live.pop(self.random.randrange(len(self._live)))

        def call() -> Mapping[str, Any]:
            self.client.delete_artifact_version(version_id, force=True)
            return {}

        self.attempt("delete", {"ids": [version_id]}, call)
        self._gone.append(version_id)

    def _prune(self) -> None:
        plan = self.attempt("prune_plan", {"name": self._name, "keep_latest": KEEP_LATEST}, self._plan)
        if not plan["ids"]:
            return
        # Who executes it may do so although the answer is lost.
        self._live = [version_id for version_id in self._live if version_id not in plan["ids"]]
        self.attempt("delete", {"ids": plan["ids"]}, lambda: {"count": self._pending.execute()})
        self._gone += plan["ids"]

    def _plan(self) -> Mapping[str, Any]:
        self._pending = self.client.prune_artifacts(self._name, keep_latest=KEEP_LATEST)
        return {"ids": [version.id for version in self._pending.versions]}

    def _point_alias(self) -> None:
        version_id = self.random.choice(self._live)

        def call() -> Mapping[str, Any]:
            return {"id": self.client.set_alias(KEPT_ALIAS, version_id).id}

        self.attempt("alias_set", {"name": self._name, "alias": KEPT_ALIAS, "id": version_id}, call)

    def _look_for_deleted(self) -> None:
        version_id = self.random.choice(self._gone)

        def call() -> Mapping[str, Any]:
            try:
                reading = read_content(self.client.load_artifact(version_id))
            except NotFoundError:
                return {"gone": True}
            return {"gone": False, "token": reading.token}

        self.attempt("look_for_deleted", {"id": version_id}, call)

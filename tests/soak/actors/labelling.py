"""Actors that move aliases, from many processes at once, and tags."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from argosy import ArtifactVersion, NotFoundError
from tests.soak.actors.actor import Actor, Assignment
from tests.soak.actors.saving import load, save
from tests.soak.journal import Journal

MOVED, ALIAS = "moved", "prod"
"""All who move the alias move this one of this artifact."""


class Aliaser(Actor):
    """Points an alias at versions of its own, and reads where it points; others do the same at the same time."""

    def step(self) -> None:
        """Move it, by one call or two, or read it."""
        choice = self.random.random()
        size = self.random.randint(50, 500)
        if choice < 0.2:
            save(self, MOVED, alias=ALIAS, size=size)
        elif choice < 0.5:
            self._move(size)
        elif choice < 0.6:
            load(self, {"name": MOVED, "alias": ALIAS})
        else:
            self.attempt("alias_get", {"name": MOVED, "alias": ALIAS}, self._where)

    def _move(self, size: int) -> None:
        token = self.new_token()
        saved = save(self, MOVED, token=token, size=size)

        def call() -> Mapping[str, Any]:
            return {"id": self.client.set_alias(ALIAS, saved["id"]).id}

        self.attempt("alias_set", {"name": MOVED, "alias": ALIAS, "id": saved["id"], "token": token}, call)

    def _where(self) -> Mapping[str, Any]:
        try:
            found = self.client.get_artifact_version(MOVED, alias=ALIAS)
        except NotFoundError:
            return {"id": None, "token": None}
        return {"id": found.id, "token": found.metadata.get("token")}


class Tagger(Actor):
    """Adds tags to versions of its own and removes them; nobody else does."""

    def __init__(self, given: Assignment, journal: Journal, stop: threading.Event) -> None:
        super().__init__(given, journal, stop)
        self._versions: list[str] = []

    def step(self) -> None:
        """Save a version now and then, and change the tags of one."""
        if not self._versions or self.random.random() < 0.15:
            saved = save(self, f"tagged-{self.given.actor}", size=self.random.randint(50, 500))
            self._versions.append(saved["id"])
            return
        version_id = self.random.choice(self._versions[-4:])
        kind = self.random.choice(("tag_add", "tag_remove"))
        tag = f"tag-{self.random.randrange(4)}"

        def call() -> Mapping[str, Any]:
            version: ArtifactVersion = self.client.get_artifact_version(version_id)
            changed = version.add_tags(tag) if kind == "tag_add" else version.remove_tags(tag)
            return {"tags": list(changed.tags)}

        self.attempt(kind, {"id": version_id, "tag": tag}, call)

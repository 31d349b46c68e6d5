"""Actors that save and load: by numbers and labels, many under one name, and again by one request_id."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from argosy import Client
from argosy.addresses import addresses_of
from argosy.sdk.artifacts import prepare_save
from argosy.sdk.save_arguments import SaveArguments
from argosy.transport.rpc.calls import new_request_id
from argosy.transport.upload.upload_files import upload_files
from tests.soak.actors.actor import Actor, Assignment
from tests.soak.content import content_of, read_content
from tests.soak.journal import Journal

SHARED = ("shared-0", "shared-1", "shared-2")
"""Names all savers of all projects use."""
REPEATED = "repeated"


class Saver(Actor):
    """Saves under names that others use too, and loads what was acknowledged."""

    def __init__(self, given: Assignment, journal: Journal, stop: threading.Event) -> None:
        super().__init__(given, journal, stop)
        self._saved: list[str] = []

    def step(self) -> None:
        """Save, or load something."""
        choice = self.random.random()
        if choice < 0.55 or not self._saved:
            self._save()
        elif choice < 0.6:
            self._save(version=f"label-{self.random.randrange(40)}")
        elif choice < 0.75:
            load(self, {"id": self._saved[-1]})
        elif choice < 0.87:
            load(self, {"id": self.random.choice(self._saved)})
        else:
            load(self, {"name": self.random.choice(SHARED)})

    def _save(self, version: str | None = None) -> None:
        saved = save(self, self.random.choice(SHARED), version=version)
        self._saved.append(saved["id"])


class Repeater(Actor):
    """Makes each version by several requests with one request_id, to all replicas, one by one or at once."""

    def __init__(self, given: Assignment, journal: Journal, stop: threading.Event) -> None:
        super().__init__(given, journal, stop)
        self._clients = [Client(address, given.project) for address in addresses_of(given.addresses)]

    def step(self) -> None:
        """Make one version by three requests."""
        token, size, request_id = self.new_token(), self.random.randint(50, 60_000), new_request_id()
        clients = [self.random.choice(self._clients) for _ in range(3)]
        if self.random.random() < 0.5:
            with ThreadPoolExecutor(len(clients)) as pool:
                pending = [pool.submit(self._create, client, token, size, request_id) for client in clients]
            for request in pending:
                request.result()
        else:
            for client in clients:
                self._create(client, token, size, request_id)

    def _create(self, client: Client, token: str, size: int, request_id: str) -> None:
        def call() -> Mapping[str, Any]:
            connection = client.connection
            with prepare_save(
                connection, content_of(token, size), REPEATED, SaveArguments(metadata={"token": token})
            ) as prepared:
                (files,) = upload_files(connection, [prepared.files])
                made = connection.artifacts.create_artifact_version(prepared.spec, files, request_id)
            return {"id": made.id, "version": made.version}

        self.tolerate(
            "create", {"name": REPEATED, "token": token, "content": token, "size": size, "request_id": request_id}, call
        )


def save(
    actor: Actor, name: str, *, version: str | None = None, alias: str | None = None, token: str = "", **more: Any
) -> Any:
    """Save a value of the actor under a name, and return id and label of the version.

    Raises:
        Refused: the save raised.
    """
    token = token or actor.new_token()
    size = more.pop("size", 0) or actor.size()
    content: Any = content_of(token, size)
    if actor.random.random() < 0.2:
        content = np.frombuffer(content, np.uint8)
    own = more.pop("own", "") or token
    told = {"name": name, "token": own, "content": token, "size": size, "label": version, "alias": alias}

    def call() -> Mapping[str, Any]:
        made = actor.client.save_artifact(
            content, name, version=version, alias=alias, metadata={"token": own}, extract_metadata=False, **more
        )
        return {"id": made.id, "version": made.version}

    return actor.attempt("save", told, call)


def load(actor: Actor, selector: Mapping[str, str]) -> Any:
    """Load a value by id, name, or name and alias, and return whose it is.

    Raises:
        Refused: the load raised.
    """

    def call() -> Mapping[str, Any]:
        name = selector.get("id") or selector["name"]
        reading = read_content(actor.client.load_artifact(name, alias=selector.get("alias")))
        return {"token": reading.token, "intact": reading.intact}

    return actor.attempt("load", selector, call)

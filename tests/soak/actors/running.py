"""Actors that run pipelines, and that look whether what steps returned is there together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

import argosy
from tests.soak.actors.actor import Actor
from tests.soak.content import content_of

LEFT, RIGHT, JOINED = "left", "right", "joined"
LOOKED_AT, SEARCHED = 5, 400
"""So many of the newest pairs are looked at; their other halves are searched among so many versions."""


@argosy.step(enable_cache=False)
def pair(token: str, size: int) -> tuple[Annotated[bytes, LEFT], Annotated[bytes, RIGHT]]:
    """Return two values that belong together."""
    return content_of(f"{token}/{LEFT}", size), content_of(f"{token}/{RIGHT}", size)


@argosy.step(enable_cache=True)
def cached_pair(token: str, size: int) -> tuple[Annotated[bytes, LEFT], Annotated[bytes, RIGHT]]:
    """Return the same, or what was returned before."""
    return content_of(f"{token}/{LEFT}", size), content_of(f"{token}/{RIGHT}", size)


@argosy.step(enable_cache=False)
def join(left: bytes, right: bytes, token: str) -> Annotated[bytes, JOINED]:
    """Return a value made from both."""
    assert left.startswith(f"{token}/{LEFT} ".encode())
    assert right.startswith(f"{token}/{RIGHT} ".encode())
    return content_of(f"{token}/{JOINED}", len(left))


@argosy.pipeline
def pairing(token: str, size: int) -> None:
    """Make a pair and join it."""
    left, right = pair(token, size)
    join(left, right, token)


@argosy.pipeline
def cached_pairing(token: str, size: int) -> None:
    """Do the same with a pair that may be there already."""
    left, right = cached_pair(token, size)
    join(left, right, token)


class Runner(Actor):
    """Runs pipelines, and asks where what they made came from."""

    def step(self) -> None:
        """Run one."""
        size = self.random.choice((200, 200, 60_000))
        token, run = self.new_token(), pairing
        if self.random.random() < 0.2:
            size, run = 200, cached_pairing
            token = f"{self.given.project}/cached/{self.random.randrange(6)}"

        def call() -> Mapping[str, Any]:
            done = run(token, size)
            made = [output for step in done.steps.values() for output in step.outputs.values()]
            return {"run": done.id, "status": done.status, "outputs": {output.name: output.id for output in made}}

        outputs = self.attempt("run", {"token": token}, call)["outputs"]
        self.tolerate("lineage", {"id": outputs[JOINED], "of": outputs}, lambda: self._lineage(outputs[JOINED]))

    def _lineage(self, version_id: str) -> Mapping[str, Any]:
        found = self.client.get_artifact_version(version_id).lineage("up")
        return {"versions": sorted({edge.version.id for edge in found.edges})}


class Inspector(Actor):
    """Looks at the outputs of others while they run: who sees one half of a pair sees the other one too."""

    def step(self) -> None:
        """Look at the newest pairs."""
        self.attempt("inspect", {}, self._look)

    def _look(self) -> Mapping[str, Any]:
        lefts = [_found(version) for version in islice(self.client.list_artifact_versions(LEFT), LOOKED_AT)]
        if not lefts:
            return {LEFT: [], RIGHT: []}
        rights = [_found(version) for version in islice(self.client.list_artifact_versions(RIGHT), SEARCHED)]
        wanted = {found["step"] for found in lefts}
        return {LEFT: lefts, RIGHT: [found for found in rights if found["step"] in wanted]}


def _found(version: argosy.ArtifactVersion) -> dict[str, Any]:
    return {"id": version.id, "step": version.producer_step_run_id}

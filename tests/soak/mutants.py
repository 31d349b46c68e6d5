"""Bugs that the checker has to find: each changes one function of a server before it starts.

``infect`` runs first of all in every process of a server that is soaked for it. Nothing else knows of it.
"""

from __future__ import annotations

import importlib
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.soak.plan import END, PROJECTS

MEBIBYTE = 1 << 20
CHANCE = random.Random(5)
"""Of bugs that show now and then; nearly the same each time."""
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """A bug: what is changed, and what takes its place."""

    module: str
    path: str
    change: Change

    def apply(self) -> None:
        """Let this process have it."""
        *owners, name = self.path.split(".")
        owner: Any = importlib.import_module(f"argosy_server.{self.module}")
        for part in owners:
            owner = getattr(owner, part)
        setattr(owner, name, self.change(getattr(owner, name)))


MUTANTS: dict[str, Mutant] = {}


def infect(name: str) -> None:
    """Let this process have a bug."""
    MUTANTS[name].apply()


def mutant(module: str, path: str) -> Callable[[Change], Change]:
    """Make known what takes the place of a function of the server; it is named as what makes it."""

    def make_known(change: Change) -> Change:
        MUTANTS[change.__name__] = Mutant(module, path, change)
        return change

    return make_known


@mutant("usecases.artifacts.group_commit", "GroupCommit.save")
def acknowledges_before_commit(original: Any) -> Any:
    """A reply goes out half a second before its transaction commits."""

    def early(self: Any, key: Any, spec: Any, staged: Any, render: Any) -> Any:
        replies: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def render_and_wait(version: Any) -> bytes:
            reply: bytes = render(version)
            replies.put(reply)
            time.sleep(0.5)
            return reply

        def run() -> None:
            try:
                replies.put(original(self, key, spec, staged, render_and_wait))
            except Exception as error:
                replies.put(error)

        threading.Thread(target=run, daemon=True).start()
        reply = replies.get()
        if isinstance(reply, Exception):
            raise reply
        return reply

    return lambda *given: (early if CHANCE.random() < 0.2 else original)(*given)


@mutant("adapters.blobs.s3.writer", "S3Writer.finish")
def stores_bytes_after_the_version(original: Any) -> Any:
    """A version is visible a second before its bytes are in the store."""

    def finish(self: Any) -> None:
        timer = threading.Timer(1.0, original, (self,))
        timer.daemon = True
        timer.start()

    return finish


@mutant("adapters.metadata.artifacts.artifact_repository", "insert_versions")
def mixes_up_files(original: Any) -> Any:
    """Now and then a version gets the files of the one before."""
    last: dict[str, Any] = {}

    def mixed_up(project: str, new: Any) -> Any:
        before, last[project] = last.get(project), new.files
        wrong = before is not None and CHANCE.random() < 0.1
        return replace(new, files=before) if wrong else new

    return lambda session, project, wanted: original(session, project, [mixed_up(project, new) for new in wanted])


@mutant("usecases.blobs.read_blob", "read_whole")
def damages_bytes_it_reads(original: Any) -> Any:
    """What is read of the database is changed, and not verified before it is sent."""

    def read_whole(*given: Any) -> bytes:
        found: bytes = original(*given)
        return bytes([found[0] ^ 1]) + found[1:] if found and CHANCE.random() < 0.2 else found

    return read_whole


@mutant("adapters.metadata.artifacts.new_versions", "_count")
def leaves_numbers_out(original: Any) -> Any:
    """Now and then a save counts twice."""

    def count(*given: Any, **how: Any) -> Any:
        if CHANCE.random() < 0.1:
            original(*given, **how)
        return original(*given, **how)

    return count


@mutant("adapters.metadata.reply_repository", "SqlReplyRepository.store")
def forgets_request_ids(_original: Any) -> Any:
    """Replies are not kept."""
    return lambda *_: None


@mutant("adapters.metadata.blobs.blob_repository", "_MARK")
def sweeps_what_is_referred_to(_original: Any) -> Any:
    """The sweep forgets to ask whether a version refers to a blob, and whether it is leased."""
    from sqlalchemy import bindparam, select, tuple_, update

    from argosy_server.adapters.metadata.blobs import blob_repository
    from argosy_server.adapters.metadata.schema.tables import blobs

    # Takes the same parameters as the condition it stands for.
    always = blobs.c.lease_expires_at - blobs.c.lease_expires_at <= bindparam("now")
    blob_repository._CANDIDATES = (
        select(*blob_repository._COLUMNS)
        .where(tuple_(bindparam("project"), bindparam("digest")) < blob_repository._ID, always)
        .order_by(blobs.c.project, blobs.c.digest)
        .limit(bindparam("rows"))
    )
    return update(blobs).where(blob_repository._KEY, always).values(state=blob_repository.DELETING)


@mutant("domain.pruning", "PrunePlan.make")
def prunes_what_an_alias_points_at(original: Any) -> Any:
    """Pruning does not look at aliases."""

    def make(matched: Any, *, include_used: bool) -> Any:
        return original([replace(version, is_aliased=False) for version in matched], include_used=include_used)

    return make


@mutant("adapters.metadata.artifacts.artifact_repository", "SqlArtifactRepository.set_alias")
def loses_moves_of_aliases(original: Any) -> Any:
    """A move is acknowledged and told to watchers, and does not take place."""

    def set_alias(self: Any, project: str, alias: str, version: Any) -> Any:
        return version if CHANCE.random() < 0.3 else original(self, project, alias, version)

    return set_alias


@mutant("api.servicers.artifacts", "ArtifactServicer.GetArtifactVersion")
def looks_into_other_projects(original: Any) -> Any:
    """A name is now and then looked up in another project, as by a cache that is not kept apart."""

    def answer(self: Any, request: Any, context: Any) -> Any:
        if request.selector.name and request.project in PROJECTS and CHANCE.random() < 0.3:
            request.project = PROJECTS[1 - PROJECTS.index(request.project)]
        return original(self, request, context)

    return answer


@mutant("usecases.runs.end_step", "insert_versions")
def shows_outputs_one_by_one(original: Any) -> Any:
    """Each output of a step commits on its own."""

    def insert_versions(tx: Any, limits: Any, project: str, saves: Any) -> Any:
        made = []
        for save in saves:
            made += original(tx, limits, project, [save])
            # What the bug of a use case would be, one that opens a transaction for each output.
            tx._session.connection.commit()
            time.sleep(0.15)
        return made

    return insert_versions


@mutant("adapters.metadata.event_repository", "SqlEventRepository.append_many")
def writes_events_outside_the_transaction(original: Any) -> Any:
    """Some events are lost, and some written twice; not the one by which readers know that there are no more."""

    def append(self: Any, project: str, many: Any) -> None:
        is_end = any(facts.get("name") == END for _, facts in many)
        for _ in range(1 if is_end else CHANCE.choice((0, 1, 1, 1, 1, 1, 2))):
            original(self, project, many)

    return append


@mutant("api.watching.cursor", "starting_position")
def skips_an_event_after_a_cursor(original: Any) -> Any:
    """A watch that goes on leaves out the next event."""

    def starting_position(metadata: Any, project: str, cursor: str) -> Any:
        start = original(metadata, project, cursor)
        if not cursor:
            return start
        with metadata.read() as tx:
            following = tx.events.after(start.position, 1, project)
        return replace(start, position=following[0].position) if following else start

    return starting_position


@mutant("api.watching.hub", "WatchHub._read_some")
def tells_of_nothing_new(_original: Any) -> Any:
    """Who begins to watch is told what happened before; who waits for something to happen waits for ever."""
    return lambda self, *_: self.settings.poll_seconds


@mutant("adapters.metadata.artifacts.artifact_repository", "SqlArtifactRepository.add_many")
def keeps_what_it_was_sent(original: Any) -> Any:
    """Each save leaves memory behind."""
    kept = []

    def add_many(self: Any, *given: Any, **more: Any) -> Any:
        kept.append(b"x" * (16 * MEBIBYTE))
        return original(self, *given, **more)

    return add_many


@mutant("adapters.metadata.artifacts.artifact_repository", "SqlArtifactRepository.set_alias")
def fails_now_and_then(original: Any) -> Any:
    """A defect that nobody handles."""

    def set_alias(self: Any, *given: Any) -> Any:
        if CHANCE.random() < 0.2:
            raise RuntimeError("a defect")
        return original(self, *given)

    return set_alias

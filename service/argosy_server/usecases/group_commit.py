"""Saves under one name that come at the same time share a transaction.

Only one transaction at a time changes an artifact, so saves of one name wait for each other anyway. The first one that
comes leads: it waits for its turn at the artifact, takes along whatever has come to this process meanwhile, and commits
for all of them; then the first of those that came since leads. One that is refused must not harm the others: then
nothing is kept, and each of them is tried on its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion
from argosy_server.domain.errors import DomainError, RequestIdReused, StorageUnavailable
from argosy_server.domain.limits import Limits
from argosy_server.usecases.create_version import Save, create_in_turn, create_version
from argosy_server.usecases.idempotency import RequestKey, find_replies, keep_replies, recall, run_once
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.staging import StagedFile

MOST_SAVES = 64
"""Of one transaction, which others wait for."""

Lane = tuple[str, str]
"""Project and name: what is saved there waits for each other."""


@dataclass
class _Waiting:
    """A save on its way.

    Attributes:
        render: makes the reply.
        woken: its outcome is there, or it leads now.
        is_over: whether a transaction was tried with it.
        reply: what to answer, when that ended well.
        error: why the transaction ended, when that concerns all of them; without it and a reply each is tried alone.
    """

    key: RequestKey
    save: Save
    render: Callable[[ArtifactVersion], bytes]
    woken: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False
    reply: bytes | None = None
    error: DomainError | None = None

    @property
    def size(self) -> int:
        """Bytes it brings."""
        return sum(file.received_size for file in self.save.staged)


class GroupCommit:
    """The saves that this process has been asked for and that are not answered yet."""

    def __init__(self, metadata: MetadataStore, limits: Limits) -> None:
        """Write to a store."""
        self._metadata = metadata
        self._limits = limits
        self.begin_anew()
        _all.add(self)

    def begin_anew(self) -> None:
        """In a child after a fork: who waits in the parent does not wait here."""
        self._lock = threading.Lock()
        self._lanes: dict[Lane, deque[_Waiting]] = {}

    @property
    def waiting(self) -> int:
        """How many saves no transaction was begun for."""
        with self._lock:
            return sum(map(len, self._lanes.values()))

    def takes(self, spec: ArtifactSpec, staged: Sequence[StagedFile]) -> bool:
        """Tell whether a save may share a transaction: all of its bytes are in memory, and no step makes it.

        Whoever holds a step, an upload, or a blob that others save, too, could wait for another group, and that for it.
        """
        return not spec.step_run_id and all(file.content is not None for file in staged)

    def save(
        self,
        key: RequestKey,
        spec: ArtifactSpec,
        staged: Sequence[StagedFile],
        render: Callable[[ArtifactVersion], bytes],
    ) -> bytes:
        """Make a version visible and return the reply, or the one kept earlier.

        Args:
            key: identifies the request.
            spec: what the caller says about the version, one that this takes.
            staged: its bytes.
            render: makes the reply; it may refuse. Called again when the transaction has to be repeated.

        Raises:
            RequestIdReused: the id stands for another request.
            DomainError: as :func:`create_version`; nothing was changed.
        """
        mine = _Waiting(key, Save(spec, staged), render)
        lane = (key.project, spec.name)
        if not self._enter(lane, mine):
            mine.woken.wait()
        if not mine.is_over:
            self._lead(lane)
        if mine.reply is not None:
            return mine.reply
        if mine.error is not None:
            # A commit may have taken place unheard.
            reply = recall(self._metadata, key)
            if reply is None:
                raise mine.error
            return reply
        return run_once(
            self._metadata, key, lambda tx: render(create_version(tx, self._limits, key.project, spec, staged))
        )

    def _enter(self, lane: Lane, mine: _Waiting) -> bool:
        """Stand in the queue; tell whether nobody leads it."""
        with self._lock:
            queue = self._lanes.get(lane)
            if queue is not None:
                queue.append(mine)
                return False
            self._lanes[lane] = deque([mine])
            return True

    def _lead(self, lane: Lane) -> None:
        """Commit the first of the queue and those behind it, and let the next one lead."""
        group: list[_Waiting] = []
        try:
            with self._metadata.write() as tx:
                tx.artifacts.take_turn(lane[0], [lane[1]])
                group = self._take(lane)
                replies = self._save_all(tx, lane[0], group)
            for one in group:
                one.reply = replies.get(one.key)
        except StorageUnavailable as error:
            group = group or self._take(lane)
            for one in group:
                one.error = error
        except DomainError as error:
            group = group or self._take(lane)
            if len(group) == 1:
                group[0].error = error
        finally:
            self._hand_over(lane, group or self._take(lane))

    def _take(self, lane: Lane) -> list[_Waiting]:
        with self._lock:
            queue = self._lanes[lane]
            group = [queue.popleft()]
            size = group[0].size
            while queue and len(group) < MOST_SAVES and size + queue[0].size <= self._limits.max_batch_bytes:
                group.append(queue.popleft())
                size += group[-1].size
            return group

    def _save_all(self, tx: Transaction, project: str, group: Sequence[_Waiting]) -> dict[RequestKey, bytes]:
        # A request that was sent twice, the second time before the first was answered, counts once.
        asked = {one.key: one for one in group}
        if len({key.request_id for key in asked}) < len(asked):
            raise RequestIdReused("two requests that came at the same time have one id")
        replies = find_replies(tx, list(asked))
        new = [one for key, one in asked.items() if key not in replies]
        versions = create_in_turn(tx, self._limits, project, [one.save for one in new]) if new else []
        made = {one.key: one.render(version) for one, version in zip(new, versions, strict=True)}
        keep_replies(tx, made)
        return {**replies, **made}

    def _hand_over(self, lane: Lane, group: Sequence[_Waiting]) -> None:
        with self._lock:
            queue = self._lanes[lane]
            if queue:
                queue[0].woken.set()
            else:
                del self._lanes[lane]
        for one in group:
            one.is_over = True
            one.woken.set()


_all: weakref.WeakSet[GroupCommit] = weakref.WeakSet()


def _after_in_child() -> None:
    for commits in list(_all):
        commits.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)

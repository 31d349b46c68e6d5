"""Saves under one name that come at the same time share a transaction.

Only one transaction at a time changes an artifact, so saves of one name wait for each other anyway. The first one that
comes leads: it waits for its turn at the artifact, takes along whatever has come to this process meanwhile, and commits
for all of them; then the first of those that came since leads.

For a server, whose calls have threads of their own that nothing interrupts: whoever leads answers for the others.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeAlias

from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion
from argosy_server.domain.errors import DomainError, RequestIdReused, StorageUnavailable
from argosy_server.domain.limits import Limits
from argosy_server.usecases.artifacts.create_version import Save, create_each, create_in_turn, create_version
from argosy_server.usecases.blobs.staging import StagedFile
from argosy_server.usecases.idempotency import RequestKey, recall, reply_to, run_once
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.repositories import KeptReply

MOST_SAVES = 32
"""Of one transaction, which others wait for."""

Lane: TypeAlias = tuple[str, str]
"""Project and name: what is saved there waits for each other."""
Answer: TypeAlias = bytes | DomainError | None
"""The reply, why it is refused, or nothing: then it is tried alone."""


@dataclass
class _Waiting:
    """A save on its way.

    Attributes:
        render: makes the reply.
        woken: its outcome is there, or it leads now.
        is_over: whether a transaction was tried with it.
        reply: what to answer, when that ended well.
        error: why it was refused. Without it and a reply it is tried alone.
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
        self._lock = threading.Lock()
        self._lanes: dict[Lane, deque[_Waiting]] = {}

    def takes(self, spec: ArtifactSpec, staged: Sequence[StagedFile]) -> bool:
        """Tell whether a save may share a transaction: all of its bytes are in memory, and no step makes it.

        One that locks a step, an upload, or bytes that are there already could wait for another group, and that for it.
        Bytes in memory are written by all groups in one order.
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
        answers: Sequence[Answer] = ()
        try:
            with self._metadata.write() as tx:
                tx.artifacts.take_turn(lane[0], [lane[1]])
                group = self._take(lane)
                made = self._answers(tx, lane[0], group)
            answers = made  # only now, when all of it is committed
        except StorageUnavailable as error:
            group = group or self._take(lane)
            answers = [error] * len(group)
        except DomainError as error:
            # Of several an answer was refused, or the commit: each of them is tried alone.
            answers = [error] if len(group) == 1 else ()
        finally:
            self._hand_over(lane, group or self._take(lane), answers)

    def _take(self, lane: Lane) -> list[_Waiting]:
        with self._lock:
            queue = self._lanes[lane]
            group = [queue.popleft()]
            size = group[0].size
            while queue and len(group) < MOST_SAVES and size + queue[0].size <= self._limits.max_batch_bytes:
                group.append(queue.popleft())
                size += group[-1].size
            return group

    def _answers(self, tx: Transaction, project: str, group: Sequence[_Waiting]) -> list[Answer]:
        """Save what is new of a group, and answer each as if it had come alone, in this order."""
        kept = tx.replies.find(project, {one.key.request_id for one in group})
        # A request that was sent twice, the second time before the first was answered, counts once.
        new: dict[str, _Waiting] = {}
        for one in group:
            if one.key.request_id not in kept:
                new.setdefault(one.key.request_id, one)
        # Of one that is alone the whole transaction ends when it is refused, so it needs no savepoint.
        create = create_each if len(group) > 1 else create_in_turn
        results = create(tx, self._limits, project, [one.save for one in new.values()]) if new else []
        made: dict[str, KeptReply] = {}
        refused: dict[RequestKey, DomainError] = {}
        for one, result in zip(new.values(), results, strict=True):
            if isinstance(result, DomainError):
                refused[one.key] = result
            else:
                made[one.key.request_id] = KeptReply(one.key.fingerprint, one.render(result))
        if made:
            tx.replies.store(project, made)
        return [_answer(one.key, {**kept, **made}, refused) for one in group]

    def _hand_over(self, lane: Lane, group: Sequence[_Waiting], answers: Sequence[Answer]) -> None:
        with self._lock:
            queue = self._lanes[lane]
            if queue:
                queue[0].woken.set()
            else:
                del self._lanes[lane]
        for one, answer in zip_longest(group, answers):
            if isinstance(answer, DomainError):
                one.error = answer
            else:
                one.reply = answer
            one.is_over = True
            one.woken.set()


def _answer(key: RequestKey, replies: Mapping[str, KeptReply], refused: Mapping[RequestKey, DomainError]) -> Answer:
    if key.request_id not in replies:
        return refused.get(key)
    try:
        return reply_to(key, replies[key.request_id])
    except RequestIdReused as error:
        return error

"""Why a step was or was not taken from cache: :class:`CacheExplanation`."""

from __future__ import annotations

from dataclasses import dataclass

from argosy.execution.states import step_status
from argosy.execution.views.cache_sentences import (
    change_sentence,
    part_sentence,
    reason_sentence,
    sentence_list,
    value_sentence,
)
from argosy.transport.connection import Connection
from argosy.v1.pipeline_pb2 import StepRun
from argosy.v1.step_cache_pb2 import CacheKeyDifference

_REASON_OF = {"uncacheable": "disabled"}
"""The part that says more about a reason."""


@dataclass(frozen=True)
class CacheDifference:
    """A part of the cache key that is not what it was; its text says so in words.

    Attributes:
        part: its name: ``code``, ``code:mymodule.helper``, ``parameter:rate``, ``input:data``, …; ``uncacheable`` is
            why there is no key.
        before: the digest in the earlier run, or the text of a ``cache_key``; ``None`` when it was no part of the key.
        now: the same now; ``None`` when it is no part of the key any more.
        sentence: what that means.
    """

    part: str
    before: str | None
    now: str | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class CacheExplanation:
    """Why a step of a run was or was not taken from cache; its text says so in words.

    Attributes:
        run: the name of the run.
        step: the invocation.
        status: of the step, as ``StepRunRecord.status``.
        reasons: why nothing was taken from cache, as ``StepRunRecord.cache_miss``; empty for a cached step.
        earlier_run: the name of the run it is compared with, or whose outputs were taken; ``None`` for none.
        earlier_id: the id of the step run there.
        differences: the parts of the cache keys that differ, by name.
    """

    run: str
    step: str
    status: str
    reasons: tuple[str, ...]
    earlier_run: str | None
    earlier_id: str | None
    differences: tuple[CacheDifference, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons in words, those that name a difference with what is known of it."""
        told = {_REASON_OF.get(item.part, item.part): item.sentence for item in self.differences}
        return tuple(told.get(reason) or reason_sentence(reason) for reason in self.reasons)

    def __str__(self) -> str:
        subject = f"step {self.step!r} of run {self.run!r}"
        if self.status == "cached":
            return f"{subject} was taken from cache: run {self.earlier_run!r} made its outputs"
        if not self.reasons:
            return f"{subject} is {self.status}; the cache was not asked"
        compared = f", compared with run {self.earlier_run!r}" if self.earlier_run else ""
        return f"{subject} was not taken from cache{compared}:{sentence_list(self.sentences)}"


def explain_from(connection: Connection, run: str, run_name: str, invocation: str) -> CacheExplanation:
    """Ask the store why a step was or was not taken from cache.

    Args:
        connection: the store.
        run: the run's id or name.
        run_name: the name to tell.
        invocation: the step.

    Raises:
        NotFoundError: no such run, or no such invocation in it; the text names those there are.
    """
    found = connection.pipelines.explain_cache(run, invocation)
    earlier = found.earlier if found.HasField("earlier") else None
    return CacheExplanation(
        run=run_name,
        step=found.step_run.invocation,
        status=step_status(found.step_run.state),
        reasons=tuple(found.step_run.cache_miss),
        earlier_run=found.earlier_run_name if earlier else None,
        earlier_id=earlier.id if earlier else None,
        differences=tuple(_difference(item, earlier or StepRun(), found.step_run) for item in found.differences),
    )


def _difference(item: CacheKeyDifference, earlier: StepRun, step: StepRun) -> CacheDifference:
    if item.part == "uncacheable":  # which says it in words
        return CacheDifference(item.part, None, item.now, item.now)
    sentence = part_sentence(item.part, is_new=not item.before, is_gone=not item.now)
    if item.part == "cache_key":  # which is a text of the user's, and no digest
        values = change_sentence(item.before, item.now)
    else:
        values = value_sentence(item.part, earlier.parameters, step.parameters)
    return CacheDifference(item.part, item.before or None, item.now or None, sentence + values)

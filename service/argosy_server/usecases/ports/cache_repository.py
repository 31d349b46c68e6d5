"""What the use cases ask of the database about the step cache: what may be reused, and who computes what now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pipeline import Run, StepRun


@dataclass(frozen=True)
class CacheEntry:
    """A step run whose outputs may be reused.

    Attributes:
        step: without inputs and outputs.
        run_name: the name of its run.
        pipeline_name: the pipeline of its run.
        hit_count: how many step runs took its outputs.
        size: of its outputs, in bytes.
    """

    step: StepRun
    run_name: str
    pipeline_name: str
    hit_count: int
    size: int


@dataclass(frozen=True)
class EntryFilter:
    """Which entries are meant; an empty part does not count, all others hold together."""

    step_run_ids: tuple[str, ...] = ()
    step_name: str = ""
    pipeline_name: str = ""
    ended_before: datetime | None = None


@dataclass(frozen=True)
class Holder:
    """The running step run that computes a cache key."""

    step_run_id: str
    invocation: str
    run_id: str
    run_name: str


class CacheRepository(Protocol):
    """Completed step runs with a cache key. What is returned has no inputs and outputs."""

    def candidates(self, project: str, cache_key: str, limit: int, ended_since: datetime | None) -> list[StepRun]:
        """Return the newest that have this key and were not evicted, newest first.

        Args:
            project: where.
            cache_key: the key.
            limit: at most this many.
            ended_since: those that ended before are left out; ``None`` for any age.
        """
        ...

    def newest(self, project: str, cache_key: str) -> StepRun | None:
        """Return the newest that has this key and was not evicted, or else the newest that was."""
        ...

    def previous_step(self, project: str, pipeline_name: str, step: StepRun) -> StepRun | None:
        """Return the newest of another run of the same pipeline and step that ended before the step started.

        It completed or was taken from cache: what the step was then, whoever made its outputs.
        One of the same invocation is preferred; whether it was evicted does not matter. Calls of the step in the same
        run are no earlier state of it: they are given something else on purpose.
        """
        ...

    def previous_of_key(self, project: str, step: StepRun) -> StepRun | None:
        """Return the newest with the key of the step that ended before the step started, evicted or not."""
        ...

    def source_of(self, project: str, step: StepRun) -> StepRun | None:
        """Return the step run a cached one took its outputs from."""
        ...

    def list_entries(self, project: str, entries: EntryFilter, page: PageRequest) -> Page[CacheEntry]:
        """Return those that may be reused, newest first."""
        ...

    def evict(self, project: str, entries: EntryFilter) -> int:
        """Let those of the entries be reused no more, and return how many."""
        ...


class ReservationRepository(Protocol):
    """Which running step computes which cache key. A reservation counts while its step and its run are alive."""

    def holder(self, project: str, cache_key: str) -> Holder | None:
        """Return who computes the key now."""
        ...

    def reserve(self, run: Run, cache_key: str, step_run_id: str) -> Holder | None:
        """Let a step that is about to be added hold the key, unless another one computes it: that one is returned."""
        ...

    def release(self, project: str, step_run_ids: Sequence[str]) -> None:
        """Give up what these step runs hold."""
        ...

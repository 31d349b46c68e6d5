"""Looking into the step cache: why a step was or was not taken from it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from argosy_server.domain.errors import InvalidField, RunNotFound
from argosy_server.domain.pipeline import StepRun, StepState
from argosy_server.usecases.ports import Transaction
from argosy_server.usecases.ports.cache_repository import EntryFilter
from argosy_server.usecases.runs.reuse_step import differing_parts


@dataclass(frozen=True)
class KeyDifference:
    """A part of the cache keys of two step runs that differs; ``""`` where it is no part of the key."""

    part: str
    before: str
    now: str


@dataclass(frozen=True)
class Explanation:
    """Why a step was or was not taken from cache.

    Attributes:
        step: the one that is explained, without inputs and outputs.
        earlier: the one whose outputs were taken, or else the nearest earlier one of the same step.
        earlier_run_name: the name of its run.
        differences: the parts of their keys that differ, by name; without a key, what its client said of that.
    """

    step: StepRun
    earlier: StepRun | None = None
    earlier_run_name: str = ""
    differences: tuple[KeyDifference, ...] = ()


def explain_step(tx: Transaction, project: str, run: str, invocation: str) -> Explanation:
    """Explain a step run of a run, named by its id or name.

    Raises:
        RunNotFound: no such run, or no such invocation in it.
    """
    found = tx.runs.get(project, run)
    step = tx.runs.find_step(found, invocation)
    if step is None:
        names = tx.runs.invocations(found, 20)
        near = " or ".join(map(repr, get_close_matches(invocation, names, n=3)))
        meant = f" (did you mean {near}?)" if near else ""
        text = f"run {found.name!r} has no step {invocation!r}{meant}; it has {', '.join(names) or 'none'}"
        raise RunNotFound(text, resource=f"run {found.id}")
    if not step.cache_key:
        said = tuple(KeyDifference(part, "", text) for part, text in sorted(step.cache_key_parts.items()))
        return Explanation(step, differences=said)
    earlier = _earlier(tx, project, found.pipeline_name, step)
    if earlier is None:
        return Explanation(step)
    differences = tuple(
        KeyDifference(part, earlier.cache_key_parts.get(part, ""), step.cache_key_parts.get(part, ""))
        for part in sorted(differing_parts(earlier, step))
    )
    return Explanation(step, earlier, tx.runs.get(project, earlier.run_id).name, differences)


def evict_entries(tx: Transaction, project: str, entries: EntryFilter, *, everything: bool) -> int:
    """Let step runs be reused no more, and return how many; what they made stays.

    Raises:
        InvalidField: nothing says which, and not everything is meant either.
    """
    if not everything and entries == EntryFilter():
        raise InvalidField("everything", "is false and no filter is set; say which step runs, or that all are meant")
    return tx.cache.evict(project, entries)


def _earlier(tx: Transaction, project: str, pipeline_name: str, step: StepRun) -> StepRun | None:
    if step.state is StepState.CACHED:
        return tx.cache.source_of(project, step)
    return tx.cache.previous_of_key(project, step) or tx.cache.previous_step(project, pipeline_name, step)

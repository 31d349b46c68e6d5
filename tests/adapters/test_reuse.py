"""What happens between finding a step run to reuse and reusing it, on a real store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.pipeline import LoadedInput, StepRun, StepState
from argosy_server.usecases.ports import Transaction
from argosy_server.usecases.ports.cache_repository import EntryFilter
from argosy_server.usecases.runs.reuse_step import CacheLook, look_up
from argosy_server.usecases.runs.start_step import NewStep, OutputsAppeared, start_step
from tests.contracts.metadata_facts import FIRST_PAGE, PAST, SPEC, add, new_run, put_blob, start

Change = Callable[[Transaction, ArtifactVersion, ArtifactVersion], object]


@pytest.fixture
def application(tmp_path: Path, url: str) -> Iterator[Application]:
    application = build(StoreConfig(tmp_path, database=url, durability="process"))
    yield application
    application.close()


def complete(tx: Transaction) -> tuple[ArtifactVersion, ArtifactVersion]:
    """Complete a step with a cache key; return what it loaded by name and what it returned."""
    step = start(tx, new_run(tx), cache_key="key")
    loaded = add(tx, "p", SPEC, [], None)
    made = add(tx, "p", SPEC, [put_blob(tx, b"made", lease=PAST)], None)
    tx.artifacts.set_alias("p", "prod", loaded)
    tx.runs.add_outputs("p", step, [("output", made.id)])
    tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name=SPEC.name, alias="prod"), loaded.id)])
    tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
    return loaded, made


def start_again(application: Application, change: Change) -> StepRun:
    """Start the step again while something changes after the look-up."""
    with application.metadata.write() as tx:
        loaded, made = complete(tx)
    look = look_up(application.metadata, application.storage, "p", "key")
    assert look.reusable is not None
    with application.metadata.write() as tx:
        change(tx, loaded, made)
        run = new_run(tx)
        return start_step(tx, application.limits, "p", NewStep(run.id, "fit", "fit", {}, [], "key"), look)


def test_what_did_not_change_is_reused_and_leased(application: Application) -> None:
    assert start_again(application, lambda *_: None).state is StepState.CACHED
    with application.metadata.write() as tx:
        (leased,) = (version.id for version in tx.artifacts.list_versions("p", FIRST_PAGE).rows if version.file_count)
        tx.artifacts.delete("p", leased)
        assert tx.blobs.unreachable(None, 10) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda tx, loaded, made: tx.artifacts.delete("p", made.id),
        lambda tx, loaded, made: tx.artifacts.set_alias("p", "prod", made),
        lambda tx, loaded, made: tx.artifacts.delete("p", loaded.id),
    ],
    ids=["an output was deleted", "a name means another version", "what was loaded is gone"],
)
def test_what_changed_since_it_was_found_is_not_reused(application: Application, change: Change) -> None:
    assert start_again(application, change).state is StepState.RUNNING


def test_outputs_that_appeared_since_are_told_so_that_nothing_is_computed_twice(application: Application) -> None:
    look = look_up(application.metadata, application.storage, "p", "key")
    assert look == CacheLook()
    with application.metadata.write() as tx:
        complete(tx)
        run = new_run(tx)
    wanted = NewStep(run.id, "fit", "fit", {}, [], "key")
    with pytest.raises(OutputsAppeared), application.metadata.write() as tx:
        start_step(tx, application.limits, "p", wanted, look, last_look=False)
    again = look_up(application.metadata, application.storage, "p", "key")
    with application.metadata.write() as tx:
        assert start_step(tx, application.limits, "p", wanted, again, last_look=False).state is StepState.CACHED


def test_outputs_that_appeared_but_may_not_be_taken_keep_nobody_from_running(application: Application) -> None:
    look = look_up(application.metadata, application.storage, "p", "key")
    with application.metadata.write() as tx:
        complete(tx)
        tx.cache.evict("p", EntryFilter())
        run = new_run(tx)
        wanted = NewStep(run.id, "fit", "fit", {}, [], "key")
        started = start_step(tx, application.limits, "p", wanted, look, last_look=False)
    assert (started.state, started.cache_miss) == (StepState.RUNNING, ("evicted",))


def test_the_last_look_starts_whatever_appeared(application: Application) -> None:
    with application.metadata.write() as tx:
        complete(tx)
        run = new_run(tx)
        wanted = NewStep(run.id, "fit", "fit", {}, [], "key")
        assert start_step(tx, application.limits, "p", wanted, CacheLook()).state is StepState.RUNNING

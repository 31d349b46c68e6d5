"""Two servers of one store: what one of them was doing when it died, the other one does to its end."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy import Client
from argosy.errors import UnavailableError
from tests.contracts.client_contract import Calls
from tests.contracts.client_kinds import Kind, kind
from tests.faults.replicas import Callers, Replicas, each_kind_on_a_database, replicas
from tests.faults.stand import MARK_BYTES, MEBIBYTE, array_of, in_background
from tests.waiting import wait_until

__all__ = ["kind", "replicas"]

VALUE = array_of(48 * MEBIBYTE, seed=11)
HALF = VALUE.nbytes // 2
MOST = VALUE.nbytes * 3 // 4
TALK_BYTES = 256 << 10
"""What requests, headers and frames take at most beside the content."""
PAUSE = 0.002
"""Long enough that a transfer of 48 MiB lasts for seconds."""


@pytest.fixture
def store(kind: Kind, replicas: Replicas) -> Calls:
    """A client that is told of both servers."""
    return Calls(kind, kind.client(replicas.address))


@each_kind_on_a_database
def test_an_upload_whose_server_is_killed_on_the_way_ends_on_the_other(store: Calls, replicas: Replicas) -> None:
    store.list_artifacts()
    replicas.slow_down(PAUSE)
    saving = store.kind.start(lambda: store.client.save_artifact(VALUE, "weights"))
    taking = replicas.first_to(lambda replica: replica.proxy.up.passed >= MOST, "most of it was sent")
    taking.kill()
    replicas.slow_down(0.0)
    assert saving.result().version == "1"
    np.testing.assert_array_equal(replicas.other(taking).beside_the_proxy().load_artifact("weights"), VALUE)
    # The other one goes on behind what is durable: nothing else of it is sent again.
    again = sum(replica.proxy.up.passed for replica in replicas) - VALUE.nbytes
    assert again <= 2 * MARK_BYTES + TALK_BYTES


@each_kind_on_a_database
def test_a_download_whose_server_is_killed_half_way_ends_on_the_other(store: Calls, replicas: Replicas) -> None:
    store.save_artifact(VALUE, "weights")
    before = {replica: replica.proxy.down.passed for replica in replicas}
    replicas.slow_down(PAUSE)
    loading = store.kind.start(lambda: store.client.load_artifact("weights"))
    giving = replicas.first_to(
        lambda replica: replica.proxy.down.passed - before[replica] >= HALF, "half of it was received"
    )
    giving.kill()
    replicas.slow_down(0.0)
    np.testing.assert_array_equal(loading.result(), VALUE)
    received = sum(replica.proxy.down.passed - before[replica] for replica in replicas)
    assert received - VALUE.nbytes <= 8 * MEBIBYTE


@each_kind_on_a_database
def test_a_watch_goes_on_with_the_other_server_and_misses_and_repeats_nothing(store: Calls, replicas: Replicas) -> None:
    watch = store.kind.begin(store.client.watch_artifacts("weights"))
    taking = store.kind.start(lambda: store.kind.taken(watch, 60))
    client = replicas.client()
    down = itertools.cycle(replicas)
    for number in range(60):
        if number % 20 == 10:
            dying = next(down)
            dying.kill()
        client.save_artifact(number, "weights")
        if number % 20 == 15:
            dying.start()
    assert [event.version for event in taking.result()] == [str(number) for number in range(1, 61)]
    store.kind.do(watch.close())


@argosy.step(enable_cache=False)
def numbers(count: int) -> list[int]:
    return list(range(count))


@argosy.step(enable_cache=False)
def slow(values: list[int], name: str) -> list[int]:
    Path(f"runs-{name}").touch()
    wait_until(lambda: Path(f"go-{name}").exists(), "told to go on")
    return [2 * value for value in values]


@argosy.step(enable_cache=False)
def total(parts: list[list[int]]) -> int:
    return sum(map(sum, parts))


@pytest.mark.parametrize(
    ("runner", "replicas"), [("local", "sqlite"), ("processes", "postgresql")], indirect=["replicas"]
)
def test_a_run_goes_on_though_each_of_its_servers_dies_once(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch, runner: Any
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", replicas.address)

    @argosy.pipeline(runner=runner, max_parallel=2)
    def working() -> None:
        values = numbers(1000)
        total([slow(values, "a"), slow(values, "b")])

    running = in_background(working)
    wait_until(lambda: Path("runs-a").exists() and Path("runs-b").exists(), "both steps run")
    first, second = replicas
    first.kill()
    Path("go-a").touch()  # this step ends while only one server is there
    (run,) = replicas.client().list_runs()
    wait_until(lambda: run.reload().steps["slow"].status == "completed", "a step has ended")
    first.start()
    second.kill()
    Path("go-b").touch()
    ended = running.result(timeout=90)
    assert (ended.status, ended.steps["total"].output.load()) == ("completed", 2 * 2 * sum(range(1000)))
    assert [step.status for step in ended.steps.values()] == ["completed"] * 4


def test_no_caller_notices_that_servers_are_drained_one_after_the_other(replicas: Replicas) -> None:
    content = VALUE[: 3 * MEBIBYTE].tobytes()
    clients = [replicas.client() for _ in range(3)]
    clients[0].save_artifact(content, "given")
    watch = clients[0].watch_artifacts("small")
    callers = Callers(
        lambda number: clients[0].save_artifact(number, "small"),
        lambda number: clients[1].save_artifact(content[number % 100 :], "large"),
        lambda _: clients[2].load_artifact("given"),
        lambda _: clients[0].list_artifacts(),
        lambda number: clients[1].set_alias(f"alias{number % 3}", "given", 1),
    )
    for replica in [*replicas, replicas[0]]:
        callers.go_on_for(5)
        replica.stop()
        callers.go_on_for(5)
        replica.start()
    callers.stop()
    saved = callers.done[0]
    assert [event.version for event in itertools.islice(watch, saved)] == [str(n) for n in range(1, saved + 1)]
    watch.close()


@each_kind_on_a_database
def test_when_all_servers_are_away_the_error_names_them_and_one_that_comes_back_is_enough(
    store: Calls, replicas: Replicas
) -> None:
    store.save_artifact("kept", "value")
    for replica in replicas:
        replica.kill()
        replica.proxy.refuse()
    hosts = [replica.host for replica in replicas]
    with pytest.raises(UnavailableError, match=f"{hosts[0]}: .*; {hosts[1]}: .*argosy-server serve"):
        store.load_artifact("value")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        store.set_alias("prod", "value")
    replicas[1].proxy.accept()
    replicas[1].start()
    wait_until(lambda: loaded(store) == "kept", "it goes on")
    assert store.set_alias("prod", "value").version == "1"


def loaded(store: Calls) -> Any:
    """Return the value, ``None`` while nobody answers."""
    try:
        return store.load_artifact("value")
    except UnavailableError:
        return None


def test_a_first_contact_finds_the_one_server_that_is_there(replicas: Replicas) -> None:
    replicas[0].kill()
    client = Client(replicas.address)
    assert client.save_artifact(1, "value").version == "1"
    replicas[0].start()
    replicas[1].kill()
    assert client.load_artifact("value") == 1

"""Processes forked from one that used event loops: they are told what they cannot do, where gRPC would abort them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.faults.stand import Stand
from tests.waiting import PATIENCE

PROGRAM = """
import asyncio, multiprocessing, sys
import argosy, argosy.aio

def in_loop(_):
    return asyncio.run(argosy.aio.load_artifact("value"))

def blocking(_):
    return argosy.load_artifact("value")

def forked(work):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        try:
            return pool.map_async(work, range(4)).get(30)
        except argosy.ArgosyError as error:
            return f"{type(error).__name__}: {error}"

async def use(*works):
    async with argosy.aio.Client() as client:
        await client.save_artifact(1, "value")
        for work in works:
            print(await asyncio.to_thread(forked, work))
        assert await client.load_artifact("value") == 1
"""
CURE = (
    "start worker processes by multiprocessing's 'spawn' or 'forkserver', or fork before argosy.aio is used with a "
    "server for the first time"
)


def told(stand: Stand, what: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run a program that forks; return what it printed, without the numbers of processes."""
    monkeypatch.setenv("ARGOSY_SERVER", stand.proxy.address)
    done = subprocess.run([sys.executable, "-c", PROGRAM + what], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_child_of_a_process_whose_event_loops_have_ended_may_use_the_blocking_client_alone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = "asyncio.run(use())\nprint(forked(blocking))\nprint(forked(in_loop))\nasyncio.run(use())\n"
    works, refused = told(stand, what, monkeypatch)
    assert works == "[1, 1, 1, 1]"
    assert refused.startswith(f"EventLoopError: argosy.aio cannot reach {stand.proxy.address}: process ")
    assert refused.endswith(
        f" was forked from one that had used argosy.aio with a server, which gRPC does not outlive; {CURE}"
    )


def test_a_child_of_a_process_that_is_connected_by_an_event_loop_may_use_no_server(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocking, in_loop = told(stand, "asyncio.run(use(blocking, in_loop))\n", monkeypatch)
    assert blocking.startswith(f"EventLoopError: {stand.proxy.address} cannot be reached: process ")
    assert blocking.endswith(
        f" was forked while argosy.aio was connected to a server, which gRPC does not outlive; {CURE}"
    )
    assert in_loop.startswith("EventLoopError: argosy.aio cannot reach")

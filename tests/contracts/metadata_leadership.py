"""What every store must promise about leadership: one process at a time, and the next one when that is gone.

A subclass gives fixtures ``url``, of a database of our tables, and ``store``, which is open on it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from argosy_server.usecases.ports import MetadataStore
from tests.waiting import wait_until

LEAD_UNTIL_TOLD = """
import sys
from argosy_server.adapters.metadata import open_metadata
store = open_metadata(sys.argv[1], durability="process")
with store.lead() as leads:
    print("leads" if leads else "follows", flush=True)
    sys.stdin.readline()
store.close()
"""
FORKS = "ignore:.*multi-threaded:DeprecationWarning"
"""Newer Pythons warn of what these tests do on purpose."""


class Process:
    """Another process over the same database, which leads as long as it can."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LEAD_UNTIL_TOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.says = self._process.stdout.readline().strip()

    def end(self) -> None:
        """Let it go on and end well."""
        self._process.communicate("\n", timeout=60)
        assert self._process.returncode == 0

    @classmethod
    def says_at_once(cls, url: str) -> str:
        """Return what one says that does not stay."""
        process = cls(url)
        process.end()
        return process.says

    def kill(self) -> None:
        """Let it die at once."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=60)


def says_in_child(answer: Callable[[], bool]) -> bool:
    """Return what a forked child answers; it ends without ado."""
    child = os.fork()
    if child == 0:
        code = 255
        try:
            code = int(answer())
        finally:
            os._exit(code)
    return bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def can_lead(store: MetadataStore) -> bool:
    """Whether a store leads when it tries to."""
    with store.lead() as leads:
        return bool(leads)


class LeadershipContract:
    def test_one_process_leads_and_the_next_one_when_it_has_ended(self, store: MetadataStore, url: str) -> None:
        first, second = Process(url), Process(url)
        with store.lead() as leads:
            assert (first.says, second.says, bool(leads)) == ("leads", "follows", False)
        first.end()
        wait_until(lambda: can_lead(store), "the next one leads")
        with store.lead() as leads:
            assert leads
            assert Process.says_at_once(url) == "follows"
        second.end()

    def test_who_is_killed_leads_no_longer(self, store: MetadataStore, url: str) -> None:
        leader = Process(url)
        assert leader.says == "leads"
        leader.kill()
        # A server hears of it when the system has closed the connections of the dead.
        wait_until(lambda: can_lead(store), "another one leads")

    def test_a_leader_reads_and_writes_as_ever(self, store: MetadataStore) -> None:
        with store.lead() as leads, store.write() as tx:
            tx.events.append("p", "kind", {})
            assert leads

    def test_two_in_one_process_do_not_both_lead(self, store: MetadataStore) -> None:
        with store.lead() as first, store.lead() as second:
            assert (bool(first), bool(second)) == (True, False)

    @pytest.mark.filterwarnings(FORKS)
    def test_a_forked_child_does_not_lead_and_takes_nothing_from_its_parent(
        self, store: MetadataStore, url: str
    ) -> None:
        with store.lead() as leads:
            assert leads
            assert not says_in_child(lambda: bool(leads))
            assert leads
            assert Process.says_at_once(url) == "follows"

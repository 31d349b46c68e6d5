"""Breaks what is soaked, at random but as the seed says, and mends it again."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.soak.crew import Crew
from tests.soak.deployment import Deployment, Replica
from tests.soak.plan import Fault, Plan

MOST_KILLS = 3
"""Workers of one replica killed without a restart of all of it: its supervisor waits longer after each."""


class TooLate(Exception):
    """The soak ended before a harm could begin."""


class Nemesis:
    """Does one harm after the other in a thread of its own until it is stopped; then everything is whole again."""

    def __init__(self, plan: Plan, deployment: Deployment, crew: Crew, journal: Path) -> None:
        self._plan, self._deployment, self._crew = plan, deployment, crew
        self._journal = journal.open("a")
        self._random = random.Random(f"{plan.seed}/nemesis")
        self._stop = threading.Event()
        self._harms: dict[Fault, Callable[[], str]] = {
            "kill_worker": self._kill_worker,
            "kill_replica": self._kill_replica,
            "stop_replica": self._stop_replica,
            "reload": self._reload,
            "pause_worker": self._pause_worker,
            "stop_database": self._stop_database,
            "stop_store": self._stop_store,
            "kill_actor": self._kill_actor,
        }
        self.count: dict[str, int] = {}
        self.failure: BaseException | None = None
        self._coming_back: dict[Replica, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, name="nemesis", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do no more harm, and return when what was broken is mended.

        Raises:
            Exception: something could not be mended.
        """
        self._stop.set()
        self._thread.join()
        self._wait_for_replicas()
        self._journal.close()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        while self._plan.faults and not self._stop.wait(self._random.uniform(*self._plan.fault_pause)):
            fault = self._random.choice(self._plan.faults)
            self._note(fault, "begins")
            try:
                told = self._harms[fault]()
            except TooLate:
                self._note(fault, "too late")
                return
            except BaseException as error:
                self.failure = error
                self._note(fault, f"could not be mended: {error!r}")
                return
            self._note(fault, told)
            self.count[fault] = self.count.get(fault, 0) + 1

    def _note(self, fault: str, told: str) -> None:
        self._journal.write(json.dumps({"t": time.monotonic_ns(), "fault": fault, "told": told}) + "\n")
        self._journal.flush()

    def _replica(self, *, last_may_go: bool = True) -> Replica:
        """Choose one of those that answer; all of them come back before the last one goes."""
        there = [one for one in self._deployment.replicas if not self._is_coming_back(one)]
        if not there or (len(there) == 1 and not last_may_go):
            self._need_all_replicas()
            there = self._deployment.replicas
        return self._random.choice(there)

    def _bring_back(self, replica: Replica) -> None:
        """Start it while others are harmed: that takes seconds."""
        pause = self._random.uniform(0.0, 1.0)

        def start() -> None:
            self._stop.wait(pause)
            try:
                replica.start()
            except BaseException as error:
                self.failure = error

        self._coming_back[replica] = threading.Thread(target=start, name=f"replica-{replica.number}", daemon=True)
        self._coming_back[replica].start()

    def _is_coming_back(self, replica: Replica) -> bool:
        return replica in self._coming_back and self._coming_back[replica].is_alive()

    def _wait_for_replicas(self) -> None:
        for thread in self._coming_back.values():
            thread.join()

    def _need_all_replicas(self) -> None:
        """Wait for them before a harm, which may be longer than there is time.

        Raises:
            TooLate: no more harm shall be done.
        """
        self._wait_for_replicas()
        if self._stop.is_set():
            raise TooLate

    def _kill_worker(self) -> str:
        replica = self._replica()
        processes = replica.processes()
        if not self._plan.workers or replica.kills >= MOST_KILLS or not processes:
            return self._kill_replica()
        replica.kills += 1
        pid = self._random.choice(processes)
        with suppress(ProcessLookupError):  # it has just been replaced
            os.kill(pid, signal.SIGKILL)
        return f"worker {pid} of replica {replica.number}"

    def _kill_replica(self) -> str:
        replica = self._replica(last_may_go=False)
        replica.kill()
        self._bring_back(replica)
        return f"replica {replica.number}"

    def _stop_replica(self) -> str:
        replica = self._replica(last_may_go=False)
        code = replica.stop()
        assert code == 0, f"replica {replica.number} ended with exit code {code}"
        self._bring_back(replica)
        return f"replica {replica.number}"

    def _reload(self) -> str:
        replica = self._replica()
        if not self._plan.workers:
            return self._stop_replica()
        replica.server.process.send_signal(signal.SIGHUP)
        return f"replica {replica.number}"

    def _pause_worker(self) -> str:
        replica = self._replica()
        processes = replica.processes()
        pid = self._random.choice(processes) if processes else replica.server.process.pid
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self._stop.wait(self._random.uniform(0.5, 3.0))
            os.kill(pid, signal.SIGCONT)
        return f"worker {pid} of replica {replica.number}"

    def _stop_database(self) -> str:
        cluster = self._deployment.cluster
        assert cluster is not None
        self._need_all_replicas()  # no server starts without its database
        cluster.stop("immediate")
        self._stop.wait(self._random.uniform(0.0, 1.5))
        cluster.start()
        return "PostgreSQL"

    def _stop_store(self) -> str:
        server = self._deployment.object_server
        assert server is not None
        self._need_all_replicas()  # nor without its bucket
        server.stop()
        self._stop.wait(self._random.uniform(0.0, 1.5))
        server.start()
        return "the object store"

    def _kill_actor(self) -> str:
        with self._crew.lock:
            alive = [member for member in self._crew.members if member.process.poll() is None]
            if not alive:
                return "nobody"
            victim = self._random.choice(alive)
            victim.kill()
        return victim.actor

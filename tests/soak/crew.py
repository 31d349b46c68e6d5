"""The processes of the actors: started, killed, started again, and told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tests.soak.actors.actor import Assignment
from tests.soak.actors.watching import FILTERS
from tests.soak.journal import of_kind, read_journals
from tests.soak.plan import PROJECTS, Plan
from tests.waiting import wait_until
from tests.warm.process import WarmProcess

STOP_SECONDS = 20.0
"""For so long an actor may finish what it does; then nobody knows what becomes of it."""
LOOK_SECONDS = 1.0


class Patience:
    """Runs out when an actor has seen no new event for some time, however many it has seen again."""

    def __init__(self, folder: Path, actor: str, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now, with an actor that writes its journals into a folder."""
        self._folder, self._actor, self._seconds, self._clock = folder, actor, seconds, clock
        self._seen, self._since = self._count(), clock()

    def is_over(self) -> bool:
        """Look what it has seen since."""
        seen, now = self._count(), self._clock()
        if seen > self._seen:
            self._seen, self._since = seen, now
        return now - self._since > self._seconds

    def _count(self) -> int:
        # Each event has a cursor of its own, and there are no more of them once everybody else has ended.
        return len({event.result["cursor"] for event in of_kind(read_journals(self._folder, self._actor), "event")})


class Member:
    """One actor in all of its lives."""

    def __init__(self, actor: str, project: str, plan: Plan, order: Mapping[str, str], log: Path) -> None:
        self.actor, self.project = actor, project
        self._plan, self._order, self._log = plan, order, log
        self._life = 0
        self.process = self._start()

    @property
    def folder(self) -> str:
        """Where the journals are."""
        return self._order["folder"]

    @property
    def is_watcher(self) -> bool:
        """Whether it goes on until the last event."""
        return self.actor.startswith("watcher")

    @property
    def is_onlooker(self) -> bool:
        """Whether it goes on as long as others do something."""
        return self.is_watcher or self.actor.startswith("inspector")

    def kill(self) -> None:
        """Kill it, and let its next life begin."""
        self.process.kill()
        self.process.wait()
        self._close()
        self._life += 1
        self.process = self._start()

    def tell_to_stop(self) -> None:
        """Let it finish what it does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self, deadline: float) -> str:
        """Wait until it ended, kill it when it is too late, and return what went wrong."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        return self._ended()

    def see_the_end(self, seconds: float) -> str:
        """Wait until a watcher ended, kill it once it has seen nothing new for so long, and return what went wrong."""
        patience = Patience(Path(self.folder), self.actor, seconds)
        while self.process.poll() is None and not patience.is_over():
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(min(seconds, LOOK_SECONDS))
        if self.process.poll() is None:
            self._ended()
            return f"saw nothing new for {seconds:g} seconds, and never the last event"
        return self._ended()

    def _ended(self) -> str:
        """End it if it did not by itself, and return what went wrong if it did."""
        code = self.process.poll()
        if code is None:
            self.process.kill()
            self.process.wait()
        self._close()
        return f"ended with exit code {code}: {self._log.read_text()[-2000:]}" if code else ""

    def _start(self) -> subprocess.Popen[bytes]:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
        settings |= {
            "ARGOSY_SERVER": self._order["addresses"],
            "ARGOSY_PROJECT": self.project,
            "ARGOSY_HOME": self._order["home"],
            "ARGOSY_QUIET": "1",
            "ARGOSY_UNARY_DEADLINE": "10",
            "ARGOSY_IDLE_TIMEOUT": "10",
        }
        with self._log.open("ab") as log:
            process = WarmProcess(
                [sys.executable, "-m", "tests.soak.actors"], stdin=subprocess.PIPE, stdout=log, stderr=log, env=settings
            )
        plan, operations = self._plan, 0 if self.is_onlooker else self._plan.operations
        given = Assignment(
            self.actor, self._life, self.project, self._order["addresses"], plan.seed, operations, plan.pause
        )
        told = {"assignment": asdict(given), "folder": self._order["folder"], "cursor": self._order[self.project]}
        assert process.stdin is not None
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        return process

    def _close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


class Crew:
    """All actors of a soak."""

    def __init__(self, plan: Plan, folder: Path, addresses: str, cursors: Mapping[str, str]) -> None:
        """Start all of them; watchers begin at the cursor of their project."""
        self.lock = threading.Lock()
        """Held by who ends or replaces one of them."""
        order = {"addresses": addresses, "home": str(folder / "home"), "folder": str(folder / "history"), **cursors}
        (folder / "history").mkdir()
        self.members: list[Member] = []
        for kind, count in plan.crew.items():
            for number in range(count):
                actor = f"{kind}-{number}"
                if kind == "watcher":
                    actor += f"-{list(FILTERS)[number % len(FILTERS)]}"
                # Those that have to meet are in the first project; a second one of most kinds is in the other.
                project = PROJECTS[1 if number % 3 == 2 or (kind == "remover" and number % 2) else 0]
                self.members.append(Member(actor, project, plan, order, folder / f"{actor}.log"))

    def wait_until_all_work(self) -> None:
        """Return when each of them has begun something: many processes that start at once take long."""
        history = Path(self.members[0].folder)
        wait_until(
            lambda: all(
                member.process.poll() is not None or any(history.glob(f"{member.actor}.*.jsonl"))
                for member in self.members
            ),
            "all actors have begun",
        )

    def wait(self, seconds: float) -> None:
        """Return when all but onlookers have made all of their rounds, or after so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                working = [one for one in self.members if not one.is_onlooker and one.process.poll() is None]
            if not working:
                return
            time.sleep(0.05)

    def stop_workers(self) -> list[str]:
        """Let all but the watchers end, and return what went wrong."""
        workers = [member for member in self.members if not member.is_watcher]
        for member in workers:
            member.tell_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        found = [(member.actor, member.end(deadline)) for member in workers]
        return [f"{actor} {problem}" for actor, problem in found if problem]

    def stop_watchers(self, patience: float) -> list[str]:
        """Let the watchers see the last event, give up those that see nothing new for so many seconds, and tell."""
        watchers = [member for member in self.members if member.is_watcher]
        found = [(member.actor, member.see_the_end(patience)) for member in watchers]
        return [f"{actor} {problem}" for actor, problem in found if problem]

    def close(self) -> None:
        """End everybody at once."""
        for member in self.members:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGKILL)
            member.end(time.monotonic() + STOP_SECONDS)

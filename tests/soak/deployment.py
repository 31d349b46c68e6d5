"""What is soaked: replicas of workers over one database and one bucket, and the ways to break them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.api.fleet_process import children, is_there
from tests.api.server_process import ServerProcess
from tests.backends import postgres
from tests.backends.free_port import free_port
from tests.backends.object_store import new_bucket, new_versitygw
from tests.soak.plan import Plan
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
HOOK = "from tests.soak.mutants import infect\ninfect({name!r})\n"
EXPIRE = (
    "UPDATE uploads SET expires_at = 0",
    "UPDATE blobs SET lease_expires_at = 0",
)
"""The time goes by in which nobody goes on with what was under way."""


AWAY = "argosy_server.domain.errors.Storage"
"""How the last line of a trace begins that tells of a database or a store that was away, or full."""
POOL, CONNECTION_LOST = "sqlalchemy.pool", "psycopg.OperationalError"
"""The pool of connections tells of one it could not close because it was lost; who used it is told by itself."""
MOST_TOLD = 1500
"""Characters of a trace that are told."""


class Replica:
    """One server, which comes back at the same address."""

    def __init__(self, number: int, deployment: Deployment) -> None:
        self.number = number
        self.kills = 0
        """Workers killed since it was started: a supervisor waits longer after each."""
        self._deployment = deployment
        self._port = free_port()
        self.start()

    @property
    def address(self) -> str:
        """As the SDK takes it."""
        return f"grpc://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.kills = 0
        data = self._deployment.folder / f"replica-{self.number}"
        self.server = ServerProcess(
            data, f"--listen=127.0.0.1:{self._port}", *self._deployment.options, **self._deployment.environment
        )

    def processes(self) -> list[int]:
        """Return the ids of those of its processes that answer."""
        if not self._deployment.plan.workers:
            return [self.server.process.pid]
        return sorted(pid for pid, state in children(self.server.process.pid).items() if state != "Z")

    def kill(self) -> None:
        """Kill it. Workers end by themselves when their supervisor does."""
        processes = self.processes()
        self.server.__exit__(None, None, None)
        wait_until(lambda: not any(is_there(pid) for pid in processes), "the workers ended with their supervisor")

    @property
    def has_ended(self) -> bool:
        """Whether it is gone though nobody stopped it."""
        return self.server.process.poll() is not None

    def stop(self) -> int:
        """Stop it as an operator does, and return how it ended."""
        self.server.terminate()
        code = self.server.wait(60)
        self.server.stdout.close()
        return code


class Deployment:
    """All replicas, their database and their bucket; close it in the end."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.cluster = postgres.Cluster() if "stop_database" in plan.faults else None
        """The database, if it may be stopped."""
        self.object_server = new_versitygw() if "stop_store" in plan.faults else None
        """Where the bucket is, if it may be stopped."""
        self.database = self.cluster.new_database() if self.cluster else postgres.new_database()
        self.environment: dict[str, str] = {}
        self._store = [f"--database={self.database}", f"--data={folder / 'replica-0'}"]
        if plan.blobs == "folder":
            self._store.append(f"--blobs={folder / 'blobs'}")
        else:
            bucket = new_bucket(plan.blobs, self.object_server)
            self._store.append(f"--blobs={bucket.url}")
            self.environment |= bucket.environment
        workers = [f"--workers={plan.workers}"] if plan.workers else []
        self.options = [
            *(option for option in self._store if not option.startswith("--data=")),
            *workers,
            f"--sweep-interval={plan.sweep_interval}",
            "--grace=5",
            "--durability=process",
            "--log-format=json",
            "--log-level=warning",
        ]
        self._clean = dict(self.environment)
        if plan.mutant:
            self._infect(plan.mutant)
        self.replicas: list[Replica] = []
        try:
            for number in range(plan.replicas):
                self.replicas.append(Replica(number, self))
        except BaseException:
            self.close()
            raise

    @property
    def addresses(self) -> str:
        """All replicas as one server, as the SDK takes it."""
        return "grpc://" + ",".join(replica.address.removeprefix("grpc://") for replica in self.replicas)

    def expire_leases(self) -> None:
        """Let the time go by after which what nobody uses is swept."""
        with postgres.connect(self.database) as connection:
            for statement in EXPIRE:
                connection.execute(statement)

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run a command of ``argosy-server`` on the store as an operator does, and return what it printed."""
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
        done = subprocess.run(
            [sys.executable, "-m", "argosy_server", *arguments, *self._store, "-o", "json"],
            capture_output=True, text=True, check=False, env={**settings, **self._clean}, timeout=120,
        )  # fmt: skip
        assert done.stdout, f"{arguments}: {done.stderr}"
        return {"code": done.returncode, **json.loads(done.stdout)}

    def defects(self) -> list[str]:
        """Return what the servers logged that is nobody's doing but their own."""
        return [
            f"replica {replica.number}: {told}"
            for replica in self.replicas
            for line in replica.server.log().splitlines()
            if (told := _defect(line))
        ]

    def close(self) -> None:
        """End everything."""
        for replica in self.replicas:
            if replica.server.process.poll() is None:
                replica.kill()
        if self.object_server is not None:
            self.object_server.close()
        if self.cluster is not None:
            self.cluster.close()
        else:
            postgres.drop_database(self.database)

    def _infect(self, mutant: str) -> None:
        # Python runs it first in every process of the servers, and in no other one.
        hooks = self.folder / "hooks"
        hooks.mkdir()
        (hooks / "sitecustomize.py").write_text(HOOK.format(name=mutant))
        self.environment["PYTHONPATH"] = os.pathsep.join([str(hooks), str(ROOT), os.environ.get("PYTHONPATH", "")])


def _defect(line: str) -> str:
    """Return the defect a line of a log tells of, ``""`` for none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line  # nobody caught it, and nobody formatted it
    trace = entry.get("exception", "").strip()
    raised = [line for line in trace.splitlines() if line[:1].strip()]  # all but frames, and further lines of a text
    away = CONNECTION_LOST if entry.get("logger", "").startswith(POOL) else AWAY
    if entry.get("level") != "error" or not trace or raised[-1].startswith(away):
        return ""
    return f"{entry['event']}: {trace[-MOST_TOLD:]}"

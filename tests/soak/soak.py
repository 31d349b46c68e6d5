"""One soak, from the first server to what the checker is given."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from argosy import Client
from argosy.transport.connection import disconnect_all
from tests.soak.actors.labelling import ALIAS, MOVED
from tests.soak.actors.saving import SHARED
from tests.soak.actors.watching import END_TAG
from tests.soak.content import content_of
from tests.soak.crew import Crew
from tests.soak.deployment import Deployment
from tests.soak.evidence import Evidence, ProjectTruth
from tests.soak.final_read import Share, read_project
from tests.soak.journal import Journal, Operation, read_journals
from tests.soak.nemesis import Nemesis
from tests.soak.plan import END, PROJECTS, Plan

SAMPLE_SECONDS = 1.0


@dataclass
class Soaked:
    """What came of a soak.

    Attributes:
        evidence: for the checker.
        faults: how often the nemesis did each harm.
        seconds: what took how long.
    """

    evidence: Evidence
    faults: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def soak(plan: Plan, folder: Path) -> Soaked:
    """Run everything as planned in a folder, which holds all histories and logs afterwards."""
    watch = StopWatch()
    deployment = Deployment(folder, plan)
    try:
        cursors = {project: _cursor(deployment.addresses, project) for project in PROJECTS}
        memory = MemorySamples(deployment)
        crew = Crew(plan, folder, deployment.addresses, cursors)
        try:
            crew.wait_until_all_work()
            watch.lap("start")
            nemesis = Nemesis(plan, deployment, crew, folder / "nemesis.jsonl")
            try:
                crew.wait(plan.seconds)
            finally:
                watch.lap("work")
                nemesis.stop()
            failures = crew.stop_workers()
            failures += [f"replica {one.number} ended by itself" for one in deployment.replicas if one.has_ended]
            watch.lap("mend")
            _mark_the_end(deployment.addresses, folder / "history")
            failures += crew.stop_watchers(plan.patience)
            watch.lap("watchers")
        finally:
            crew.close()
            memory.stop()
        if plan.verifies:
            _collect_garbage(deployment)
        watch.lap("gc")
        history = read_journals(folder / "history")
        with ThreadPoolExecutor(1) as beside:
            # Nothing changes any more, and each leaves a processor to the other.
            verifying = beside.submit(deployment.command, "verify") if plan.verifies else None
            truths = list(_read_everything(deployment, cursors, history))
            verified = verifying.result() if verifying is not None else {}
        watch.lap("final read")
        defects = deployment.defects()
        return Soaked(
            Evidence(history, truths, verified, memory.samples, defects, failures), nemesis.count, watch.seconds
        )
    finally:
        disconnect_all()
        deployment.close()


class StopWatch:
    """Tells how long each part of a soak took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._before = time.monotonic()

    def lap(self, part: str) -> None:
        """End a part; the next one begins."""
        now = time.monotonic()
        self.seconds[part], self._before = now - self._before, now


class MemorySamples:
    """Looks at once, and then again and again, how many bytes each process of a server holds."""

    def __init__(self, deployment: Deployment) -> None:
        self.samples: dict[str, list[int]] = {}
        self._deployment = deployment
        # Before anybody works: a short crew has done all of its work within the first of SAMPLE_SECONDS.
        self._look_at_all()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and then no more."""
        self._stop.set()
        self._thread.join()
        self._look_at_all()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self._look_at_all()

    def _look_at_all(self) -> None:
        for replica in self._deployment.replicas:
            with suppress(subprocess.CalledProcessError, AttributeError):  # it is just being replaced
                self._look(replica.number, replica.processes())

    def _look(self, replica: int, processes: Iterable[int]) -> None:
        for pid in processes:
            shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
            if size := shown.stdout.strip():
                self.samples.setdefault(f"process {pid} of replica {replica}", []).append(int(size) << 10)


def _cursor(addresses: str, project: str) -> str:
    with Client(addresses, project).watch_artifacts() as events:
        return events.cursor


def _mark_the_end(addresses: str, history: Path) -> None:
    """Let every watch see an event that is its last; also proves that the store takes writes again."""
    for project in PROJECTS:
        journal = Journal(history, "end", PROJECTS.index(project), project)
        client = Client(addresses, project)
        for name, alias in ((MOVED, ALIAS), (SHARED[0], None), (END, None)):
            token = f"{project}/end/{name}"
            number = journal.invoke("save", {"name": name, "token": token, "content": token, "alias": alias})
            made = client.save_artifact(
                content_of(token, 100), name, alias=alias, tags=[END_TAG], metadata={"token": token}
            )
            journal.end(number, "ok", {"id": made.id, "version": made.version})
        journal.close()


def _collect_garbage(deployment: Deployment) -> None:
    deployment.expire_leases()
    collected = deployment.command("gc", "--execute", "--grace=0s")
    assert collected["code"] == 0, collected


def _read_everything(
    deployment: Deployment, cursors: dict[str, str], history: list[Operation]
) -> Iterable[ProjectTruth]:
    replicas = deployment.replicas
    for project in PROJECTS:
        named = {
            version_id
            for operation in history
            if operation.project == project and operation.kind == "lineage"
            for version_id in operation.result.get("versions", ())
        }
        for replica in replicas:
            share = Share(replica.number, len(replicas))
            yield read_project(replica.address, project, cursors[project], named, share)

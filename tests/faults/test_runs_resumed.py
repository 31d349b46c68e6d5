"""Runs whose driver and server died together are resumed to the same result once the server is back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy import Client
from tests.backends.free_port import free_port
from tests.e2e.test_pipelines_resume import PROGRAM
from tests.faults.stand import rows
from tests.waiting import PATIENCE, wait_until

SERVER = """
import signal
import sys
from datetime import timedelta
from pathlib import Path
from argosy_server.api.serving.server import ArgosyGrpcServer
from argosy_server.bootstrap import SERVICES, build
from argosy_server.config import StoreConfig
from argosy_server.domain.limits import Limits

application = build(StoreConfig(Path("data")), Limits(run_lease=timedelta(seconds=int(sys.argv[2]))))
server = ArgosyGrpcServer(4)
server.bind("127.0.0.1", int(sys.argv[1]))
server.serve(application.register, SERVICES, reflection=False)
print("ready", flush=True)
signal.pause()
"""
"""A server as any other, but for the length of its leases."""
LEASE, SHORT_LEASE = 60, 5


class Processes:
    """The processes of a test; none outlives it."""

    def __init__(self) -> None:
        self._port = free_port()
        self._started: list[subprocess.Popen[str]] = []

    @property
    def address(self) -> str:
        return f"grpc://127.0.0.1:{self._port}"

    def server(self, lease: int = LEASE) -> subprocess.Popen[str]:
        Path("server.py").write_text(SERVER)
        process = self._start("server.py", str(self._port), str(lease))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def program(self, runner: str, *arguments: str) -> subprocess.Popen[str]:
        Path("program.py").write_text(PROGRAM.format(runner=runner, step_options=""))
        return self._start("program.py", *arguments)

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()

    def _start(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
        self._started.append(process)
        return process


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    started = Processes()
    monkeypatch.setenv("ARGOSY_SERVER", started.address)
    yield started
    started.end()


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_driver_and_server_are_killed_and_the_run_is_resumed_to_the_same_result(
    processes: Processes, runner: str
) -> None:
    server = processes.server()
    driver = processes.program(runner)
    wait_until(lambda: Path("second").exists(), "the second step runs")
    server.kill()
    driver.kill()
    driver.wait()
    server.wait()
    processes.server()
    rows(Path("data"), "UPDATE runs SET lease_expires_at = 0")
    assert Client().get_run("count").status == "abandoned"
    Path("go").touch()
    assert processes.program(runner, "resume").wait(PATIENCE) == 0
    run = Client().get_run("count")
    assert (run.status, run.steps["third"].output.load()) == ("completed", 20)
    assert Path("calls").read_text().split() == ["first", "second", "second", "third"]


def test_a_run_whose_server_does_not_come_back_in_time_is_resumed(processes: Processes) -> None:
    server = processes.server(SHORT_LEASE)
    driver = processes.program("local")
    wait_until(lambda: Path("second").exists(), "the second step runs")
    server.kill()
    server.wait()
    Path("go").touch()
    assert driver.wait(PATIENCE) == 1  # once its lease is over
    processes.server()
    wait_until(lambda: Client().get_run("count").status == "abandoned", "the run counts as abandoned")
    assert processes.program("local", "resume").wait(PATIENCE) == 0
    assert Client().get_run("count").steps["third"].output.load() == 20

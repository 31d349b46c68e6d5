"""``argosy-server serve --workers N`` as an operator sees it: several processes on one port, and one over them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.api.calls import create, get
from tests.api.conftest import Service
from tests.api.fleet_process import CrashingWorkers, FleetProcess, children, is_there, serve_in_vain
from tests.api.held_upload import HeldUpload
from tests.api.operated_server import NOT_SERVING, SERVING, check_health, run, wait_for_uploads
from tests.api.server_process import ServerProcess
from tests.backends.free_port import free_port
from tests.standstill import go_on, stand_still
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no ports are shared on this system")
MANY = 24
"""So many connections, and none of them at one of two workers: once in eight million times."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProcess]:
    with FleetProcess(tmp_path_factory.mktemp("fleet") / "data", 2) as fleet:
        yield fleet


def test_the_one_line_on_stdout_comes_once_all_workers_answer(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 3) as fleet:
        first, *others = [line["worker"] for line in fleet.lines("worker answers")]
        assert (first, sorted(others)) == (1, [2, 3])
        workers = fleet.workers()
        assert len(workers) == 3
        fleet.terminate()
        assert fleet.wait() == 0
        assert fleet.stdout.read() == ""
        assert not any(map(is_there, workers))


def test_all_workers_get_calls_and_each_log_line_names_its_worker(fleet: FleetProcess) -> None:
    with fleet.connections(MANY) as services:
        saved = [create(service, "spread", f"a{number}") for number, service in enumerate(services)]
        assert [get(services[0], "spread", id=version.id) for version in saved] == saved
    assert {line["worker"] for line in fleet.lines("call")} == {1, 2}


def test_one_supervised_worker_is_a_fleet_too(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 1) as fleet, fleet.connections(1) as [service]:
        assert create(service, "p", "a").version == "1"
        assert len(fleet.workers()) == 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not show what is loaded")
def test_the_supervisor_has_no_grpc_and_no_database_loaded(fleet: FleetProcess) -> None:
    supervisor = Path(f"/proc/{fleet.process.pid}/maps").read_text()
    worker = Path(f"/proc/{fleet.workers()[0]}/maps").read_text()
    assert [name for name in ("cygrpc", "_sqlite3") if name in worker] == ["cygrpc", "_sqlite3"]
    assert [name for name in ("cygrpc", "_sqlite3") if name in supervisor] == []


@pytest.mark.parametrize("kind", ["fleet", "server"])
def test_a_fleet_is_refused_a_port_another_listens_on_and_creates_nothing(
    kind: str, fleet: FleetProcess, tmp_path: Path
) -> None:
    with ServerProcess(tmp_path / "one" / "data") as server:
        address = fleet.address if kind == "fleet" else server.address
        refused = serve_in_vain("--workers=2", f"--listen={address}", f"--data={tmp_path / 'data'}")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"error: cannot listen on {address}: the port is taken")
    assert not (tmp_path / "data").exists()


def test_a_server_without_workers_is_refused_the_port_of_a_fleet(fleet: FleetProcess, tmp_path: Path) -> None:
    refused = serve_in_vain(f"--listen={fleet.address}", f"--data={tmp_path / 'data'}")
    assert (refused.returncode, "the port is taken" in refused.stderr) == (1, True)
    assert not (tmp_path / "data").exists()


def test_of_fleets_that_start_at_once_on_one_port_one_gets_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "argosy_server", "serve", "--workers=1", f"--listen=127.0.0.1:{free_port()}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    fleets: list[subprocess.Popen[str]] = [
        subprocess.Popen([*command, f"--data={tmp_path / str(number)}"], **pipes)  # type: ignore[call-overload]
        for number in range(4)
    ]
    try:
        with ThreadPoolExecutor(len(fleets)) as pool:
            lines = list(pool.map(lambda fleet: fleet.stdout.readline(), fleets))
        assert sorted(map(bool, lines)) == [False, False, False, True]
        for fleet in fleets:
            fleet.terminate()
        said = [fleet.communicate(timeout=PATIENCE)[1] for fleet in fleets]
    finally:
        for fleet in fleets:
            fleet.kill()
            fleet.communicate()
    assert sorted(fleet.returncode for fleet in fleets) == [0, 1, 1, 1]
    assert sum("the port is taken" in text for text in said) == 3


def test_what_the_first_worker_refuses_is_told_once_and_no_other_is_started(tmp_path: Path) -> None:
    watched = CrashingWorkers(tmp_path / "watch")
    refused = serve_in_vain(
        "--workers=4",
        "--listen=127.0.0.1:0",
        f"--data={tmp_path}",
        "--database=mysql://host/name",
        **watched.environment,
    )
    assert (refused.returncode, refused.stdout, watched.starts) == (1, "", 1)
    assert refused.stderr.startswith("error: 'mysql' databases are not supported")
    assert refused.stderr.count("mysql") == 1


@pytest.mark.parametrize("command", ["serve --workers=0", "serve --workers=2", "verify", "gc --plan"])
def test_a_database_url_with_an_option_that_is_none_is_refused_in_one_line(command: str, tmp_path: Path) -> None:
    refused = run(*command.split(), f"--data={tmp_path / 'data'}", "--database=postgresql://u:hush@127.0.0.1/x?bogus=1")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
    assert refused.stderr.startswith("error: the database URL has 'bogus' in its query, which is no option")
    assert "hush" not in refused.stderr


def test_a_worker_that_crashes_at_start_is_told_and_is_not_started_again(tmp_path: Path) -> None:
    crashing = CrashingWorkers(tmp_path / "crash")
    crashing.on()
    refused = serve_in_vain("--workers=4", "--listen=127.0.0.1:0", f"--data={tmp_path}", **crashing.environment)
    assert (refused.returncode, refused.stdout, crashing.starts) == (1, "", 1)
    assert "error: worker 1 was ended by SIGABRT before it answered" in refused.stderr


def assert_two_live(fleet: FleetProcess) -> None:
    states = children(fleet.process.pid).values()
    assert (len(states), "Z" in states) == (2, False)


def test_a_crashed_worker_is_replaced_and_leaves_no_zombie(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2) as fleet:
        killed = fleet.pid_of(2)
        os.kill(killed, signal.SIGKILL)
        fleet.wait_for_lines("worker answers", 3)
        assert [line["event"] for line in fleet.lines("was ended by SIGKILL")] == [
            "worker was ended by SIGKILL; the next one starts in 0.5 s"
        ]
        assert killed not in fleet.workers()
        assert_two_live(fleet)
        with fleet.connections(1) as [service]:
            assert create(service, "p", "a").version == "1"


def test_a_worker_that_keeps_crashing_is_started_with_growing_pauses_while_another_answers(tmp_path: Path) -> None:
    crashing = CrashingWorkers(tmp_path / "crash")
    with FleetProcess(tmp_path / "data", 2, **crashing.environment) as fleet:
        crashing.on()
        os.kill(fleet.pid_of(1), signal.SIGKILL)
        fleet.wait_for_lines("starts in", 4)
        pauses = [line["event"].rpartition(" in ")[2] for line in fleet.lines("starts in")]
        assert pauses[:4] == ["0.5 s", "1 s", "2 s", "4 s"]
        with fleet.connections(1) as [service]:
            assert create(service, "p", "a").version == "1"
        crashing.off()
        fleet.wait_for_lines("worker answers", 3)
        fleet.terminate()
        assert fleet.wait() == 0


def test_a_fleet_none_of_whose_workers_can_start_any_more_ends_with_an_error(tmp_path: Path) -> None:
    crashing = CrashingWorkers(tmp_path / "crash")
    with FleetProcess(tmp_path / "data", 1, **crashing.environment) as fleet:
        crashing.on()
        os.kill(fleet.pid_of(1), signal.SIGKILL)
        assert fleet.wait(60) == 1
        assert crashing.starts == 5
        assert "error: no worker can serve any more; the last one was ended by SIGABRT" in fleet.log()


def test_workers_end_with_a_supervisor_that_is_killed_and_the_port_is_free_again(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2) as fleet:
        workers = fleet.workers()
        fleet.process.kill()
        wait_until(lambda: not any(map(is_there, workers)), "the workers ended")
        with ServerProcess(tmp_path / "next", f"--listen={fleet.address}") as server:
            assert server.address == fleet.address


def hold_uploads(fleet: FleetProcess, services: list[Service]) -> list[HeldUpload]:
    """Begin an upload on each connection, and return once the workers have surely taken them all."""
    uploads = [HeldUpload(service, f"held{number}") for number, service in enumerate(services)]
    wait_for_uploads(fleet, len(uploads))
    return uploads


@pytest.mark.parametrize("stop", ["SIGTERM", "SIGINT"])
def test_a_stopped_fleet_lets_calls_finish_and_ends_well(tmp_path: Path, stop: str) -> None:
    with FleetProcess(tmp_path / "data", 2, "--grace=20") as fleet, fleet.connections(MANY) as services:
        uploads = hold_uploads(fleet, services)
        fleet.process.send_signal(signal.Signals[stop])
        wait_until(lambda: is_refused(fleet), "it listens no more")
        for upload in uploads:
            upload.released.set()
        assert {upload.call.result(timeout=20).artifact_version.version for upload in uploads} == {"1"}
        assert fleet.wait() == 0


def is_refused(fleet: FleetProcess) -> bool:
    host, port = fleet.address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_workers_drain_one_after_the_other_and_all_say_at_once_that_they_go(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2, "--grace=120") as fleet, fleet.connections(MANY) as services:
        uploads = hold_uploads(fleet, services)
        assert health_of(fleet) == SERVING
        fleet.terminate()
        wait_until(lambda: health_of(fleet) == NOT_SERVING, "it says that it goes")
        # The second one begins to drain after a quarter of the grace, unless the first one has ended.
        wait_until(lambda: answers_new_connection(fleet), "the second one, which does not drain yet, answers")
        wait_until(lambda: is_unhealthy(fleet), "the command says so too")
        for upload in uploads:
            upload.released.set()
        assert fleet.wait(60) == 0
    ends = [line["worker"] for line in fleet.lines("ended with exit code 0")]
    assert ends == [1, 2]


def answers_new_connection(fleet: FleetProcess) -> bool:
    with fleet.connections(1) as [service]:
        try:
            return create(service, "p", "answered").version == "1"
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return False  # one answered that drains and had no processor yet to close its port


def health_of(fleet: FleetProcess) -> int:
    with fleet.connection() as channel:
        return check_health(channel, "")


def is_unhealthy(fleet: FleetProcess) -> bool:
    asked = run("health", f"--address={fleet.address}")
    return (asked.returncode, "NOT_SERVING: the server is shutting down" in asked.stderr) == (1, True)


def test_calls_of_all_workers_are_cut_after_one_grace(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2, "--grace=0.5") as fleet, fleet.connections(MANY) as services:
        uploads = hold_uploads(fleet, services)
        fleet.terminate()
        assert fleet.wait() == 0
        assert all(isinstance(upload.call.exception(timeout=10), grpc.RpcError) for upload in uploads)
        for upload in uploads:
            upload.released.set()


def test_a_second_signal_ends_all_processes_at_once(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2, "--grace=600") as fleet, fleet.connections(MANY) as services:
        workers = fleet.workers()
        uploads = hold_uploads(fleet, services)
        fleet.terminate()
        wait_until(lambda: health_of(fleet) == NOT_SERVING, "it heard the first one")
        fleet.terminate()
        assert fleet.wait() == -signal.SIGTERM
        assert not any(map(is_there, workers))
        for upload in uploads:
            upload.released.set()


def test_a_signal_to_all_processes_at_once_ends_the_fleet_well(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2) as fleet:
        supervisor, workers = fleet.process.pid, fleet.workers()
        stand_still(supervisor)  # so that it does not see a worker end before it has its own signal
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: set(children(supervisor).values()) == {"Z"}, "all workers have ended")
        os.kill(supervisor, signal.SIGTERM)
        go_on(supervisor)
        assert fleet.wait() == 0
        assert len(fleet.lines("worker answers")) == 2


def test_a_worker_told_to_stop_by_a_signal_finishes_its_calls_and_is_replaced(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 1) as fleet, fleet.connections(1) as [service]:
        upload = HeldUpload(service, "held")
        wait_for_uploads(fleet, 1)
        os.kill(fleet.pid_of(1), signal.SIGTERM)
        wait_until(lambda: is_refused(fleet), "it listens no more")
        upload.released.set()
        assert upload.call.result(timeout=20).artifact_version.version == "1"
        fleet.wait_for_lines("worker answers", 2)


@pytest.mark.parametrize("listen", ["[::1]:0", "localhost:0"])
def test_fleets_listen_on_other_loopback_addresses_too(listen: str, tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2, f"--listen={listen}") as fleet, fleet.connections(4) as services:
        assert [create(service, "p", "a").version for service in services] == ["1", "2", "3", "4"]


def test_a_fleet_that_listens_everywhere_says_so_once(tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2, "--listen=0.0.0.0:0", "--insecure") as fleet:
        assert run("health", f"--address=127.0.0.1:{fleet.address.rpartition(':')[2]}").stdout == "SERVING\n"
        warned = [line for line in fleet.log().splitlines() if "whoever reaches this port" in line]
        assert len(warned) == 1


def test_health_is_told_by_a_command(fleet: FleetProcess) -> None:
    asked = run("health", f"--address=grpc://{fleet.address}")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "SERVING\n", "")


def test_a_server_that_is_not_there_is_not_healthy() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens there
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        asked = run("health", f"--address={address}", "--timeout=10")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == f"error: {address}: nobody listens there\n"

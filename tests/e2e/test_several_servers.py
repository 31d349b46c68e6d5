"""Clients that are told of several servers of one store: what the page about them shows, and what they print."""

from __future__ import annotations

import ipaddress
import logging
import math
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import argosy
import argosy.aio
from argosy.errors import ConfigurationError, UnavailableError
from argosy.transport.channels import replicas
from argosy.transport.channels.replicas import PATIENCE_SECONDS
from argosy.transport.connection import connect, disconnect_all
from argosy.transport.rpc.retry import ATTEMPTS, FEW_ATTEMPTS, Backoff
from tests.api.server_process import ServerProcess
from tests.backends.free_port import free_port
from tests.faults.replicas import two_replicas
from tests.faults.stand import MEBIBYTE, array_of
from tests.waiting import wait_until

PAGE = (Path(__file__).resolve().parents[2] / "docs/several_servers.md").read_text()
READY = "argosy-server listening on "
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [fence[2] for fence in fences if fence[1] == language]


@pytest.fixture
def pair(home: Path, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    """Two servers over one folder."""
    with ExitStack() as running:
        yield [running.enter_context(ServerProcess(tmp_path / "data", "--durability=process")) for _ in range(2)]


def list_of(servers: list[ServerProcess]) -> str:
    return "grpc://" + ",".join(server.address for server in servers)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are killed at the end."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def start(command: list[str], started: list[subprocess.Popen[str]], log: Path | None = None) -> subprocess.Popen[str]:
    """Start a server that stays until the end, and return when it is ready."""
    with (log or Path(os.devnull)).open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(READY)
    return process


def test_what_the_page_shows_works_and_goes_on_when_a_server_is_stopped(
    home: Path,
    started: list[subprocess.Popen[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (shell,), (program,) = blocks("sh"), blocks("python")
    for port in re.findall(r"127\.0\.0\.1:(\d+)", shell):
        shell = shell.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}") if port.startswith("5") else shell
    for line in shell.splitlines():
        words = shlex.split(line)
        if words[0] == "export":
            monkeypatch.setenv(*words[1].split("=", 1))
        elif words[-1] == "&":
            start([str(BIN / words[0]), *words[1:-1]], started)
        else:
            subprocess.run([str(BIN / words[0]), *words[1:]], check=True)
    exec(compile(program, "several_servers.md", "exec"), {})
    started[0].send_signal(signal.SIGTERM)
    exec(compile(program, "several_servers.md", "exec"), {})
    assert started[0].wait(60) == 0
    exec(compile(program, "several_servers.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["numbers [1, 2, 3]"] * 3
    assert [version.version for version in argosy.list_artifact_versions("numbers")] == ["3", "2", "1"]


def test_the_page_shows_how_different_stores_are_refused(home: Path, tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path / "one") as one,
        ServerProcess(tmp_path / "two") as two,
        pytest.raises(ConfigurationError) as refusal,
    ):
        argosy.Client(list_of([one, two])).list_artifacts()
    (shown,) = blocks("text")
    told = re.sub(r"store [0-9a-f-]{36}", "store …", str(refusal.value))
    for server, port in ((one, "50051"), (two, "50052")):
        told = told.replace(server.address, f"127.0.0.1:{port}")
    assert told == " ".join(shown.split("\n")).strip()


def test_the_list_stands_wherever_the_store_is_named(
    pair: list[ServerProcess], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = list_of(pair)
    assert repr(argosy.Client(server)) == f"<Client of project 'default' at {server}>"
    assert repr(argosy.aio.Client(server)) == f"<asyncio Client of project 'default' at {server}>"
    monkeypatch.setenv("ARGOSY_SERVER", server)

    @argosy.step
    def one() -> int:
        return 1

    @argosy.pipeline
    def counting() -> None:
        one()

    counting()
    assert f"(project default, store {server})" in capfd.readouterr().out
    listed = subprocess.run([BIN / "argosy", "artifact", "list"], capture_output=True, text=True, check=True)
    assert listed.stderr == f"nothing found in project default of {server}\n"


def test_the_parts_of_a_large_file_come_from_all_of_them(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_TRANSFER_STREAMS", "4")
    content = array_of(80 * MEBIBYTE)
    with two_replicas(tmp_path / "data") as stands:
        client = stands.client()
        client.save_artifact(content, "large")
        before = [replica.proxy.down.passed for replica in stands]
        np.testing.assert_array_equal(client.load_artifact("large"), content)
        given = [replica.proxy.down.passed - size for replica, size in zip(stands, before, strict=True)]
    assert min(given) >= 16 * MEBIBYTE


def test_a_server_that_is_added_to_the_list_later_is_a_connection_of_its_own(pair: list[ServerProcess]) -> None:
    first = argosy.Client(list_of(pair[:1]))
    both = argosy.Client(list_of(pair))
    first.save_artifact(1, "value")
    assert both.load_artifact("value") == 1
    assert connect(first.config) is not connect(both.config)
    disconnect_all()
    assert both.load_artifact("value") == 1


def test_when_nobody_listens_each_of_them_is_named(home: Path) -> None:
    ports = [free_port(), free_port()]
    server = f"grpc://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"
    message = (
        f"none of the Argosy servers at {server} can be reached (127.0.0.1:{ports[0]}: Connection refused; "
        f"127.0.0.1:{ports[1]}: Connection refused); start them with `argosy-server serve`, or correct ARGOSY_SERVER"
    )
    with pytest.raises(UnavailableError, match=re.escape(message)):
        argosy.Client(server).list_artifacts()


@pytest.mark.parametrize("attempts", [FEW_ATTEMPTS, ATTEMPTS])
def test_the_page_tells_how_long_it_takes_to_give_up_when_no_server_answers(
    attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(choose: Callable[[float, float], float]) -> float:
        monkeypatch.setattr(random, "uniform", choose)
        backoff = Backoff("save", attempts)
        pauses = [backoff.next_pause(UnavailableError("gone")) for _ in range(attempts - 1)]
        with pytest.raises(UnavailableError):
            backoff.next_pause(UnavailableError("gone"))
        return attempts * PATIENCE_SECONDS + sum(pauses)

    assert f"waits {PATIENCE_SECONDS} seconds for one" in PAGE
    said = re.search(rf"{attempts} times[^;.]*, so they fail after (\d+) to (\d+) seconds", PAGE)
    assert said is not None
    assert [int(said[1]), int(said[2])] == [math.floor(seconds(min)), math.ceil(seconds(max))]


@pytest.mark.parametrize(
    ("attempts", "what"),
    [(FEW_ATTEMPTS, "save"), (FEW_ATTEMPTS, "load"), (ATTEMPTS, "save a large one"), (ATTEMPTS, "save several")],
)
def test_that_is_how_often_a_save_and_a_load_ask_servers_of_which_none_answers(
    attempts: int,
    what: str,
    pair: list[ServerProcess],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = argosy.Client(list_of(pair))
    client.save_artifact(1, "value")
    for server in pair:
        server.process.kill()
        server.process.wait()
    monkeypatch.setattr(replicas, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    caplog.set_level(logging.DEBUG, "argosy.transport")
    asking: dict[str, Callable[[], object]] = {
        "save": lambda: client.save_artifact(2, "value"),
        "load": lambda: client.load_artifact("value"),
        "save a large one": lambda: client.save_artifact(array_of(2 * MEBIBYTE), "value"),
        "save several": lambda: client.save_artifacts({"one": 1, "two": 2}),
    }
    with pytest.raises(UnavailableError):
        asking[what]()
    assert [f"gave up after {attempts} attempts" in text for text in caplog.messages if "gave up" in text] == [True]


USES_A_NAME = """
import sys
import argosy

client = argosy.Client(sys.argv[1])
for line in sys.stdin:
    for number in range(10):
        client.save_artifact(number, "value")
    print(line.strip(), flush=True)
"""


def test_behind_a_name_with_several_addresses_servers_take_turns_and_may_go(
    home: Path, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("giving one process another /etc/hosts needs root and unshare")
    port, hosts = free_port(), tmp_path / "hosts"
    addresses = [ipaddress.ip_address("127.0.0.1") + number for number in range(2)]
    hosts.write_text("".join(f"{address} argosy.test\n" for address in addresses))
    log = tmp_path / "log"
    command = [sys.executable, "-m", "argosy_server", "serve", f"--data={tmp_path / 'data'}", "--log-level=debug"]
    logs = [tmp_path / f"{address}.log" for address in addresses]
    servers = [
        start([*command, f"--listen={address}:{port}"], started, log)
        for address, log in zip(addresses, logs, strict=True)
    ]
    with log.open("w") as errors:
        client = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh", sys.executable,
             "-c", USES_A_NAME, f"grpc://argosy.test:{port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    started.append(client)
    orders, answers = client.stdin, client.stdout
    assert orders is not None
    assert answers is not None

    def goes_on(word: str) -> None:
        orders.write(f"{word}\n")
        orders.flush()
        assert answers.readline() == f"{word}\n", log.read_text()

    def saved() -> list[int]:
        return [log.read_text().count("/CreateArtifactVersion ") for log in logs]

    def they_take_turns() -> bool:
        before = saved()
        goes_on("both are there")
        return min(now - then for now, then in zip(saved(), before, strict=True)) >= 4

    wait_until(they_take_turns, "each of them takes about half of the calls")
    servers[0].send_signal(signal.SIGTERM)
    goes_on("one is being stopped")
    assert servers[0].wait(60) == 0
    goes_on("one was stopped")
    start([*command, f"--listen={addresses[0]}:{port}"], started)
    servers[1].kill()
    goes_on("the other was killed")
    orders.close()
    assert client.wait(60) == 0, log.read_text()
    wait_until(lambda: servers[1].poll() is not None, "it is gone")

"""The benches of transfers run and compare; whether a promise is kept is for a quiet machine to say."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.transfer.counting_proxy import CountingProxy
from bench.transfer.line import Bar, Line, at_least, at_most
from bench.transfer.rounds import take_turns

ROOT = Path(__file__).resolve().parents[2]
LINES = {"array-grpc": 6, "array-embedded": 2, "same-again": 2, "resume": 2, "small": 6, "directory": 3, "clients": 2}


@pytest.mark.parametrize("name", LINES)
def test_a_bench_compares_in_a_quick_round(name: str) -> None:
    command = [sys.executable, "-m", "bench.transfer", "--quick", "--json", "--only", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = json.loads(done.stdout)
    assert [line["error"] for line in lines] == [""] * LINES[name], done.stderr
    assert [line["what"] for line in lines if not (line["ours"] and line["theirs"] and line["ratio"] > 0)] == []
    assert done.returncode == (0 if all(line["kept"] for line in lines) else 1)


@pytest.mark.parametrize(
    ("bar", "ratio", "kept"),
    [(at_least(2), 2.0, True), (at_least(2.1), 2.0, False), (at_most(0.5), 0.5, True), (at_most(0.4), 0.5, False)],
)
def test_a_bar_asks_for_speed_or_for_a_share(bar: Bar, ratio: float, kept: bool) -> None:
    line = Line("save", "cp", ours=[3, 1, 1], theirs=[2, 2, 9], bar=bar)
    assert (line.ratio, line.kept) == (ratio, kept)


def test_a_side_that_fails_costs_its_own_lines_and_is_not_run_again() -> None:
    calls: list[int] = []

    def failing(seed: int) -> Mapping[str, float]:
        calls.append(seed)
        raise RuntimeError("no such peer")

    samples = take_turns({"ours": lambda seed: {"save": float(seed)}, "theirs": failing}, rounds=3)
    assert calls == [0]
    assert samples.promise("save", "ours.save", 2.0).ours == [1.0, 2.0, 3.0]
    line = samples.line("save", "ours.save", "peer", "theirs.save", at_least(1))
    assert (line.error, line.kept) == ("RuntimeError: no such peer", False)


def test_the_proxy_holds_what_goes_up_and_leads_new_connections_elsewhere(echo: tuple[str, str]) -> None:
    proxy = CountingProxy(echo[0])
    try:
        proxy.hold_at(3)
        with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2]))) as client:
            client.sendall(b"abc")
            assert client.recv(10) == b"1abc"
            assert proxy.reached.wait(5)
            client.sendall(b"def")
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(10)
        proxy.release(echo[1])
        with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2]))) as client:
            client.sendall(b"ghi")
            assert client.recv(10) == b"2ghi"
        assert proxy.up in {6, 9}  # what was held may still have gone up
    finally:
        proxy.close()


@pytest.fixture
def echo() -> Iterator[tuple[str, str]]:
    """Two servers that send back what they get, each with its number before it."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    def answer(listener: socket.socket, name: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            while received := connection.recv(10):
                connection.sendall(name + received)

    threads = [
        threading.Thread(target=answer, args=(listener, str(number).encode()))
        for number, listener in enumerate(listeners, start=1)
    ]
    for thread in threads:
        thread.start()
    first, second = (f"grpc://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners)
    yield first, second
    for thread in threads:
        thread.join(5)
    for listener in listeners:
        listener.close()

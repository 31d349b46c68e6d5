"""A store that moves while it is in use: who writes meanwhile, who has it open afterwards, who shares its bytes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import grpc
import pytest

from argosy_server.embedded import open_channel
from tests.api.calls import LARGE, Refusal, create, download, expect_refusal, get
from tests.api.conftest import Service, service_on
from tests.api.moved_stores import PROJECT, Place, bytes_of, command, migrate, place, refusal, source
from tests.api.server_process import ServerProcess

SWEEP_FAILED = "the sweep failed"

__all__ = ["place", "source"]


@pytest.mark.parametrize("shape", ["sqlite+files", "postgresql+files"])
def test_writers_meanwhile_lose_nothing_and_are_told_where_the_store_went(
    place: Callable[[str], Place], shape: str
) -> None:
    source, target = place(shape), place("sqlite+files")
    acknowledged: dict[str, bytes] = {}
    refusals: list[Refusal] = []
    enough = threading.Event()

    def save(service: Service, writer: int) -> None:
        for number in range(10_000):
            content = f"{writer}.{number} ".encode() * (10_000 if number % 3 == 0 else 1)
            try:
                version = create(service, PROJECT, f"writer{writer}", content)
            except grpc.RpcError as error:
                refused = Refusal(error)
                if "has moved to" not in refused.message:
                    continue
                refusals.append(refused)
                return
            acknowledged[version.id] = content
            if len(acknowledged) > 30:
                enough.set()

    with source.serve() as service:
        writers = [threading.Thread(target=save, args=(service, writer)) for writer in range(3)]
        for thread in writers:
            thread.start()
        assert enough.wait(60)
        done = migrate(source, target)
        for thread in writers:
            thread.join(120)
        assert (done.returncode, done.stderr) == (0, "")
        assert [refused.code for refused in refusals] == [grpc.StatusCode.UNAVAILABLE] * 3
        assert f"has moved to {target.data}/metadata.db and {target.data}/blobs" in refusals[0].message
        # What is there can still be read.
        some = next(iter(acknowledged))
        assert download(service, PROJECT, id=some) == acknowledged[some]
    with target.serve() as service:
        for version_id, content in acknowledged.items():
            assert download(service, PROJECT, id=version_id) == content
        labels = [f"writer{writer}" for writer in range(3)]
        counts = [int(get(service, PROJECT, name=label).version) for label in labels]
        assert sum(counts) == len(acknowledged)


def test_a_store_that_moved_cannot_be_opened_and_says_where_it_went(
    source: Place, place: Callable[[str], Place]
) -> None:
    target = place("sqlite+files")
    assert migrate(source, target).returncode == 0
    where = f"this store has moved to {target.data}/metadata.db and {target.data}/blobs"
    with pytest.raises(grpc.RpcError) as refused:
        open_channel(source.data)
    told = Refusal(refused.value)
    assert (told.code, where in told.message) == (grpc.StatusCode.UNAVAILABLE, True)
    served = command("serve", f"--data={source.data}", "--listen=127.0.0.1:0")
    assert (served.returncode, where in served.stderr) == (1, True)
    cleaned = command("gc", "--execute", "--grace=0s", f"--data={source.data}")
    assert (cleaned.returncode, where in cleaned.stderr) == (1, True)
    assert command("verify", f"--data={source.data}").returncode == 0
    elsewhere = refusal(*source.options("--from"), f"--to={source.data.parent / 'elsewhere'}")
    assert f"has moved to {target.data}/metadata.db" in elsewhere
    assert "migrate from there" in elsewhere
    # Back again, to another folder.
    back = place("sqlite+files")
    assert migrate(target, back).returncode == 0
    with back.serve() as service:
        assert download(service, PROJECT, name="large") == LARGE


def test_a_source_that_is_kept_stays_usable(source: Place, place: Callable[[str], Place]) -> None:
    target = place("sqlite+files")
    done = migrate(source, target, "--keep-source")
    assert "stays usable: what is saved there from now on is not in the copy" in done.stdout
    for home in (source.data, target.data):
        with open_channel(home) as channel:
            assert create(service_on("embedded", home, channel), PROJECT, "small", b"more").version == "2"


def await_sweeps(server: ServerProcess, count: int) -> None:
    """Wait until so many more sweeps have ended, all of which fail."""
    goal = server.log().count(SWEEP_FAILED) + count
    deadline = time.monotonic() + 30
    while server.log().count(SWEEP_FAILED) < goal:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)


def test_bytes_may_stay_where_they_are(source: Place, place: Callable[[str], Place]) -> None:
    database = place("postgresql+files").database
    target = Place(source.data.parent / "unused", database, str(source.data / "blobs"))
    assert "two stores in use would remove each other's" in refusal(
        *source.options("--from"), *target.options("--to"), "--keep-source"
    )
    before = bytes_of(source)
    with ServerProcess(source.data, "--sweep-interval=0.2") as old, old.channel() as channel:
        report = json.loads(migrate(source, target, "-o", "json").stdout)
        assert (report["copied"]["blobs"], report["present"]["blobs"]) == (0, 2)
        with target.serve() as service:
            create(service, PROJECT, "later", b"z" * 100_000)
            await_sweeps(old, 2)
            # The sweep of a server on the old database must not take it for an orphan.
            assert download(service, PROJECT, name="later") == b"z" * 100_000
        with expect_refusal(grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"):
            create(service_on("server", source.data, channel), PROJECT, "late", b"1")
    assert before.items() <= bytes_of(source).items()

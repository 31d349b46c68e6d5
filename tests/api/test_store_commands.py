"""``argosy-server verify`` and ``gc`` as an operator runs them: exit codes, what they print, what they leave alone."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from argosy_server.cli.verify import EXIT_CODES, EXIT_CODES_HELP
from argosy_server.usecases.upkeep.verify_store import DamageKind
from tests.api.calls import LARGE, create, digest_of, download
from tests.api.conftest import service_on
from tests.api.held_upload import HeldUpload
from tests.api.server_process import ServerProcess
from tests.api.store_commands import (
    ENVIRONMENT,
    change_database,
    delete,
    home,
    large_file,
    report,
    run,
    state_of,
    wait_for_bytes,
)
from tests.backends.damage import flip_a_bit

__all__ = ["home"]


def test_a_clean_store_is_told_so_and_nothing_is_changed(home: Path) -> None:
    before = state_of(home)
    checked = run("verify", f"--data={home}")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "read 3 of 3 blobs, 5.1 MiB: no damage\n"
    assert state_of(home) == before


@pytest.mark.parametrize(
    ("kind", "code"), [("corrupt", 11), ("truncated", 12), ("missing", 13), ("dangling", 14), ("unreadable", 10)]
)
def test_each_kind_of_damage_has_an_exit_code(home: Path, kind: str, code: int) -> None:
    if kind == "corrupt":
        flip_a_bit(large_file(home), 5_000_000)
    elif kind == "truncated":
        os.truncate(large_file(home), 10)
    elif kind == "missing":
        large_file(home).unlink()
    elif kind == "dangling":
        change_database(home, f"DELETE FROM blobs WHERE digest = '{digest_of(LARGE)}'")
    else:
        # A link to itself: no user can read it, not even root.
        path = large_file(home)
        path.unlink()
        path.symlink_to(path)
    status, found = report("verify", f"--data={home}")
    [damage] = found["damage"]
    assert (status, found["clean"], found["damage_counts"]) == (code, False, {kind: 1})
    assert (damage["kind"], damage["project"], damage["digest"]) == (kind, "p", digest_of(LARGE))
    assert damage["size"] == len(LARGE)
    assert damage["used_by"] == [{"name": "large", "version": "1"}]
    if kind == "corrupt":
        assert damage["damaged_bytes"] == [[4 << 20, len(LARGE)]]


def test_the_worst_kind_wins_and_all_are_told(home: Path) -> None:
    flip_a_bit(large_file(home), 1)
    change_database(home, f"DELETE FROM blob_contents WHERE digest = '{digest_of(b'small')}'")
    checked = run("verify", f"--data={home}")
    assert (checked.returncode, checked.stderr) == (13, "")
    lines = checked.stdout.splitlines()
    assert lines[0].split() == ["KIND", "PROJECT", "DIGEST", "SIZE", "PROBLEM", "USED", "BY", "LOCATION"]
    [corrupt] = [line for line in lines if line.startswith("corrupt ")]
    for part in (digest_of(LARGE), "bytes 0 to 4194304 do not match their checksum", "large 1", large_file(home).name):
        assert part in corrupt
    [missing] = [line for line in lines if line.startswith("missing ")]
    assert missing.endswith("small 1  in the database")
    assert lines[-1] == "read 3 of 3 blobs, 5.1 MiB: 1 corrupt, 1 missing" or lines[-1].endswith("1 missing, 1 corrupt")


def test_every_kind_has_a_code_of_its_own_from_bad_to_worse_and_help_tells_them() -> None:
    assert list(EXIT_CODES) == [kind.value for kind in DamageKind]
    assert list(EXIT_CODES.values()) == sorted(set(EXIT_CODES.values()))
    assert not {0, 1, 2} & set(EXIT_CODES.values())
    told = " ".join(run("verify", "--help").stdout.split())
    for kind, code in EXIT_CODES.items():
        assert f"{code} {kind}: " in EXIT_CODES_HELP
    assert EXIT_CODES_HELP in told


@pytest.mark.parametrize("command", [["verify"], ["gc", "--plan"], ["gc", "--execute"]])
def test_a_folder_that_is_no_store_is_an_error_and_stays_as_it_was(tmp_path: Path, command: list[str]) -> None:
    for data in (tmp_path, tmp_path / "not/there"):
        refused = run(*command, f"--data={data}")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"error: {data}/metadata.db does not exist, so this is no store; name the folder or the database of one\n"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_or_without_its_bytes_is_an_error(home: Path, tmp_path: Path) -> None:
    (tmp_path / "metadata.db").touch()
    assert "is no database of a store" in run("verify", f"--data={tmp_path}").stderr
    (home / "blobs").rename(home / "elsewhere")
    refused = run("verify", f"--data={home}")
    assert (refused.returncode, "is not there; mount it" in refused.stderr) == (1, True)
    assert not (home / "blobs").exists()
    assert run("verify", f"--data={home}", f"--blobs={home / 'elsewhere'}").returncode == 0


def test_a_database_of_another_version_is_neither_checked_nor_migrated(home: Path) -> None:
    change_database(home, "UPDATE alembic_version SET version_num = '9999'")
    before = state_of(home)
    refused = run("verify", f"--data={home}")
    assert (refused.returncode, "has schema 9999, and this version of argosy uses" in refused.stderr) == (1, True)
    assert state_of(home) == before


def test_a_subset_can_be_repeated_by_its_seed(home: Path) -> None:
    status, first = report("verify", f"--data={home}", "--subset=34%")
    assert (status, first["checked"]["blobs"], first["total"]["blobs"]) == (0, 2, 3)
    _, again = report("verify", f"--data={home}", "--subset=34%", f"--seed={first['seed']}")
    assert again == first
    told = run("verify", f"--data={home}", "--subset=34%", "--seed=7").stdout
    assert told.startswith("read 2 of 3 blobs (34%, seed 7), ")


def test_all_parts_find_all_damage(home: Path) -> None:
    flip_a_bit(large_file(home), 1)
    statuses = [run("verify", f"--data={home}", f"--subset={number}/3").returncode for number in (1, 2, 3)]
    assert sorted(statuses) == [0, 0, 11]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["verify", "--subset=0%"], "is no share of the blobs"),
        (["verify", "--subset=4/3"], "is no share of the blobs"),
        (["verify", "--seed=1"], "a seed goes with a percentage"),
        (["verify", "--subset=1/3", "--seed=1"], "a seed goes with a percentage"),
        (["gc"], "say either --plan"),
        (["gc", "--plan", "--execute"], "say either --plan"),
        (["gc", "--plan", "--grace=1h", "--ignore-leases"], "leave one of them out"),
        (["gc", "--plan", "--grace=5"], "write a number and its unit, such as 0s, 30m, 24h or 7d"),
        (["gc", "--plan", "--grace=-1h"], "write a number and its unit"),
        (["gc", "--plan", "--grace=99999999d"], "is more than a hundred years"),
    ],
)
def test_options_that_mean_nothing_are_refused(home: Path, options: list[str], words: str) -> None:
    refused = run(*options, f"--data={home}")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert words in refused.stderr


def test_a_terminal_sees_how_far_the_check_is(home: Path) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "argosy_server", "verify", f"--data={home}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=terminal, text=True, env={**ENVIRONMENT, "TERM": "xterm"}
    ) as process:
        os.close(terminal)
        assert process.stdout is not None
        assert process.stdout.read() == "read 3 of 3 blobs, 5.1 MiB: no damage\n"
    shown = b""
    try:
        while part := os.read(controller, 1 << 16):
            shown += part
    except OSError:
        pass  # how a terminal ends whose other side is closed
    os.close(controller)
    assert b"verify" in shown


def test_a_store_is_checked_and_cleaned_while_uploads_run(tmp_path: Path) -> None:
    contents = [LARGE[number:] for number in range(3)]
    with ServerProcess(tmp_path / "data", "--durability=process") as server, server.channel() as channel:
        service = service_on("server", server.data, channel)
        delete(service, create(service, "p", "gone", b"x" * 100_000).id)
        uploads = [HeldUpload(service, f"held{number}", content, last=2) for number, content in enumerate(contents)]
        wait_for_bytes(server.data, 3)
        status, checked = report("verify", f"--data={server.data}")
        assert (status, checked["uploads_under_way"], checked["orphans"]) == (0, 3, {"count": 0, "bytes": 0})
        for blobs in (1, 0):
            status, cleaned = report("gc", "--execute", "--grace=0s", f"--data={server.data}")
            assert (status, cleaned["blobs"], cleaned["orphans"]) == (0, blobs, 0)
        for upload in uploads:
            upload.released.set()
        assert [upload.call.result(timeout=20).artifact_version.version for upload in uploads] == ["1"] * 3
        for number, content in enumerate(contents):
            assert download(service, "p", name=f"held{number}") == content
        assert run("verify", f"--data={server.data}").returncode == 0


def test_saves_that_never_stop_lose_nothing_to_a_gc_that_never_stops(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--durability=process") as server, server.channel() as channel:
        service = service_on("server", server.data, channel)
        done = threading.Event()
        failures: list[BaseException] = []

        def save(name: str) -> None:
            number = 0
            try:
                while not done.is_set():
                    number += 1
                    # The same bytes again and again: each of them is garbage, and comes back, all the time.
                    delete(service, create(service, "p", name, bytes([number % 3]) * 100_000).id)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=save, args=(f"name{number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        cleaned = [report("gc", "--execute", "--grace=0s", f"--data={server.data}") for _ in range(4)]
        done.set()
        for thread in threads:
            thread.join()
        assert (failures, {status for status, _ in cleaned}) == ([], {0})
        assert sum(one["blobs"] for _, one in cleaned) > 0
        assert run("verify", f"--data={server.data}").returncode == 0


def test_a_store_whose_server_was_killed_is_checked_and_its_left_overs_are_told(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server, server.channel() as channel:
        service = service_on("server", server.data, channel)
        create(service, "p", "kept", b"x" * 100_000)
        upload = HeldUpload(service, "cut", LARGE, last=2)
        wait_for_bytes(server.data, 1)
        server.process.send_signal(signal.SIGKILL)
        server.wait()
        upload.released.set()
        with pytest.raises(grpc.RpcError):
            upload.call.result(timeout=20)
    status, checked = report("verify", f"--data={tmp_path / 'data'}")
    assert (status, checked["uploads_under_way"], checked["orphans"]["count"]) == (0, 1, 0)
    change_database(tmp_path / "data", "UPDATE uploads SET expires_at = 0")
    status, checked = report("verify", f"--data={tmp_path / 'data'}")
    assert (status, checked["uploads_under_way"], checked["orphans"]["count"]) == (0, 0, 1)
    told = run("verify", f"--data={tmp_path / 'data'}").stdout
    assert "left over, which a server removes in time, or argosy-server gc --execute now\n" in told

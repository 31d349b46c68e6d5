"""``argosy-server gc`` as an operator runs it: what it plans, what it removes, and what it lists first."""

from __future__ import annotations

import re
from pathlib import Path

import grpc

from argosy_server.domain.blob import upload_location
from argosy_server.domain.identifiers import new_id
from tests.api.calls import LARGE, create, digest_of, download, missing, put_blob
from tests.api.conftest import service_on
from tests.api.held_upload import HeldUpload
from tests.api.server_process import ServerProcess
from tests.api.store_commands import files_of, home, report, run, state_of, wait_for_bytes

__all__ = ["home"]


def put_orphan(home: Path, content: bytes = b"left over") -> Path:
    path = home / "blobs" / upload_location(new_id(), new_id())
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_plan_names_what_would_go_and_changes_nothing(home: Path) -> None:
    before = state_of(home)
    status, plan = report("gc", "--plan", "--grace=0s", f"--data={home}")
    assert (status, plan["executed"], plan["grace_seconds"]) == (0, False, 0)
    assert (plan["blobs"], plan["blob_bytes"], plan["orphans"]) == (1, 100_000, 0)
    [blob] = [item for item in plan["garbage"] if item["kind"] == "blob"]
    assert (blob["project"], blob["name"], blob["size"]) == ("p", digest_of(b"x" * 100_000), 100_000)
    told = run("gc", "--plan", "--grace=0s", f"--data={home}")
    assert digest_of(b"x" * 100_000) in told.stdout
    assert "would remove 1 blob (97.7 KiB), 0 orphans (0 B), " in told.stdout
    assert state_of(home) == before


def test_execute_does_what_was_planned(home: Path) -> None:
    _, plan = report("gc", "--plan", "--grace=0s", f"--data={home}")
    executed = run("gc", "--execute", "--grace=0s", f"--data={home}")
    assert (executed.returncode, executed.stderr) == (0, "")
    assert executed.stdout.startswith("removed 1 blob (97.7 KiB), 0 orphans (0 B), ")
    assert [path.stat().st_size for path in files_of(home)] == [len(LARGE)]
    _, after = report("gc", "--plan", "--grace=0s", f"--data={home}")
    assert (plan["blobs"], after["blobs"], after["garbage"]) == (1, 0, [])
    assert run("verify", f"--data={home}").stdout == "read 2 of 2 blobs, 5.0 MiB: no damage\n"


def test_an_hour_is_kept_unless_told_otherwise(home: Path) -> None:
    left = put_orphan(home)
    _, plan = report("gc", "--plan", f"--data={home}")
    assert (plan["grace_seconds"], plan["blobs"], plan["orphans"]) == (3600, 0, 0)
    assert report("gc", "--execute", f"--data={home}")[1]["blobs"] == 0
    assert report("gc", "--execute", "--grace=0s", f"--data={home}")[1]["orphans"] == 1
    assert not left.exists()


def test_a_long_list_is_cut_in_a_table_and_whole_in_json(home: Path) -> None:
    for _ in range(25):
        put_orphan(home)
    lines = run("gc", "--plan", "--grace=0s", f"--data={home}").stdout.splitlines()
    assert sum(line.startswith(("orphan ", "blob ")) for line in lines) == 20
    assert re.fullmatch(r"and [0-9]+ more, all of which -o json names", lines[-2])
    _, plan = report("gc", "--plan", "--grace=0s", f"--data={home}")
    assert sum(item["kind"] == "orphan" for item in plan["garbage"]) == 25


def test_a_plan_lists_the_largest_first_and_what_has_no_bytes_last(home: Path) -> None:
    for size in (10, 3_000_000, 20_000):
        put_orphan(home, bytes(size))
    lines = run("gc", "--plan", "--grace=0s", f"--data={home}").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["orphan", "blob", "orphan", "orphan", "upload"]
    assert [" ".join(line.split()[-2:]) for line in lines[1:5]] == ["2.9 MiB", "97.7 KiB", "19.5 KiB", "10 B"]
    _, plan = report("gc", "--plan", "--grace=0s", f"--data={home}")
    assert [item["size"] for item in plan["garbage"]][:4] == [3_000_000, 100_000, 20_000, 10]


def test_what_only_leases_keep_goes_when_they_are_ignored_and_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, "--durability=process") as server, server.channel() as channel:
        service = service_on("server", data, channel)
        create(service, "p", "kept", b"x" * 100_000)
        leased = put_blob(service, "p", b"y" * 200_000)
        upload = HeldUpload(service, "held", LARGE, last=2)
        wait_for_bytes(data, 1)
        assert report("gc", "--plan", "--grace=0s", f"--data={data}")[1]["blobs"] == 0
        before = state_of(data)
        status, plan = report("gc", "--plan", "--ignore-leases", f"--data={data}")
        assert (status, plan["ignore_leases"], plan["grace_seconds"], state_of(data)) == (0, True, 0, before)
        assert [item["kind"] for item in plan["garbage"][:2]] == ["orphan", "blob"]
        assert plan["garbage"][1]["name"] == leased

        status, cleaned = report("gc", "--execute", "--ignore-leases", f"--data={data}")
        assert (status, cleaned["blobs"], cleaned["blob_bytes"], cleaned["orphans"]) == (0, 1, 200_000, 1)
        assert [path.stat().st_size for path in files_of(data)] == [100_000]
        upload.released.set()
        assert isinstance(upload.call.exception(timeout=20), grpc.RpcError)
        assert download(service, "p", name="kept") == b"x" * 100_000
        assert missing(service, "p", leased) == [leased]
        assert run("verify", f"--data={data}").returncode == 0


def test_help_says_who_must_not_work_while_leases_are_ignored() -> None:
    assert "No client may be saving meanwhile" in " ".join(run("gc", "--help").stdout.split())

"""``argosy-server migrate`` as an operator runs it: interrupted, refused, told what it would do, while others write."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.bootstrap import open_store_copy
from argosy_server.config import StoreConfig
from argosy_server.embedded import open_channel
from argosy_server.usecases.ports.row_copy import RowCopy
from argosy_server.usecases.upkeep.copy_store import CopyReport, copy_store
from tests.adapters.copied_rows import all_rows
from tests.api.calls import LARGE, Refusal, create, digest_of, download, put_blob
from tests.api.conftest import service_on
from tests.api.moved_stores import (
    ENVIRONMENT,
    PROJECT,
    Place,
    bytes_of,
    command,
    fill_embedded,
    migrate,
    place,
    refusal,
    source,
    url_of,
)
from tests.api.store_commands import change_database, files_of, large_file, state_of
from tests.backends.damage import flip_a_bit
from tests.warm.process import WarmProcess

ATTEMPTS = 8

__all__ = ["place", "source"]


def test_dry_run_tells_counts_and_bytes_and_writes_nothing(source: Place, place: Callable[[str], Place]) -> None:
    before = state_of(source.data)
    for target in (place("sqlite+files"), place("postgresql+moto")):
        done = migrate(source, target, "--dry-run", "-o", "json")
        assert (done.returncode, done.stderr) == (0, "")
        plan = json.loads(done.stdout)
        assert plan["blobs"] == {"count": 3, "bytes": len(LARGE) + 40_000 + 5}
        assert plan["stored"] == {"count": 2, "bytes": len(LARGE) + 40_000}
        assert (plan["rows"]["versions"], plan["rows"]["blob_contents"], plan["refusals"]) == (3, 1, [])
        told = migrate(source, target, "--dry-run").stdout
        assert "3 blobs (5.0 MiB), in rows but for 2 files (5.0 MiB)" in told
        assert not target.data.exists()
    assert state_of(source.data) == before
    with pytest.raises(Exception, match="is no database of a store"):
        open_metadata(target.database, durability="full", create=False)


def test_dry_run_tells_everything_that_would_stop_it(source: Place, place: Callable[[str], Place]) -> None:
    target = place("sqlite+files")
    fill_embedded(target.data)
    large_file(source.data).unlink()
    before = state_of(target.data)
    done = migrate(source, target, "--dry-run")
    assert done.returncode == 1
    stops = [line for line in done.stdout.splitlines() if line.startswith("stops it: ")]
    assert "holds another store (id " in stops[0]
    assert f"blob {digest_of(LARGE)} of project '{PROJECT}' is damaged: its bytes are gone" in stops[1]
    assert state_of(target.data) == before


def is_killed(source: Place, target: Place, after: float) -> bool:
    """Run the command and kill it after some seconds; tell whether it was still there."""
    words = ["migrate", *source.options("--from"), *target.options("--to"), "--jobs=2"]
    process = WarmProcess(
        [sys.executable, "-m", "argosy_server", *words],
        env={**ENVIRONMENT, **target.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, told = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, told.decode()
    return False


@pytest.mark.parametrize("shape", ["sqlite+files", "postgresql+moto"])
def test_killed_at_any_point_it_goes_on_and_ends_as_if_it_had_not_been(
    place: Callable[[str], Place], shape: str
) -> None:
    chance = random.Random(7)
    kills = 0
    while kills < 3:  # where the machine has more time now than it had for the whole of it
        source, whole, broken = place("sqlite+files"), place(shape), place(shape)
        fill_embedded(source.data, files=30)
        started = time.monotonic()
        assert migrate(source, whole, "--keep-source").returncode == 0
        duration = time.monotonic() - started
        expected = all_rows(url_of(whole))
        # Later and later, so that every phase is met.
        moments = [duration * 0.1 * 1.35 ** (attempt + chance.random()) for attempt in range(ATTEMPTS)]
        kills = sum(is_killed(source, broken, after) for after in moments)
    done = migrate(source, broken)
    assert (done.returncode, done.stderr) == (0, "")

    copied = all_rows(url_of(broken))
    for rows in (copied, expected):
        rows["store"][0].pop("events_origin")
    assert copied == expected
    if shape == "sqlite+files":
        assert bytes_of(broken) == bytes_of(source)
    checked = command("verify", *broken.options(), "-o", "json", **broken.environment)
    found = json.loads(checked.stdout)
    assert (checked.returncode, found["clean"], found["orphans"]["count"]) == (0, True, 0)


def test_what_an_interrupted_attempt_left_half_written_is_written_again(
    source: Place, place: Callable[[str], Place]
) -> None:
    target = place("sqlite+files")
    assert migrate(source, target, "--keep-source").returncode == 0
    change_database(target.data, "UPDATE store SET closed = 'copy'")
    os.truncate(large_file(target.data), 4_000_000)
    [middle] = (path for path in files_of(target.data) if path.stat().st_size == 40_000)
    flip_a_bit(middle, 5)
    done = migrate(source, target, "-o", "json")
    report = json.loads(done.stdout)
    assert report["copied"] == {"blobs": 2, "bytes": len(LARGE) + 40_000}
    assert bytes_of(target) == bytes_of(source)


def test_interrupted_between_the_last_two_steps_only_the_last_one_is_left(
    source: Place, place: Callable[[str], Place]
) -> None:
    target = place("sqlite+files")
    with closing(open_store_copy(StoreConfig(source.data), StoreConfig(target.data))) as copy:
        copy_store(copy.source, cast("RowCopy", NeverPublished(copy.rows)), copy.target, CopyReport())
    # Nobody can write anywhere.
    for home, words in ((source.data, "has moved to"), (target.data, "was not finished")):
        with pytest.raises(grpc.RpcError) as refused:
            open_channel(home)
        assert words in Refusal(refused.value).message
    plan = json.loads(migrate(source, target, "--dry-run", "-o", "json").stdout)
    assert (plan["was_done"], plan["refusals"]) == (True, [])
    done = migrate(source, target)
    assert (done.returncode, done.stdout.startswith("nothing was left to copy: store ")) == (0, True)
    with target.serve() as service:
        assert download(service, PROJECT, name="large") == LARGE


class NeverPublished:
    """Rows on their way, of a process that ends before the last step."""

    def __init__(self, rows: RowCopy) -> None:
        self._rows = rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    def publish(self) -> None:
        """End here."""


def test_what_is_there_is_not_copied_again(source: Place, place: Callable[[str], Place]) -> None:
    target = place("sqlite+files")
    assert migrate(source, target, "--keep-source").returncode == 0
    change_database(target.data, "UPDATE store SET closed = 'copy'")
    report = json.loads(migrate(source, target, "-o", "json").stdout)
    assert report["copied"]["blobs"] == 0
    assert report["present"] == {"blobs": 2, "bytes": len(LARGE) + 40_000}
    again = migrate(source, target)
    assert (again.returncode, again.stdout.startswith("nothing was left to copy")) == (0, True)


@pytest.mark.parametrize("damage", ["corrupt", "truncated", "missing", "in a row"])
def test_damage_is_named_and_stops_it_unless_it_is_skipped(
    source: Place, place: Callable[[str], Place], damage: str
) -> None:
    target, digest = place("sqlite+files"), digest_of(LARGE)
    if damage == "corrupt":
        flip_a_bit(large_file(source.data), 5_000_000)
    elif damage == "truncated":
        os.truncate(large_file(source.data), 10)
    elif damage == "missing":
        large_file(source.data).unlink()
    else:
        digest = digest_of(b"small")
        change_database(source.data, "UPDATE blob_contents SET content = CAST('smell' AS BLOB)")
    refused = migrate(source, target)
    assert (refused.returncode, refused.stdout.count(digest)) == (1, 1)
    assert f"blobs of the source are damaged: {digest}; repair them" in refused.stderr
    assert "is a copy of a store that was not finished" in command("verify", *target.options()).stderr
    with open_channel(source.data) as channel:  # it is as it was
        create(service_on("embedded", source.data, channel), PROJECT, "small", b"more")

    done = migrate(source, target, "--skip-damaged")
    assert (done.returncode, "1 damaged blob left behind" in done.stdout) == (0, True)
    checked = json.loads(command("verify", *target.options(), "-o", "json").stdout)
    assert [found["digest"] for found in checked["damage"]] == [digest]
    with target.serve() as service:
        with pytest.raises(grpc.RpcError) as lost:
            download(service, PROJECT, name="small" if damage == "in a row" else "large", version="1")
        assert lost.value.code() is grpc.StatusCode.DATA_LOSS
        # It counts as missing: saving the same value repairs it.
        if damage != "in a row":
            put_blob(service, PROJECT, LARGE)
            assert download(service, PROJECT, name="large") == LARGE


def test_a_source_that_is_none_or_of_another_version_is_refused(source: Place, tmp_path: Path) -> None:
    target = f"--to={tmp_path / 'copy'}"
    assert "does not exist, so this is no store" in refusal(f"--from={tmp_path / 'nowhere'}", target)
    for revision in ("0001", "9999"):
        change_database(source.data, f"UPDATE alembic_version SET version_num = '{revision}'")
        told = refusal(f"--from={source.data}", target)
        assert f"has schema {revision}, and this version of argosy uses" in told
        assert "start a server of this version once" in told
        assert "or upgrade argosy" in told
    assert not (tmp_path / "copy").exists()
    assert "name a folder, or both --from-database and --from-blobs" in refusal(target)


def test_a_target_that_is_not_empty_or_the_source_is_refused(
    source: Place, tmp_path: Path, place: Callable[[str], Place]
) -> None:
    copy, start = tmp_path / "copy", f"--from={source.data}"
    assert "source and target are the same database" in refusal(start, f"--to={source.data}")
    (tmp_path / "link").symlink_to(source.data)
    assert "holds this very store" in refusal(start, f"--to={tmp_path / 'link'}")
    other = place("sqlite+files")
    fill_embedded(other.data)
    assert "holds another store (id " in refusal(start, f"--to={other.data}")
    stopped = refusal(start, f"--to={copy}", f"--to-blobs={other.data / 'blobs'}")
    assert "holds the bytes of another store (id " in stopped
    assert "choose an empty folder" in stopped
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "is not empty: it holds file" in refusal(start, f"--to={copy}", f"--to-blobs={tmp_path / 'full'}")
    stopped = refusal(start, f"--from-blobs={other.data / 'blobs'}", f"--to={copy}")
    assert "holds the blobs of another store" in stopped
    (tmp_path / "empty").mkdir()
    stopped = refusal(start, f"--from-blobs={tmp_path / 'empty'}", f"--to={copy}")
    assert "belong to no store" in stopped
    assert "with --from-blobs" in stopped
    assert not copy.exists()
    assert files_of(other.data)


def test_a_place_inside_the_other_one_is_refused_and_nothing_is_made(source: Place, tmp_path: Path) -> None:
    before, start = state_of(source.data), f"--from={source.data}"
    (tmp_path / "link").symlink_to(source.data)
    for inside in (source.data / "copy", source.data / "blobs" / "copy", tmp_path / "link" / "copy"):
        for options in ([f"--to={inside}"], [f"--to={tmp_path / 'copy'}", f"--to-blobs={inside}"]):
            for dry in ([], ["--dry-run"]):
                stopped = refusal(start, *options, *dry)
                assert f"the target, {source.data}" in stopped
                assert "is inside the source" in stopped
                assert "choose a folder beside it" in stopped
    assert f"the source, {source.data}, is inside the target, {tmp_path}:" in refusal(start, f"--to={tmp_path}")
    assert state_of(source.data) == before
    assert not (tmp_path / "copy").exists()


def test_bytes_that_stay_where_they_are_may_be_inside_either_folder(source: Place, tmp_path: Path) -> None:
    blobs = source.data / "blobs"
    done = command("migrate", f"--from={source.data}", f"--to={tmp_path / 'copy'}", f"--to-blobs={blobs}")
    assert (done.returncode, done.stderr) == (0, "")
    moved = command("verify", f"--data={tmp_path / 'copy'}", f"--blobs={blobs}")
    assert (moved.returncode, moved.stderr) == (0, "")


def test_a_bucket_that_is_not_there_is_refused_and_nothing_is_made(
    source: Place, place: Callable[[str], Place]
) -> None:
    target = place("postgresql+moto")
    words = [*source.options("--from"), f"--to={target.data}", f"--to-database={target.database}"]
    for dry_run in ([], ["--dry-run"]):
        done = command("migrate", *words, "--to-blobs=s3://no-such-bucket-here/x", *dry_run, **target.environment)
        assert done.returncode == 1
        assert "no-such-bucket-here" in done.stdout + done.stderr
    with pytest.raises(Exception, match="is no database of a store"):
        open_metadata(target.database, durability="full", create=False)


def test_where_there_is_no_room_nothing_is_begun(source: Place, small_disk: Path) -> None:
    with (small_disk / "filler").open("wb") as filler:
        filler.write(bytes(12 << 20))
    told = refusal(*source.options("--from"), f"--to={small_disk / 'copy'}")
    assert "has room for " in told
    assert "free some space there, or choose another place" in told
    assert not (small_disk / "copy").exists()


def test_no_two_commands_copy_into_one_target(source: Place, place: Callable[[str], Place]) -> None:
    target = place("sqlite+files")
    target.data.mkdir()
    from filelock import FileLock

    with FileLock(f"{target.data}/metadata.db.leader"):
        assert "another process copies into" in refusal(*source.options("--from"), *target.options("--to"))

"""A database that was restored over bytes that the original may still use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.sweeping import sweep_logged
from argosy_server.usecases.blobs.staging import publish_staged, receive_file
from argosy_server.usecases.upkeep.sweep import SweepReport, plan_sweep
from tests.backends.postgres import drop_database, new_database, postgresql_url

__all__ = ["postgresql_url"]
HELD = "so none are removed; once no other database does, run argosy-server gc --execute"


def save(application: Application, size: int, lease: timedelta = timedelta(hours=1)) -> None:
    file = receive_file(application.metadata, application.storage, application.limits, "p", "", [bytes(size)])
    with application.metadata.write() as tx:
        publish_staged(tx, application.limits, "p", file, lease)


def locations(application: Application) -> list[str]:
    return sorted(application.storage.locations())


@pytest.fixture
def original(postgresql_url: str, tmp_path: Path) -> StoreConfig:
    return StoreConfig(tmp_path / "home", database=postgresql_url, blobs=str(tmp_path / "blobs"))


@pytest.fixture
def restored(original: StoreConfig) -> Iterator[StoreConfig]:
    """A copy of the database over the same bytes, of which it does not know the last one; another one is garbage."""
    application = build(original)
    save(application, 100_000, lease=timedelta(0))
    application.close()
    copy = new_database(like=original.database)
    application = build(original)
    save(application, 200_000)
    application.close()
    yield replace(original, database=copy)
    drop_database(copy)


def test_servers_on_a_restored_database_remove_no_bytes_and_say_so(
    restored: StoreConfig, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        application = build(restored)
        kept = locations(application)
        assert len(kept) == 2
        caplog.clear()
        sweep_logged(application)
        assert HELD in caplog.text
        assert locations(application) == kept
        application.close()


def test_once_an_operator_has_cleaned_it_servers_do_so_again(restored: StoreConfig) -> None:
    build(restored).close()
    words = ["gc", "--execute", "--grace=0s", f"--database={restored.database}", f"--blobs={restored.blobs}"]
    done = subprocess.run(
        [sys.executable, "-m", "argosy_server", *words], capture_output=True, text=True, check=True, cwd=restored.home
    )
    assert done.stdout.startswith("removed 1 blob (97.7 KiB), 1 orphan (195.3 KiB)")
    application = build(restored)
    save(application, 300_000, lease=timedelta(0))
    assert application.sweep().blobs == 1
    assert locations(application) == []
    application.close()


def test_a_plan_tells_what_would_go_and_removes_nothing(restored: StoreConfig) -> None:
    application = build(restored)
    report = SweepReport()
    for _ in plan_sweep(application.metadata, application.storage, application.limits, timedelta(), report):
        pass
    assert (report.blobs, report.orphans, len(locations(application))) == (1, 1, 2)
    application.close()


def test_the_original_is_swept_as_before(original: StoreConfig, restored: StoreConfig) -> None:
    build(restored).close()
    application = build(original)
    assert application.sweep().blobs == 1
    assert len(locations(application)) == 1
    application.close()

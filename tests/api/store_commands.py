"""``argosy-server verify`` and ``gc`` as an operator runs them, and a store to run them on."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from argosy.v1 import artifact_service_pb2 as wire
from argosy_server.embedded import open_channel
from tests.api.calls import CHUNK, LARGE, create, new_request_id, upload_parts
from tests.api.conftest import Service, service_on
from tests.waiting import wait_until
from tests.warm import process as warm

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "argosy_server", *arguments]
    return warm.run(command, env=ENVIRONMENT, timeout=60)


def report(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = run(*arguments, "-o", "json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def delete(service: Service, version_id: str) -> None:
    request = wire.DeleteArtifactVersionRequest(project="p", request_id=new_request_id(), id=version_id)
    service.artifacts.DeleteArtifactVersion(request)


def files_of(home: Path) -> list[Path]:
    return sorted(path for path in (home / "blobs").rglob("*") if path.is_file() and path.name[0] != ".")


def state_of(home: Path) -> tuple[dict[str, str], list[str]]:
    """Every file but the database, and every row of that."""
    files = {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("metadata.db")
    }
    with sqlite3.connect(home / "metadata.db") as database:
        rows = list(database.iterdump())
    database.close()
    return files, rows


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with one version in a file, one in the database, and a deleted one."""
    with open_channel(tmp_path / "home") as channel:
        service = service_on("embedded", tmp_path / "home", channel)
        service.artifacts.UploadArtifact(upload_parts("p", "large", LARGE))
        create(service, "p", "small", b"small")
        delete(service, create(service, "p", "gone", b"x" * 100_000).id)
    return tmp_path / "home"


def large_file(home: Path) -> Path:
    [path] = (path for path in files_of(home) if path.stat().st_size == len(LARGE))
    return path


def change_database(home: Path, statement: str) -> None:
    with sqlite3.connect(home / "metadata.db") as database:
        database.execute(statement)
    database.close()


def wait_for_bytes(data: Path, files: int) -> None:
    """Return once so many files have a chunk of their bytes."""
    wait_until(lambda: sum(path.stat().st_size >= CHUNK for path in files_of(data)) >= files, f"{files} files")

"""Servers of the S3 protocol for tests, one of each kind in a pytest process, started when the first test asks.

``moto`` keeps objects in memory and believes every signature and checksum. ``versitygw`` keeps them in files and
really checks both; ``make versitygw`` installs it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

from tests.backends.free_port import free_port
from tests.backends.missing import missing

Kind = Literal["moto", "versitygw"]
KINDS: tuple[Kind, ...] = ("moto", "versitygw")
ACCESS_KEY, SECRET_KEY, REGION = "ARGOSYTESTKEY", "argosy-test-secret", "us-east-1"
START_SECONDS = 60.0


@dataclass(frozen=True)
class ObjectStore:
    """A fresh bucket.

    Attributes:
        kind: what serves it.
        bucket: its name.
        prefix: where in it the objects shall be.
        environment: what a process needs to reach it.
    """

    kind: Kind
    bucket: str
    prefix: str
    environment: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """As ``--blobs`` takes it."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def port(self) -> int:
        """Where the server listens, on 127.0.0.1."""
        return int(self.environment["AWS_ENDPOINT_URL"].rpartition(":")[2])

    def client(self) -> Any:
        """Return a way to the bucket past everything of ours: what boto3 calls a client."""
        return client(self.port)

    def objects(self) -> dict[str, int]:
        """Return key below the prefix and size of all objects."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        found = [entry for page in pages for entry in page.get("Contents", [])]
        return {entry["Key"].removeprefix(f"{self.prefix}/"): entry["Size"] for entry in found}

    def unfinished(self) -> list[tuple[str, str]]:
        """Return key below the prefix and id of all multipart uploads that are neither complete nor aborted."""
        answer = self.client().list_multipart_uploads(Bucket=self.bucket)
        return [(one["Key"].removeprefix(f"{self.prefix}/"), one["UploadId"]) for one in answer.get("Uploads", [])]


class Server:
    """A server of the S3 protocol with a folder of its own, which runs until it is closed or this process ends."""

    def __init__(self, name: str, command: Callable[[int, Path], list[str]]) -> None:
        """Start it on a free port, and return once it answers."""
        self._name, self._command = name, command
        self._folder = Path(tempfile.mkdtemp(prefix=f"argosy-{name}-"))
        atexit.register(self.close)
        self._process: subprocess.Popen[bytes] | None = None
        deadline = time.monotonic() + START_SECONDS
        while self._process is None:
            assert time.monotonic() < deadline, self._what_it_said()
            self.port = free_port()  # somebody else may take it before the server does
            self._run()

    def start(self) -> None:
        """Start it again, on its port and with all it kept in its folder, and return once it answers."""
        self._run()
        assert self._process is not None, self._what_it_said()

    def stop(self) -> None:
        """Stop it as an operator does, and return once it ended."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """End it and remove its folder."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _run(self) -> None:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self._command(self.port, self._folder), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._process = process
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if _answers(self.port):
                return
            time.sleep(0.02)
        self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(START_SECONDS)
            self._process = None

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _what_it_said(self) -> str:
        return f"{self._name} did not start: {self._log.read_text(errors='replace')}"


def new_bucket(kind: Kind, server: Server | None = None) -> ObjectStore:
    """Return an empty bucket; a test that asks for a server that is not there is skipped.

    Args:
        kind: of which server.
        server: one of this kind; otherwise the one of this process.
    """
    environment = environment_of((server or (_moto() if kind == "moto" else _versitygw())).port)
    store = ObjectStore(kind, f"argosy-{uuid4().hex[:12]}", "some/prefix", environment)
    store.client().create_bucket(Bucket=store.bucket)
    return store


def environment_of(port: int) -> dict[str, str]:
    """Return the settings of the standard chain that lead to a server on this machine."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        # Nothing of the person who runs the tests takes part.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }


@cache
def client(port: int) -> Any:
    """Return a client of boto3 for a server on this machine."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


@cache
def _moto() -> Server:
    try:
        import moto.server  # noqa: F401  # only whether it is there
    except ImportError:
        missing("s3", "moto is not there; install the extra dev: pip install -e .[dev]")
    return Server("moto", lambda port, _: [sys.executable, "-m", "moto.server", "-p", str(port)])


@cache
def _versitygw() -> Server:
    return new_versitygw()


def new_versitygw() -> Server:
    """Start one that nobody else uses, for tests that stop it; a test that asks for it is skipped without it."""
    beside = Path(sys.executable).with_name("versitygw")
    program = str(beside) if beside.exists() else shutil.which("versitygw")
    if program is None:
        missing("s3", "versitygw is not there; install it: make versitygw (needs Go)")

    def command(port: int, folder: Path) -> list[str]:
        (folder / "buckets").mkdir(exist_ok=True)
        (folder / "facts").mkdir(exist_ok=True)
        keys = ["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--region", REGION]
        where = ["--sidecar", str(folder / "facts"), str(folder / "buckets")]  # not every file system has attributes
        return [program, "--port", f"127.0.0.1:{port}", "--keep-alive", *keys, "posix", *where]

    return Server("versitygw", command)


def _answers(port: int) -> bool:
    try:
        build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/", timeout=5).close()
    except HTTPError as error:
        error.close()  # an answer, if a refusal
    except OSError:
        return False
    return True

"""MLflow: its server with proxied artifacts, on a free port, and one client a round."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.child import ROOT
from bench.transfer.processes import Client, files_in_memory
from bench.transfer.rounds import Side
from bench.transfer.venvs import peer_environment, python_of

REQUIREMENTS = ("mlflow>=3.17,<4",)
READY_SECONDS = 120
STOP_SECONDS = 30
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Its job runner keeps seven processes awake, which would slow the other sides down.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@contextlib.contextmanager
def mlflow_array(venvs: Path, size: int) -> Iterator[Side]:
    """Log a file in npy's format; download it and read it with ``np.load``."""
    with _server(venvs) as mlflow:
        yield lambda seed: mlflow.ask("array", str(size), str(seed))


@contextlib.contextmanager
def mlflow_directory(venvs: Path, files: int) -> Iterator[Side]:
    """Log a directory of small files, and download it."""
    with _server(venvs) as mlflow:
        mlflow = replace(mlflow, files=Path(files_in_memory(mlflow.env).get("TMPDIR", mlflow.folder)))
        yield lambda seed: mlflow.ask("directory", str(files), str(seed))


@dataclass(frozen=True)
class _Server:
    """A server that is ready."""

    python: Path
    env: Mapping[str, str]
    folder: Path
    files: Path

    def ask(self, *arguments: str) -> Mapping[str, float]:
        """Let a client work; what it stored is removed then."""
        scratch = Path(tempfile.mkdtemp(dir=self.files))
        try:
            command = [str(self.python), "-m", "bench.transfer.mlflow_client", *arguments, str(scratch)]
            return Client(command, self.env).answer()
        finally:
            shutil.rmtree(scratch)
            for stored in (self.folder / "artifacts").iterdir():
                shutil.rmtree(stored)


@contextlib.contextmanager
def _server(venvs: Path) -> Iterator[_Server]:
    python = python_of(venvs, "mlflow", REQUIREMENTS)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        home, port = Path(folder), probe.getsockname()[1]
        probe.close()  # free again: MLflow takes no port 0
        (home / "artifacts").mkdir()
        address = f"http://127.0.0.1:{port}"
        # The folder of its environment first: it starts programs by name.
        path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        env = peer_environment({**QUIET, "PATH": path, "HOME": folder, "MLFLOW_TRACKING_URI": address})
        command = [str(python), "-m", "mlflow", "server", "--serve-artifacts", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--artifacts-destination", str(home / "artifacts")]
        command += ["--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"]
        with (home / "server.log").open("w+") as log:
            # In a group of its own: it has workers, and they shall end with it.
            process = subprocess.Popen(
                command, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                _wait_for(process, address, log.name)
                yield _Server(python, env, home, home)
            finally:
                _end(process)


def _wait_for(process: subprocess.Popen[bytes], address: str, log: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return
        time.sleep(0.1)
    last = (Path(log).read_text().splitlines() or ["it said nothing"])[-1]
    raise RuntimeError(f"the MLflow server did not become ready: {last}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)

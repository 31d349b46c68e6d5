"""The contract proved by strangers: programs in Go and TypeScript against a real server.

Run by ``make test-clients``, which installs Go's and npm's packages first; not part of ``make test``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

# The first test of each language compiles it.
pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
GO = ROOT / "clients/go"
TYPESCRIPT = ROOT / "clients/typescript"
READY = "argosy-server listening on grpc://"

SETTINGS = {"rate": 0.05, "layers": [8, 4], "name": "déjà vu", "warm": True, "seed": None, "nested": {"a": {"b": -1}}}
# What both smoke programs send.
BYTES_SIZE = 2_400_000
BYTES_DIGEST = blake3(b"argosy\x00\xff" * 300_000).hexdigest()


def run(*command: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Run a command to its success and return what it printed."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that stores below a temporary folder and must end cleanly."""
    folder = tmp_path_factory.mktemp("server")
    command = [
        sys.executable,
        "-m",
        "argosy_server",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data",
        str(folder / "data"),
    ]
    with (
        (folder / "stderr").open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        try:
            assert line.startswith(READY), f"{line}\n{(folder / 'stderr').read_text()}"
            yield line.removeprefix("argosy-server listening on ")
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=30)
    assert code == 0


@pytest.fixture(scope="session")
def python_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def python(code: str, server: str, home: Path) -> str:
    """Run code that uses the SDK in a process of its own, away from this project's settings."""
    environment = {"ARGOSY_SERVER": server, "ARGOSY_HOME": str(home)}
    return run(sys.executable, "-c", code, cwd=home, environment=environment)


@pytest.fixture(scope="session")
def settings(server: str, python_home: Path) -> str:
    """The name of a json artifact that Python saved."""
    python(f"import argosy; argosy.save_artifact({SETTINGS!r}, name='settings')", server, python_home)
    return "settings"


@pytest.fixture(scope="session")
def go_smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("go") / "smoke"
    run("go", "build", "-o", program, "./cmd/smoke", cwd=GO)
    return program


@pytest.fixture(scope="session")
def node_smoke() -> Path:
    run("npm", "run", "build", cwd=TYPESCRIPT)
    return TYPESCRIPT / "dist/smoke.js"


@pytest.mark.parametrize(
    ("client", "generated"), [(GO, "argosy/v1"), (TYPESCRIPT, "src/gen")], ids=["go", "typescript"]
)
def test_committed_stubs_are_what_the_protos_say_now(client: Path, generated: str, tmp_path: Path) -> None:
    buf = Path(sysconfig.get_path("scripts")) / "buf"
    run(buf, "generate", "--output", tmp_path, cwd=client)
    fresh, committed = files_below(tmp_path / generated), files_below(client / generated)
    stale = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
    assert stale == [], "generated code is stale, run `make proto`"


def test_go_code_is_formatted_vetted_and_passes_its_tests() -> None:
    assert run("gofmt", "-l", ".", cwd=GO) == ""
    run("go", "vet", "./...", cwd=GO)
    run("go", "test", "./...", cwd=GO)


def test_typescript_code_type_checks_and_passes_its_tests() -> None:
    run("npm", "run", "check", cwd=TYPESCRIPT)
    run("npm", "test", cwd=TYPESCRIPT)


def test_go_saves_bytes_and_loads_what_python_saved(
    go_smoke: Path, server: str, settings: str, python_home: Path
) -> None:
    printed = run(go_smoke, "-address", server, "-json", settings, "-bytes", "from-go")
    assert_smoke_printed(printed, "from-go")
    assert_python_loads("from-go", server, python_home)


def test_node_saves_bytes_and_loads_what_python_saved(
    node_smoke: Path, server: str, settings: str, python_home: Path
) -> None:
    printed = run("node", node_smoke, server, settings, "from-node")
    assert_smoke_printed(printed, "from-node")
    assert_python_loads("from-node", server, python_home)


def test_go_reads_the_reason_of_a_refusal(go_smoke: Path, server: str) -> None:
    command = [str(go_smoke), "-address", server, "-json", "nobody-saved-this", "-bytes", "before-refusal"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("ARTIFACT_NOT_FOUND")


def assert_smoke_printed(printed: str, name: str) -> None:
    bytes_line, json_line = printed.splitlines()
    assert bytes_line == f"bytes {name} 1 blake3:{BYTES_DIGEST} {BYTES_SIZE}"
    words, _, document = json_line.partition(" {")
    assert words == "json settings 1"
    assert json.loads("{" + document) == SETTINGS


def assert_python_loads(name: str, server: str, home: Path) -> None:
    code = (
        f"import argosy, blake3; value = argosy.load_artifact({name!r});"
        "print(type(value).__name__, len(value), blake3.blake3(value).hexdigest())"
    )
    assert python(code, server, home).split() == ["bytes", str(BYTES_SIZE), BYTES_DIGEST]

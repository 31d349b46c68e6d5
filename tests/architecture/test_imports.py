"""Who loads what: the layers of both packages, and how light the client stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SDK = (
    "aio",
    "cli",
    "config",
    "errors",
    "execution",
    "graph",
    "materializers",
    "runners",
    "sdk",
    "testing",
    "transport",
)
HEAVY = {
    "alembic",
    "argosy_server",
    "asyncio",
    "cloudpickle",
    "fsspec",
    "google",
    "grpc",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "sklearn",
    "skops",
    "sqlalchemy",
    "structlog",
    "typer",
}


def loaded_after(code: str) -> set[str]:
    """Names of the modules a fresh interpreter has after running ``code``."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_every_import_follows_the_layers() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_argosy_loads_nothing_heavy() -> None:
    assert packages(loaded_after("import argosy")) & HEAVY == set()


def test_importing_argosy_loads_no_other_module_of_its_own() -> None:
    own = {module for module in loaded_after("import argosy") if module.partition(".")[0] == "argosy"}
    assert own == {"argosy"}


def test_writing_steps_and_pipelines_needs_no_wire_and_no_store() -> None:
    modules = loaded_after("from argosy import ArtifactConfig, ExternalArtifact, pipeline, step")
    assert packages(modules) & (HEAVY - {"asyncio"}) == set()


def test_who_watches_over_workers_has_no_wire_and_no_store_loaded() -> None:
    modules = loaded_after("import argosy_server.cli.serve, argosy_server.fleet.supervisor")
    assert "argosy_server.fleet.supervisor" in modules
    assert packages(modules) & {"grpc", "google", "sqlalchemy", "fsspec", "argosy"} == set()


def test_help_of_the_command_line_needs_no_wire_and_no_store() -> None:
    modules = loaded_after("from typer.main import get_command\nfrom argosy.cli import app\nget_command(app)")
    assert packages(modules) & {"grpc", "google", "numpy", "pandas", "sqlalchemy", "argosy_server"} == set()


@pytest.mark.parametrize(
    "package", ["api", "adapters", "usecases", "domain", "bootstrap", "sweeping", "cli", "embedded", "fleet"]
)
def test_no_part_of_the_server_loads_the_sdk(package: str) -> None:
    walk = (
        f"import importlib, pkgutil; top = importlib.import_module('argosy_server.{package}')\n"
        "for found in pkgutil.walk_packages(getattr(top, '__path__', []), top.__name__ + '.'):\n"
        "    'migrations' in found.name or importlib.import_module(found.name)"
    )
    modules = loaded_after(walk)
    assert f"argosy_server.{package}" in modules
    assert {module for module in modules if module.startswith(tuple(f"argosy.{part}" for part in SDK))} == set()


def test_a_running_server_has_no_sdk_loaded(tmp_path: Path) -> None:
    code = (
        "import argosy_server.embedded as embedded, pathlib\n"
        "from argosy.v1 import artifact_service_pb2 as pb, artifact_service_pb2_grpc as rpc\n"
        f"channel = embedded.open_channel(pathlib.Path({str(tmp_path)!r}))\n"
        "reply = rpc.ArtifactServiceStub(channel).ListArtifacts(pb.ListArtifactsRequest(project='default'))\n"
        "assert list(reply.artifacts) == []\n"
        "channel.close()"
    )
    modules = loaded_after(code)
    assert "argosy_server.api.servicers.artifacts" in modules
    assert {module for module in modules if module.startswith(tuple(f"argosy.{part}" for part in SDK))} == set()

"""What docs/services.md shows is run: by protoc and buf, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import grpc
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from argosy import Client
from argosy.v1 import artifact_service_pb2, blob_service_pb2, pipeline_service_pb2
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from tests.api.server_process import ServerProcess
from tests.backends.missing import missing
from tests.clients.languages import ROOT, SETTINGS, run

PAGE = (ROOT / "docs/services.md").read_text()
PROGRAMS = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """Settings of a shell in which buf and Argosy's commands are found, in a folder that has the protos."""
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    return {**SETTINGS, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "HOME": str(tmp_path)}


@pytest.fixture
def _protoc() -> None:
    """Skip where protoc and the plugins of gRPC are not installed; where they are required that is a failure."""
    if absent := [name for name in ("protoc", "grpc_cpp_plugin", "grpc_ruby_plugin") if shutil.which(name) is None]:
        missing("protoc", f"{absent} not found; install protobuf-compiler, protobuf-compiler-grpc and libprotobuf-dev")


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "argosy/v1").iterdir())


@pytest.mark.usefixtures("_protoc")
def test_protoc_and_buf_write_messages_and_stubs_of_languages_without_a_client(
    tmp_path: Path, shell: dict[str, str]
) -> None:
    (tmp_path / "buf.gen.yaml").write_text(blocks("yaml")[0])
    by_protoc, by_buf = blocks("sh")[:2]
    run(["bash", "-ec", by_protoc + by_buf], tmp_path, shell)
    protos = [path.stem for path in (ROOT / "protos/argosy/v1").glob("*.proto")]
    services = [name for name in protos if name.endswith("_service")]
    assert len(services) == 3
    ruby = [f"{name}_pb.rb" for name in protos]
    assert written(tmp_path / "gen/ruby") == sorted([*ruby, *(f"{name}_services_pb.rb" for name in services)])
    assert written(tmp_path / "gen/buf/ruby") == sorted(ruby)
    stubs = [f"{name}.grpc.pb.{end}" for name in services for end in ("h", "cc")]
    cpp = sorted([*(f"{name}.pb.{end}" for name in protos for end in ("h", "cc")), *stubs])
    assert written(tmp_path / "gen/cpp") == cpp
    # For protos that hold no service buf's plugin of gRPC writes files too, which declare nothing.
    assert set(written(tmp_path / "gen/buf/cpp")) >= set(cpp)
    assert "ERROR_REASON_DIGEST_MISMATCH" in (tmp_path / "gen/ruby/argosy/v1/errors_pb.rb").read_text()


def test_a_first_talk_without_any_code(tmp_path: Path, shell: dict[str, str]) -> None:
    start, create, get = blocks("sh")[2:]
    serving, _, ask = start.partition("&\n")
    assert serving == "argosy-server serve --listen 127.0.0.1:50051 --data ./store --reflection "
    with ServerProcess(tmp_path / "store", "--reflection") as server:

        def say(script: str) -> dict[str, object]:
            addressed = script.replace("127.0.0.1:50051", server.address)
            found: dict[str, object] = json.loads(run(["bash", "-ec", addressed], tmp_path, shell))
            return found

        assert say(ask)["protocolRevision"] == 1
        created = say(create)
        assert say(create) == created
        assert say(get)["contents"] == ["eyJyYXRlIjowLjA1fQ=="]
        assert Client(f"grpc://{server.address}").load_artifact("settings", alias="prod") == {"rate": 0.05}


def test_the_service_config_is_one_that_grpc_takes_and_spares_what_streams(tmp_path: Path) -> None:
    (text,) = blocks("json")
    config = json.loads(text)
    spared = {(name["service"], name["method"]) for name in config["methodConfig"][1]["name"]}
    assert spared == {
        (service.full_name, method.name)
        for module in (artifact_service_pb2, blob_service_pb2, pipeline_service_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.client_streaming
    }
    with ServerProcess(tmp_path / "store") as server:
        options = [("grpc.service_config", text)]
        with grpc.insecure_channel(f"dns:///localhost:{server.address.rpartition(':')[2]}", options) as channel:
            request = blob_service_pb2.GetCapabilitiesRequest(project="default")
            capabilities = BlobServiceStub(channel).GetCapabilities(request, timeout=30, wait_for_ready=True)
    assert capabilities.max_inline_bytes == 1 << 20
    assert (capabilities.max_batch_bytes, capabilities.max_chunk_bytes) == (2 << 20, 2 << 20)


def test_the_settings_of_proxies_are_well_formed() -> None:
    manager, cluster = yaml.safe_load_all(blocks("yaml")[1])
    (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert (manager["stream_idle_timeout"], route["route"]["timeout"], route["route"]["idle_timeout"]) == ("0s",) * 3
    assert route["route"]["cluster"] == cluster["name"]
    (threshold,) = cluster["circuit_breakers"]["thresholds"]
    assert threshold["max_requests"] > 10_000  # as many watch at one server at once


def test_the_files_a_version_may_have_are_as_many_as_the_page_says(server: str) -> None:
    told = re.search(r"([\d,]+) files in a version", PAGE)
    assert told is not None
    with grpc.insecure_channel(server.removeprefix("grpc://")) as channel:
        request = blob_service_pb2.GetCapabilitiesRequest(project="default")
        limit = BlobServiceStub(channel).GetCapabilities(request, timeout=30, wait_for_ready=True).max_files
    assert int(told[1].replace(",", "")) == limit


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE))))
def test_every_link_leads_to_something(target: str) -> None:
    assert (ROOT / "docs" / target).exists()

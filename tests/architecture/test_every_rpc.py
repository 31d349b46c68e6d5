"""Every RPC of the contract says how it fails, is tested over the wire, and has a typed client method."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from argosy.transport.clients.artifact_client import ArtifactClient
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.clients.pipeline_client import PipelineClient
from argosy.v1.errors_pb2 import ErrorReason

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = {"ArtifactService": ArtifactClient, "BlobService": BlobClient, "PipelineService": PipelineClient}
SERVICE_FIELD, METHOD_FIELD = 6, 2  # field numbers in descriptor.proto: where comments are found by path


def comments() -> dict[tuple[str, str], str]:
    """Comment of each RPC by service and method, from the protos themselves."""
    found = {}
    sources = sorted(path.name for path in (ROOT / "protos/argosy/v1").glob("*_service.proto"))
    with tempfile.NamedTemporaryFile(suffix=".binpb") as target:
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'protos'}", "--include_source_info"]
        outputs = [f"--descriptor_set_out={target.name}", *(f"argosy/v1/{name}" for name in sources)]
        subprocess.run([*command, *outputs], check=True)
        descriptors = FileDescriptorSet.FromString(Path(target.name).read_bytes())
    for file in descriptors.file:
        by_path = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
        for service_number, service in enumerate(file.service):
            for method_number, method in enumerate(service.method):
                path = (SERVICE_FIELD, service_number, METHOD_FIELD, method_number)
                found[service.name, method.name] = by_path.get(path, "")
    return found


RPCS = comments()
EACH_RPC = pytest.mark.parametrize(("service", "method"), [pytest.param(*rpc, id=".".join(rpc)) for rpc in RPCS])


def test_the_contract_has_the_three_services() -> None:
    assert {service for service, _ in RPCS} == set(CLIENTS)


@EACH_RPC
def test_an_rpc_tells_how_it_fails(service: str, method: str) -> None:
    _, heading, errors = RPCS[service, method].partition(" Errors:\n")
    assert heading, f"{method} has no `Errors:` list"
    assert re.match(r" - \S", errors), f"the `Errors:` list of {method} is empty"


@EACH_RPC
def test_the_reasons_an_rpc_names_exist(service: str, method: str) -> None:
    named = re.findall(r"- [A-Z_]+ / ([A-Z_]+)", RPCS[service, method])
    known = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - no mapping
    assert set(named) - known == set()


@EACH_RPC
def test_an_rpc_is_called_by_a_test_of_the_wire(service: str, method: str) -> None:
    tests = [path.read_text() for path in (ROOT / "tests/api").rglob("*.py")]
    assert any(re.search(rf"\.{method}\b", text) for text in tests), f"no test below tests/api calls {method}"


@EACH_RPC
def test_an_rpc_has_a_typed_client_method(service: str, method: str) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()
    assert callable(getattr(CLIENTS[service], name, None)), f"{CLIENTS[service].__name__} has no {name}()"


@pytest.mark.parametrize("service", CLIENTS)
def test_a_client_has_no_method_without_rpc(service: str) -> None:
    public = {name for name in vars(CLIENTS[service]) if not name.startswith("_")}
    methods = {re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower() for owner, method in RPCS if owner == service}
    assert public - methods == set()

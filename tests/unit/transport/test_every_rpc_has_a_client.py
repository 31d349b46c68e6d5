"""The typed clients cover the contract, and nothing but the contract."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import FileDescriptor

from argosy.transport.artifact_client import ArtifactClient
from argosy.transport.blob_client import BlobClient
from argosy.transport.pipeline_client import PipelineClient
from argosy.v1 import artifact_service_pb2, blob_service_pb2, pipeline_service_pb2

SERVICES = [
    (artifact_service_pb2.DESCRIPTOR, ArtifactClient),
    (blob_service_pb2.DESCRIPTOR, BlobClient),
    (pipeline_service_pb2.DESCRIPTOR, PipelineClient),
]


@pytest.mark.parametrize(("contract", "client"), SERVICES)
def test_every_rpc_has_a_client_method_and_the_other_way_round(contract: FileDescriptor, client: type) -> None:
    (service,) = contract.services_by_name.values()
    rpcs = {re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower() for method in service.methods}
    assert rpcs == {name for name in vars(client) if not name.startswith("_")}

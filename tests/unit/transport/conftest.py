"""A real gRPC server in this process, made of whatever servicers a test writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from argosy.config import ClientConfig, resolve
from argosy.transport.connection import disconnect_all
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer, add_ArtifactServiceServicer_to_server
from argosy.v1.blob_service_pb2 import GetCapabilitiesRequest, GetCapabilitiesResponse
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer, add_BlobServiceServicer_to_server
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceServicer, add_PipelineServiceServicer_to_server

Serve = Callable[..., ClientConfig]


class Greeter(BlobServiceServicer):
    """Answers the first contact, and nothing else."""

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(
            protocol_revision=1,
            oldest_protocol_revision=1,
            server_version="0.test",
            preferred_chunk_bytes=1 << 20,
            max_chunk_bytes=2 << 20,
            max_inline_bytes=1 << 20,
            max_files=10_000,
        )


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server of the given servicers; settings by keyword. Everything ends with the test."""
    servers: list[grpc.Server] = []
    adders: list[tuple[type, Callable[[Any, grpc.Server], None]]] = [
        (ArtifactServiceServicer, add_ArtifactServiceServicer_to_server),
        (BlobServiceServicer, add_BlobServiceServicer_to_server),
        (PipelineServiceServicer, add_PipelineServiceServicer_to_server),
    ]

    def start(*servicers: object, **settings: object) -> ClientConfig:
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        for servicer in servicers:
            for add in (add for base, add in adders if isinstance(servicer, base)):
                add(servicer, server)
        if not any(isinstance(servicer, BlobServiceServicer) for servicer in servicers):
            add_BlobServiceServicer_to_server(Greeter(), server)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return resolve(server=f"grpc://127.0.0.1:{port}", home=tmp_path, **settings)

    yield start
    disconnect_all()
    for server in servers:
        server.stop(None).wait()

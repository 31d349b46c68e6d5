"""What operators do to a server, and see of it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.api.server_process import NewServerProcess
from tests.waiting import PATIENCE, wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
    return subprocess.run(
        [sys.executable, "-m", "argosy_server", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**settings, "COLUMNS": "60", **environment},
        timeout=PATIENCE,
    )


def check_health(channel: grpc.Channel, service: str) -> int:
    status: int = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service)).status
    return status


def listed_services(channel: grpc.Channel) -> list[str]:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = list(stub.ServerReflectionInfo(iter([request])))
    return [service.name for service in answers[0].list_services_response.service]


def wait_for_uploads(server: NewServerProcess, count: int) -> None:
    """Return once so many uploads are under way, which the store knows of each as soon as some of it came."""

    def are_under_way() -> bool:
        with closing(sqlite3.connect(server.data / "metadata.db", timeout=30)) as database:
            found = database.execute("SELECT count(*) FROM uploads WHERE state = 'open'").fetchall()
        return found == [(count,)]

    wait_until(are_under_way, f"{count} uploads are under way")

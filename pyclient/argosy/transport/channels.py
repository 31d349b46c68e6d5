"""Opens the channel to a server, or to the store in this process."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from argosy.errors import ConfigurationError
from argosy.transport.forks import check_channels_work, check_loop_channels_work, note_loop_channel
from argosy.v1 import artifact_service_pb2, blob_service_pb2, pipeline_service_pb2

MAX_MESSAGE_BYTES = 4 << 20
"""Largest message taken in; what every stub of every language defaults to."""


def open_server_channel(address: str, *, idle_timeout: float, shared: bool = True) -> grpc.Channel:
    """Return a channel to ``grpc://…``, ``grpcs://…`` or ``unix://…``; nothing is connected yet.

    Args:
        address: the server.
        idle_timeout: seconds after which a connection that brings nothing is tested, and given up when it is dead.
        shared: whether it may use the connection of another channel to the same address.

    Raises:
        EventLoopError: this process was forked from one that was connected by an event loop.
    """
    check_channels_work(address)
    target, is_secure, options = _way(address, idle_timeout, shared)
    # Whoever reads a stream takes its messages from the wire, without a thread that hands them over.
    options.append(("SingleThreadedUnaryStream", 1))
    if is_secure:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
    return grpc.insecure_channel(target, options=options)


def open_loop_channel(address: str, *, idle_timeout: float, shared: bool = True) -> grpc.aio.Channel:
    """Return what :func:`open_server_channel` does for the running event loop.

    Raises:
        EventLoopError: this process was forked from one that had used event loops.
    """
    check_loop_channels_work(address)
    target, is_secure, options = _way(address, idle_timeout, shared)
    if is_secure:
        return note_loop_channel(grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=options))
    return note_loop_channel(grpc.aio.insecure_channel(target, options=options))


def open_embedded_channel(directory: Path) -> grpc.Channel:
    """Return a channel to the store in ``directory``, served by this process.

    Raises:
        ConfigurationError: the server's part of the distribution is not installed.
    """
    try:
        # By name: the client never imports the server, and a thin client may come without it.
        embedded = importlib.import_module("argosy_server.embedded")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("argosy_server"):
            raise
        raise ConfigurationError(
            "no server is configured and the embedded one is not installed; "
            "set ARGOSY_SERVER=grpc://host:port, or install the whole argosy distribution"
        ) from error
    channel: grpc.Channel = embedded.open_channel(directory)
    return channel


def _way(address: str, idle_timeout: float, shared: bool) -> tuple[str, bool, list[tuple[str, object]]]:
    """Return target, whether with TLS, and options of a channel."""
    parts = urlsplit(address)
    target = f"unix:{parts.path}" if parts.scheme == "unix" else f"dns:///{parts.netloc}"
    options = [*_options(idle_timeout), ("grpc.use_local_subchannel_pool", int(not shared))]
    return target, parts.scheme == "grpcs", options


def _options(idle_timeout: float) -> list[tuple[str, object]]:
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # A dead connection is given up before the transfers on it are: these would be tried again on the same one.
        ("grpc.keepalive_time_ms", int(min(idle_timeout / 2, 30) * 1000)),
        ("grpc.keepalive_timeout_ms", int(min(idle_timeout / 2, 20) * 1000)),
        # Of the pings that measure the way, beside which no other one is sent.
        ("grpc.http2.ping_timeout_ms", int(min(idle_timeout, 60) * 1000)),
        ("grpc.keepalive_permit_without_calls", 0),
        # Also while nothing is sent but what a long download needs.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.enable_retries", 1),
        ("grpc.service_config", _service_config()),
        # After a broken connection, come back soon: a restarted server is ready within seconds.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 300),
    ]


def _service_config() -> str:
    """Retry on UNAVAILABLE every call that has one request message: all are idempotent by request_id."""
    modules = (artifact_service_pb2, blob_service_pb2, pipeline_service_pb2)
    services: list[ServiceDescriptor] = [
        service for module in modules for service in module.DESCRIPTOR.services_by_name.values()
    ]
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if not method.client_streaming
    ]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 3,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    throttling = {"maxTokens": 20, "tokenRatio": 0.5}
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}], "retryThrottling": throttling})

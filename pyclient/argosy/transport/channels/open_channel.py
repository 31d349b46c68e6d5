"""Opens the channel to a server, or to the store in this process."""

from __future__ import annotations

import importlib
import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from argosy import clock
from argosy.errors import ConfigurationError
from argosy.transport.channels.forks import check_channels_work, check_loop_channels_work, note_loop_channel
from argosy.v1 import artifact_service_pb2, blob_service_pb2, pipeline_service_pb2

MAX_MESSAGE_BYTES = 4 << 20
"""Largest message taken in; what every stub of every language defaults to."""


Around = Callable[[grpc.Channel], grpc.Channel]


def _as_it_is(channel: grpc.Channel) -> grpc.Channel:
    return channel


_around: Around = _as_it_is


def put_around_channels(around: Around) -> Around:
    """Let ``around`` make the channel that is used of each that threads open from now on; return what did before."""
    global _around
    before, _around = _around, around
    return before


def open_server_channel(
    address: str, *, idle_timeout: float, shared: bool = True, is_replica: bool = False
) -> grpc.Channel:
    """Return a channel to ``grpc://…``, ``grpcs://…`` or ``unix://…``; nothing is connected yet.

    Args:
        address: one server, or the name of several.
        idle_timeout: seconds after which a connection that brings nothing is tested, and given up when it is dead.
        shared: whether it may use the connection of another channel to the same address.
        is_replica: whether there are others to turn to, so that calls that fail are not repeated on this one.

    Raises:
        EventLoopError: this process was forked from one that was connected by an event loop.
    """
    check_channels_work(address)
    target, is_secure, options = _way(address, idle_timeout, shared, is_replica)
    # Whoever reads a stream takes its messages from the wire, without a thread that hands them over.
    options.append(("SingleThreadedUnaryStream", 1))
    if is_secure:
        return _around(grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=options))
    return _around(grpc.insecure_channel(target, options=options))


def open_loop_channel(
    address: str, *, idle_timeout: float, shared: bool = True, is_replica: bool = False
) -> grpc.aio.Channel:
    """Return what :func:`open_server_channel` does for the running event loop.

    Raises:
        EventLoopError: this process was forked from one that had used event loops.
    """
    check_loop_channels_work(address)
    target, is_secure, options = _way(address, idle_timeout, shared, is_replica)
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
    channel: grpc.Channel = embedded.open_channel(directory, clock=clock.time_ns)
    return _around(channel)


def _way(
    address: str, idle_timeout: float, shared: bool, is_replica: bool
) -> tuple[str, bool, list[tuple[str, object]]]:
    """Return target, whether with TLS, and options of a channel."""
    parts = urlsplit(address)
    target = f"unix:{parts.path}" if parts.scheme == "unix" else f"dns:///{parts.netloc}"
    has_others = is_replica or _is_name(parts.hostname)
    options = [
        *(_OPTIONS_OF_MANY if is_replica else _OPTIONS_OF_ONE),
        *_tests_of_connections(min(idle_timeout, _TESTED_SECONDS) if has_others else idle_timeout),
        ("grpc.service_config", _service_config(_is_name(parts.hostname), retries=not is_replica)),
        ("grpc.use_local_subchannel_pool", int(not shared)),
    ]
    return target, parts.scheme == "grpcs", options


def _is_name(host: str | None) -> bool:
    """Tell whether a host may stand for several addresses."""
    try:
        ipaddress.ip_address(host or "0.0.0.0")  # noqa: S104 - nothing listens there
    except ValueError:
        return True
    return False


def _tests_of_connections(seconds: float) -> list[tuple[str, object]]:
    """Give a connection up that has brought nothing for so long, and then no answer to the question whether it lives.

    That is before the transfers on it are given up: these would be tried again on the same one.
    """
    return [
        ("grpc.keepalive_time_ms", int(min(seconds / 2, 30) * 1000)),
        ("grpc.keepalive_timeout_ms", int(min(seconds / 2, 20) * 1000)),
        # Of the pings that measure the way, beside which no other one is sent.
        ("grpc.http2.ping_timeout_ms", int(min(seconds, 60) * 1000)),
        ("grpc.keepalive_permit_without_calls", 0),
        # Also while nothing is sent but what a long download needs.
        ("grpc.http2.max_pings_without_data", 0),
    ]


_TESTED_SECONDS = 16.0
"""Where another server could answer, a dead connection is given up well before the calls on it are."""
_OPTIONS_OF_ONE: list[tuple[str, object]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_retries", 1),
    # After a broken connection, come back soon: a restarted server is ready within seconds.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    # A name may stand for other addresses by the time all of its servers are gone.
    ("grpc.dns_min_time_between_resolutions_ms", 2000),
]
_OPTIONS_OF_MANY: list[tuple[str, object]] = [
    *_OPTIONS_OF_ONE,
    # One that takes connections and says nothing is tried anew as soon, too.
    ("grpc.min_reconnect_backoff_ms", 5000),
]


def _service_config(is_name: bool, *, retries: bool) -> str:
    """Retry every call that has one request message, when its server goes away: all are idempotent by request_id.

    Behind a name with several addresses, servers take turns; one that is about to stop says so as a health check.
    """
    config: dict[str, object] = {}
    if is_name:
        config["loadBalancingConfig"] = [{"round_robin": {}}]
        config["healthCheckConfig"] = {"serviceName": ""}
    if not retries:
        return json.dumps(config)
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
        # A server that asks for a new connection cancels the calls which cross that on their way to it.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    config["methodConfig"] = [{"name": names, "retryPolicy": policy}]
    # Where servers take turns, those that go away one by one must not use all attempts up.
    config["retryThrottling"] = {"maxTokens": 200 if is_name else 20, "tokenRatio": 0.5}
    return json.dumps(config)

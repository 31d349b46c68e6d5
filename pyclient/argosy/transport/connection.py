"""The way to the store: one channel for each address, or list of them, and process; checked at first contact."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from argosy.addresses import addresses_of, told
from argosy.config import ClientConfig
from argosy.errors import ConfigurationError, DeadlineError, InternalServiceError, UnavailableError
from argosy.transport.bypass.direct_files import DirectFiles
from argosy.transport.bypass.signed_store import SignedStore
from argosy.transport.channels.open_channel import open_embedded_channel, open_server_channel
from argosy.transport.channels.replica_channel import ReplicaChannel, open_replicas
from argosy.transport.clients.artifact_client import ArtifactClient
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.clients.pipeline_client import PipelineClient
from argosy.transport.rpc.calls import Calls
from argosy.transport.rpc.error_mapping import to_exception
from argosy.transport.rpc.patient_calls import PatientCalls
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse

PROTOCOL_REVISION = 1
"""The newest revision of the contract this client speaks."""
OLDEST_PROTOCOL_REVISION = 1
"""The oldest revision it still speaks."""

EndpointKey = tuple[str, str, float, float]
"""What a channel is opened for; all else of a configuration is said with each call."""
_Opened = tuple[grpc.Channel, GetCapabilitiesResponse, DirectFiles | None]


@dataclass(frozen=True)
class Connection:
    """A checked way to one project of a store; made by :func:`connect`, safe to share by threads.

    Attributes:
        config: what it was made for.
        channel: works with every generated stub, also when the store is embedded.
        capabilities: limits and versions the server announced.
        artifacts: ArtifactService, typed.
        blobs: BlobService, typed.
        pipelines: PipelineService, typed.
        direct: the files of the store, where this process can reach them.
        more_channels: opens further connections to a server, or finds them open.
        signed: the object store behind the server, where large files may go to and come from past it.
    """

    config: ClientConfig
    channel: grpc.Channel
    capabilities: GetCapabilitiesResponse
    artifacts: ArtifactClient
    blobs: BlobClient
    pipelines: PipelineClient
    direct: DirectFiles | None
    more_channels: Callable[[ClientConfig], Sequence[grpc.Channel]]
    signed: SignedStore | None = None

    def lanes(self) -> list[BlobClient]:
        """Return ways by which a large file is best read: over connections of their own where one would wait."""
        many = self.config.transfer_streams > 1 and not self.config.is_embedded
        extra = self.more_channels(self.config) if many else ()
        return [self.blobs, *(BlobClient(channel, calls_for(self.config)) for channel in extra)]

    def patient_pipelines(self, patience: Callable[[], float]) -> PipelineClient:
        """Return a client that repeats calls while the store is away; see :class:`PatientCalls`."""
        return PipelineClient(self.channel, PatientCalls(**vars(calls_for(self.config)), patience=patience))

    @property
    def project(self) -> str:
        """The project every request names."""
        return self.config.project

    @property
    def address(self) -> str:
        """Where the store is, for people."""
        return address_of(self.config)


def address_of(config: ClientConfig) -> str:
    """Return where the store of a configuration is, as ``ARGOSY_SERVER`` would say it unless it names very many."""
    return told(config.server) if config.server else f"embedded://{config.home}"


def endpoint_key(config: ClientConfig) -> EndpointKey:
    """Return what settings have to have in common to share a channel."""
    return (config.server, str(config.store_directory or ""), config.connect_timeout, config.idle_timeout)


class _Process:
    """What this process has open. After a fork the child starts with an empty one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.endpoints: dict[EndpointKey, Future[_Opened]] = {}
        self.connections: dict[ClientConfig, Connection] = {}
        self.extra: dict[str, list[grpc.Channel]] = {}


_process = _Process()
_inherited: list[_Process] = []
_last_words: list[Callable[[], object]] = []
"""What is still sent before the channels are closed."""


def connect(config: ClientConfig) -> Connection:
    """Return the connection for ``config``, the same one each time in one process.

    Raises:
        UnavailableError: no server answers within ``config.connect_timeout``.
        ConfigurationError: the server speaks another revision of the contract, or is none of ours.
    """
    process = _process
    found = process.connections.get(config)
    while found is None:
        try:
            found = _connect(process, config)
        except CancelledError:  # the thread that opened it was interrupted; this one was not
            continue
    return found


def before_disconnecting(finish: Callable[[], object]) -> None:
    """Call ``finish`` whenever all channels are about to be closed, also at the end of the process."""
    _last_words.append(finish)


def disconnect_all() -> None:
    """Close every channel of this process; the next :func:`connect` opens new ones."""
    for finish in _last_words:
        finish()
    with _process.lock:
        openings = list(_process.endpoints.values())
        channels = [channel for extra in _process.extra.values() for channel in extra]
        _process.endpoints.clear()
        _process.extra.clear()
        _process.connections.clear()
    for opening in openings:
        with contextlib.suppress(Exception):  # one that fails leaves no channel
            channels.append(opening.result()[0])
    for channel in channels:
        channel.close()


def _extra_channels(config: ClientConfig) -> list[grpc.Channel]:
    """Return as many more connections to a server as its large files are read over, opening them at first."""
    process, wanted = _process, config.transfer_streams - 1
    with process.lock:
        channels = process.extra.setdefault(config.server, [])
        while len(channels) < wanted:
            channels.append(open_server_channel(config.server, idle_timeout=config.idle_timeout, shared=False))
        return channels[:wanted]


def _lanes_of(channel: ReplicaChannel) -> Callable[[ClientConfig], Sequence[grpc.Channel]]:
    return lambda config: channel.lanes(config.transfer_streams - 1)


def _connect(process: _Process, config: ClientConfig) -> Connection:
    """Open a channel, once: threads that come meanwhile wait for that one attempt, and get its failure, too."""
    key = endpoint_key(config)
    with process.lock:
        is_ours = key not in process.endpoints
        opening = process.endpoints.setdefault(key, Future())
    if is_ours:
        try:
            opening.set_result(_open(config))
        except BaseException as error:
            with process.lock:
                if process.endpoints.get(key) is opening:
                    del process.endpoints[key]
            if isinstance(error, Exception):
                opening.set_exception(error)
            else:
                opening.cancel()
            raise
    channel, capabilities, direct = opening.result()
    more_channels = _lanes_of(channel) if isinstance(channel, ReplicaChannel) else _extra_channels
    signed = SignedStore.of(capabilities, config)
    made = connection_over(channel, capabilities, config, direct, more_channels, signed=signed)
    with process.lock:
        if process.endpoints.get(key) is not opening:  # everything was closed meanwhile
            return made
        return process.connections.setdefault(config, made)


def connection_over(
    channel: grpc.Channel,
    capabilities: GetCapabilitiesResponse,
    config: ClientConfig,
    direct: DirectFiles | None,
    more_channels: Callable[[ClientConfig], Sequence[grpc.Channel]],
    calls: Calls | None = None,
    signed: SignedStore | None = None,
) -> Connection:
    """Put a connection together from a channel that was checked; its calls are made by ``calls`` where they differ."""
    calls = calls or calls_for(config)
    return Connection(
        config=config,
        channel=channel,
        capabilities=capabilities,
        artifacts=ArtifactClient(channel, calls),
        blobs=BlobClient(channel, calls),
        pipelines=PipelineClient(channel, calls),
        direct=direct,
        more_channels=more_channels,
        signed=signed,
    )


def calls_for(config: ClientConfig) -> Calls:
    """Return how calls are made with these settings."""
    return Calls(
        project=config.project,
        address=address_of(config),
        unary_deadline=config.unary_deadline,
        idle_timeout=None if config.is_embedded else config.idle_timeout,
    )


def _open(config: ClientConfig) -> _Opened:
    directory = config.store_directory
    if len(addresses_of(config.server)) > 1:
        replicas = _open_several(config)
        return replicas, replicas.capabilities, direct_files(replicas.capabilities)
    if directory is None:
        channel = open_server_channel(config.server, idle_timeout=config.idle_timeout)
    else:
        channel = _open_embedded(directory, config)
    try:
        capabilities = greet(channel, config)
        return channel, capabilities, direct_files(capabilities)
    except BaseException:
        channel.close()
        raise


def _open_several(config: ClientConfig) -> ReplicaChannel:
    def open_one(address: str, shared: bool) -> grpc.Channel:
        return open_server_channel(address, idle_timeout=config.idle_timeout, shared=shared, is_replica=True)

    def greet_one(channel: grpc.Channel, address: str) -> GetCapabilitiesResponse:
        return greet(channel, replace(config, server=address))

    return open_replicas(config.server, config.connect_timeout, open_one, greet_one)


def direct_files(capabilities: GetCapabilitiesResponse) -> DirectFiles | None:
    """Return the files of the store, where it offers them and this process can reach them."""
    return DirectFiles.find(capabilities.direct_access) if capabilities.HasField("direct_access") else None


def _open_embedded(directory: Path, config: ClientConfig) -> grpc.Channel:
    try:
        return open_embedded_channel(directory)
    except grpc.RpcError as error:  # the directory cannot be used; the embedded server says so as a status
        raise to_exception(error, address_of(config)) from error.__cause__


def first_calls(config: ClientConfig) -> Calls:
    """Return how the first call is made with these settings."""
    calls = calls_for(config)
    return calls if config.is_embedded else replace(calls, unary_deadline=config.connect_timeout)


def greet(channel: grpc.Channel, config: ClientConfig, calls: Calls | None = None) -> GetCapabilitiesResponse:
    """Make the first call; return limits and versions of a store that this client understands.

    Args:
        channel: a way to one server.
        config: the settings, which name that server.
        calls: makes the call where :func:`first_calls` does not.

    Raises:
        UnavailableError: no server answers within ``config.connect_timeout``.
        ConfigurationError: the server speaks another revision of the contract, or is none of ours.
    """
    capabilities = _first_contact(BlobClient(channel, calls or first_calls(config)), config)
    _check_revision(capabilities, config)
    return capabilities


def _first_contact(blobs: BlobClient, config: ClientConfig) -> GetCapabilitiesResponse:
    try:
        return blobs.get_capabilities()
    except DeadlineError:
        raise UnavailableError(
            f"the Argosy server at {address_of(config)} did not answer within {config.connect_timeout:g} s; "
            "start it with `argosy-server serve`, or correct ARGOSY_SERVER"
        ) from None
    except InternalServiceError as error:
        if error.reason:
            raise
        raise ConfigurationError(
            f"what answers at {address_of(config)} is no Argosy server: {error}; correct ARGOSY_SERVER"
        ) from None


def _check_revision(capabilities: GetCapabilitiesResponse, config: ClientConfig) -> None:
    newest = capabilities.protocol_revision
    oldest = capabilities.oldest_protocol_revision
    if oldest <= PROTOCOL_REVISION and newest >= OLDEST_PROTOCOL_REVISION:
        return
    side = "client" if oldest > PROTOCOL_REVISION else "server"
    raise ConfigurationError(
        f"the Argosy server at {address_of(config)} (version {capabilities.server_version}) speaks revisions "
        f"{oldest} to {newest} of the protocol, this client {OLDEST_PROTOCOL_REVISION} to {PROTOCOL_REVISION}; "
        f"upgrade the {side}"
    )


def _forget_inherited() -> None:
    # Channels of the parent are neither used nor closed here: closing one takes locks that another
    # thread of the parent may have held at the fork. Keeping a reference keeps them from being closed.
    global _process
    _inherited.append(_process)
    _process = _Process()


def _close_at_exit() -> None:
    with contextlib.suppress(Exception):  # the interpreter ends; there is nobody left to tell
        disconnect_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited)
atexit.register(_close_at_exit)

"""The gRPC server: how it listens, on which threads it answers, how it stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES
from argosy_server.api.serving.call_tracker import CallTracker
from argosy_server.api.serving.idle_watchdog import IdleWatchdog
from argosy_server.api.serving.interceptors import CallInterceptor

CALLS_PER_WORKER = 64
"""How many calls may wait or run for each thread before gRPC answers RESOURCE_EXHAUSTED itself."""
STREAMS_PER_WORKER = 4
"""Streams wait for their clients most of the time, and one that has no thread waits without a word."""
COMMIT_UPLOAD = "/argosy.v1.BlobService/CommitUpload"
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Dead peers are noticed within a minute, so that their uploads end.
    ("grpc.keepalive_time_ms", 40_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Clients test a connection as often as their transfers may stand still.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
)
OVERALL = ""
FLUSH_SECONDS = 2.0
IDLE_SECONDS = 120.0


class PortTaken(OSError):
    """The address cannot be listened on."""


class ArgosyGrpcServer:
    """A ``grpc.server`` with our rules. Bind, add services, start, stop."""

    def __init__(self, max_workers: int, idle_seconds: float = IDLE_SECONDS, *, shares_port: bool = False) -> None:
        """Make thread pools: one for small calls, one each for uploads and downloads, so that slow ones starve nobody.

        Args:
            max_workers: threads for small calls; there are four times as many each for uploads and downloads.
            idle_seconds: how long an upload or download may stand still before it is cut.
            shares_port: whether other processes listen on the same port, as the workers of a fleet do. Otherwise a
                second server is refused, which would silently get a part of the calls.
        """
        self._tracker = CallTracker()
        self._watchdog = IdleWatchdog(idle_seconds)
        self._health = health.HealthServicer(experimental_non_blocking=True)
        pools = {
            "stream_unary": ThreadPoolExecutor(STREAMS_PER_WORKER * max_workers, thread_name_prefix="upload"),
            "unary_stream": ThreadPoolExecutor(STREAMS_PER_WORKER * max_workers, thread_name_prefix="download"),
            # It may have to read and verify all that a client sent past this server.
            COMMIT_UPLOAD: ThreadPoolExecutor(max_workers, thread_name_prefix="commit"),
        }
        self._pools = [ThreadPoolExecutor(max_workers, thread_name_prefix="call"), *pools.values()]
        self._server = grpc.server(
            self._pools[0],
            interceptors=[CallInterceptor(self._tracker, pools, self._watchdog)],
            options=(("grpc.so_reuseport", int(shares_port)), *_OPTIONS),
            maximum_concurrent_rpcs=max_workers * CALLS_PER_WORKER,
        )

    def bind(self, host: str, port: int) -> int:
        """Take the address and return the port, which is a free one when ``port`` is 0.

        Raises:
            PortTaken: it is in use, or no address of this machine.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortTaken(_cannot_listen(address)) from error
        if bound == 0:
            raise PortTaken(_cannot_listen(address))
        return bound

    def serve(self, register: Callable[[grpc.Server], None], services: Sequence[str], *, reflection: bool) -> None:
        """Add the services and answer calls from now on.

        Args:
            register: adds the servicers.
            services: full names of the services, for health checks and reflection.
            reflection: whether to add the reflection service.
        """
        register(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if reflection:
            # Costs start-up time, and few ask for it.
            from grpc_reflection.v1alpha import reflection as reflected

            names = (*services, health.SERVICE_NAME, reflected.SERVICE_NAME)
            reflected.enable_server_reflection(names, self._server)
        self._watchdog.start()
        self._server.start()
        for name in (OVERALL, *services):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def announce_end(self) -> None:
        """Read NOT_SERVING from now on, so that nobody is sent here any more; calls are answered all the same."""
        self._health.enter_graceful_shutdown()

    def hand_over(self, grace: float) -> None:
        """Listen no more and ask all clients to connect anew, which leads them to others; then :meth:`drain`.

        Args:
            grace: seconds for the calls under way.
        """
        self.announce_end()
        self._server.stop(grace)

    def drain(self, grace: float) -> int:
        """Stop: read NOT_SERVING, turn new calls away, let those under way finish, cut them after ``grace`` seconds.

        Returns:
            how many calls were cut.
        """
        self.announce_end()
        cut = self._tracker.drain(grace)
        # An answer leaves a moment after its call was counted out.
        self._server.stop(None if cut else FLUSH_SECONDS).wait()
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)
        self._watchdog.stop()
        return cut


def _cannot_listen(address: str) -> str:
    return (
        f"cannot listen on {address}: the port is taken or the address is not of this machine; "
        "stop what listens there, or choose another with --listen (port 0 picks a free one)"
    )

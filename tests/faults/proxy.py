"""A TCP proxy between a client and a server that does to their bytes what a bad network, or a liar, would do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from tests.backends.free_port import free_port

READ_BYTES = 64 << 10
PATIENCE = 60.0


class Direction:
    """What happens to the bytes of one direction, over all connections, in the order they come.

    Attributes:
        passed: how many have been passed on.
        pause_between_parts: seconds to wait after each 64 KiB.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.pause_between_parts = 0.0
        self._changed = threading.Condition()
        self._faults: list[tuple[int, Callable[[Link], None]]] = []
        self._flipped = b""
        self._trickled = 0
        self._marker = b""
        self._on_marker: Callable[[Link], None] = Link.hold
        self._marker_seen = threading.Event()

    def cut_at(self, *places: int) -> None:
        """Break the connection that would pass on the byte at each of these places."""
        self._faults += [(place, Link.cut) for place in places]

    def hold_at(self, place: int) -> None:
        """Let the connection that comes to this place stand still from there on, in both directions."""
        self._faults.append((place, Link.hold))

    def hold_before(self, marker: bytes) -> None:
        """Let a connection stand still before it passes on the first bytes that contain ``marker``."""
        self._marker, self._on_marker = marker, Link.hold

    def hold_answers_after(self, marker: bytes) -> None:
        """Pass on what contains ``marker``, and nothing of the other direction from then on."""
        self._marker, self._on_marker = marker, Link.hold_answers

    def flip_in(self, marker: bytes) -> None:
        """Change one bit in the first ``marker`` that comes."""
        self._flipped = marker

    @property
    def has_flipped(self) -> bool:
        """Whether the bit has been changed."""
        return not self._flipped

    def trickle(self, count: int) -> None:
        """Pass on the next ``count`` bytes one at a time."""
        self._trickled = self.passed + count

    def wait_for(self, place: int) -> None:
        """Return once so many bytes have been passed on."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.passed >= place, PATIENCE), f"{self.passed} of {place} passed"

    def wait_for_marker(self) -> None:
        """Return once the marker came."""
        assert self._marker_seen.wait(PATIENCE)

    def take(self, data: bytes) -> tuple[bytes, Callable[[Link], None] | None]:
        """Return what of ``data`` is passed on next, and what happens to the link instead of the rest."""
        data = data[:1] if self.passed < self._trickled else data
        fault = None
        if self._marker and self._marker in data:
            fault, self._marker = self._on_marker, b""
            self._marker_seen.set()
            if fault is Link.hold:
                return b"", fault
        end = self.passed + len(data)
        place, planned = min(self._faults, key=lambda found: found[0], default=(end, None))
        if planned is not None and place < end:
            self._faults.remove((place, planned))
            data, fault = data[: max(place - self.passed, 0)], planned
        if self._flipped and self._flipped in data:
            data = data.replace(self._flipped, bytes([self._flipped[0] ^ 1]) + self._flipped[1:], 1)
            self._flipped = b""
        return data, fault

    def count(self, size: int) -> None:
        """Say that so many more bytes have been passed on."""
        with self._changed:
            self.passed += size
            self._changed.notify_all()


class Link:
    """One client, connected to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._writers = (client, server)
        self.all_flows = asyncio.Event()
        self.answers_flow = asyncio.Event()
        self.all_flows.set()
        self.answers_flow.set()

    def cut(self) -> None:
        """Break both connections, as if a cable was pulled out."""
        for writer in self._writers:
            writer.transport.abort()
        # Who waits to pass something on has to notice.
        self.all_flows.set()
        self.answers_flow.set()

    def hold(self) -> None:
        """Pass nothing on any more, but keep the connections."""
        self.all_flows.clear()

    def hold_answers(self) -> None:
        """Pass on nothing to the client any more."""
        self.answers_flow.clear()


class Proxy:
    """Listens on a port of its own until it is closed; ``up`` goes to the server, ``down`` to the client."""

    def __init__(self, target: int) -> None:
        self.up, self.down = Direction(), Direction()
        self.accepted = 0
        self._is_silent = False
        self._target = target
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._listener: asyncio.Server | None = None
        self._port = free_port()
        self.accept()

    @property
    def address(self) -> str:
        """As ``ARGOSY_SERVER`` takes it."""
        return f"grpc://127.0.0.1:{self._port}"

    def accept(self) -> None:
        """Let clients connect."""
        listening = _with_small_buffers(socket.socket())
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self._port))
        self._listener = self._do(asyncio.start_server(self._serve, sock=listening))

    def refuse(self) -> None:
        """Refuse all that want to connect from now on; those who have stay."""

        async def close() -> None:
            if self._listener is not None:
                self._listener.close()
                self._listener = None

        self._do(close())

    def cut(self) -> None:
        """Break all connections."""
        self._each(Link.cut)

    def fall_silent(self) -> None:
        """Keep all connections and take new ones, but pass nothing on: neither side hears that the other is away."""
        self._is_silent = True
        self._each(Link.hold)

    def go_on(self) -> None:
        """Let what stands still move again."""
        self._is_silent = False

        def release(link: Link) -> None:
            link.all_flows.set()
            link.answers_flow.set()

        self._each(release)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.refuse()
        self.cut()
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        server = _with_small_buffers(socket.socket())
        try:
            await self._loop.sock_connect(server, ("127.0.0.1", self._target))
            from_server, to_server = await asyncio.open_connection(sock=server)
        except OSError:
            server.close()
            to_client.transport.abort()
            return
        link = Link(to_client, to_server)
        if self._is_silent:
            link.hold()
        self._links.add(link)
        pumps = [
            asyncio.create_task(self._pump(link, self.up, from_client, to_server)),
            asyncio.create_task(self._pump(link, self.down, from_server, to_client)),
        ]
        # Whichever side ends takes the other one with it, also where that stands still.
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        link.cut()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._links.discard(link)

    async def _pump(self, link: Link, way: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(READ_BYTES):
                while data:
                    await self._wait_until_it_flows(link, way)
                    part, fault = way.take(data)
                    data = data[len(part) :]
                    sink.write(part)
                    await sink.drain()
                    way.count(len(part))
                    if way.pause_between_parts:
                        await asyncio.sleep(way.pause_between_parts)
                    if fault is not None:
                        fault(link)
                        if fault is Link.cut:
                            return

    async def _wait_until_it_flows(self, link: Link, way: Direction) -> None:
        await link.all_flows.wait()
        if way is self.down:
            await link.answers_flow.wait()

    async def _finish(self) -> None:
        async def end_all() -> None:
            await _let_the_loop_go_round()  # who has just been accepted has a task only then
            while tasks := asyncio.all_tasks() - {asyncio.current_task(), finishing}:
                for link in list(self._links):
                    link.cut()
                await asyncio.wait(tasks, timeout=0.05)
            await _let_the_loop_go_round()  # sockets that were cut are closed only then

        finishing = asyncio.current_task()
        await asyncio.wait_for(end_all(), PATIENCE)

    def _each(self, what: Callable[[Link], None]) -> None:
        async def apply() -> None:
            for link in list(self._links):
                what(link)

        self._do(apply())

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


async def _let_the_loop_go_round() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def _with_small_buffers(connection: socket.socket) -> socket.socket:
    """Let little be on its way at any time, so that what is slow here is slow for both sides."""
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES)
    return connection

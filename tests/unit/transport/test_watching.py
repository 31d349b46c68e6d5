"""How a watch goes on, against a server that ends each of its streams as the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

import argosy
from argosy.config import resolve
from argosy.errors import DeadlineError
from argosy.transport.connection import Connection, connection_over
from argosy.transport.watching import ArtifactWatching
from argosy.v1 import artifact_service_pb2_grpc
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse
from argosy.v1.watch_pb2 import WatchArtifactsRequest, WatchArtifactsResponse
from argosy_server.api.serving.server import ArgosyGrpcServer
from argosy_server.domain.errors import CursorExpired, InvalidField, StorageUnavailable, WatchStalled

End = Callable[[], object]


def ends_well() -> None:
    pass


def ends_with(error: Exception) -> End:
    def end() -> None:
        raise error

    return end


class Servicer(artifact_service_pb2_grpc.ArtifactServiceServicer):
    """Sends two messages in each stream and ends it; the last end is repeated. Cursors count the messages."""

    def __init__(self, *ends: End) -> None:
        self.cursors: list[str] = []
        self._ends = list(ends)

    def WatchArtifacts(
        self, request: WatchArtifactsRequest, context: grpc.ServicerContext
    ) -> Iterator[WatchArtifactsResponse]:
        self.cursors.append(request.cursor)
        end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
        begin = int(request.cursor or "0")
        for number in (begin + 1, begin + 2):
            yield WatchArtifactsResponse(cursor=str(number))
        end()


class Silent(artifact_service_pb2_grpc.ArtifactServiceServicer):
    """Answers nothing until it may."""

    def __init__(self, go_on: threading.Event) -> None:
        self._go_on = go_on

    def WatchArtifacts(
        self, request: WatchArtifactsRequest, context: grpc.ServicerContext
    ) -> Iterator[WatchArtifactsResponse]:
        self._go_on.wait(10)
        yield WatchArtifactsResponse(cursor="1")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Connection]]:
    stops: list[Callable[[], object]] = []

    def start(servicer: Servicer, **settings: object) -> Connection:
        server = ArgosyGrpcServer(2)
        port = server.bind("127.0.0.1", 0)
        server.serve(
            lambda found: artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server(servicer, found),
            ["argosy.v1.ArtifactService"],
            reflection=False,
        )
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        stops.extend([channel.close, lambda: server.drain(0)])
        config = resolve(server=f"grpc://127.0.0.1:{port}", home=tmp_path, **settings)
        return connection_over(channel, GetCapabilitiesResponse(), config, None, lambda _: [])

    yield start
    for stop in stops:
        stop()


def watching(connection: Connection) -> ArtifactWatching:
    return ArtifactWatching(connection, "", {})


def scripted(*ends: End) -> Servicer:
    return Servicer(*ends)  # type: ignore[abstract]  # the other RPCs are not called


@pytest.mark.parametrize(
    "end",
    [ends_well, ends_with(WatchStalled("nothing taken")), ends_with(StorageUnavailable("away"))],
    ids=["ended", "stalled", "away"],
)
def test_a_stream_that_ends_is_gone_on_with_from_the_last_cursor(serve: Callable[..., Connection], end: End) -> None:
    servicer = scripted(end)
    watch = watching(serve(servicer))
    cursors = [watch.cursor, *(message.cursor for _ in range(4) if (message := watch.read()))]
    watch.close()
    assert cursors == ["1", "2", "3", "4", "5"]
    assert servicer.cursors == ["", "2", "4"]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (CursorExpired("gone"), argosy.CursorExpiredError),
        (InvalidField("name", "is empty"), argosy.InvalidRequestError),
        (ZeroDivisionError("defect"), argosy.ServiceError),
    ],
    ids=["expired", "malformed", "defect"],
)
def test_what_no_repetition_cures_is_raised(
    serve: Callable[..., Connection], error: Exception, raised: type[Exception]
) -> None:
    servicer = scripted(ends_with(error))
    watch = watching(serve(servicer))
    assert watch.read() is not None
    with pytest.raises(raised):
        watch.read()
    assert servicer.cursors == [""]
    watch.close()


def test_a_clock_that_runs_out_leaves_the_watch_where_it_is(serve: Callable[..., Connection]) -> None:
    go_on = threading.Event()

    def waits() -> None:
        go_on.wait(10)

    servicer = scripted(waits, ends_well)
    watch = watching(serve(servicer))
    assert watch.read(10) is not None
    assert watch.read(0.2) is None
    assert not watch.is_closed
    message = watch.read(10)
    go_on.set()
    assert message is not None
    assert message.cursor == "3"
    assert servicer.cursors == ["", "2"]
    watch.close()
    assert watch.read() is None
    assert watch.is_closed


def test_threads_that_read_at_once_take_turns(serve: Callable[..., Connection]) -> None:
    watch = watching(serve(scripted(ends_well)))
    with ThreadPoolExecutor(8) as pool:
        messages = list(pool.map(lambda _: watch.read(10), range(20)))
    watch.close()
    assert sorted(int(message.cursor) for message in messages if message) == list(range(2, 22))


def test_who_waits_for_a_turn_waits_no_longer_than_asked(serve: Callable[..., Connection]) -> None:
    go_on = threading.Event()
    watch = watching(serve(scripted(lambda: go_on.wait(10))))
    assert watch.read(10) is not None
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(watch.read)
        while not watch._watching._turn.locked():
            time.sleep(0.001)
        assert watch.read(0.1) is None
        watch.close()
        assert other.result(10) is None
    go_on.set()


def test_a_watch_that_is_not_answered_does_not_begin(serve: Callable[..., Connection]) -> None:
    go_on = threading.Event()
    with pytest.raises(DeadlineError, match=r"did not answer a watch of artifacts within 0.5 s.*ARGOSY_UNARY_D"):
        watching(serve(Silent(go_on), unary_deadline=0.5))  # type: ignore[abstract]  # as above
    go_on.set()

"""How a watch goes on, against a server that ends each of its streams as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import grpc
import pytest

import argosy
from argosy.transport.artifact_client import ArtifactClient
from argosy.transport.calls import Calls
from argosy.transport.watching import ArtifactWatching
from argosy.v1 import artifact_service_pb2_grpc
from argosy.v1.watch_pb2 import WatchArtifactsRequest, WatchArtifactsResponse
from argosy_server.api.server import ArgosyGrpcServer
from argosy_server.domain.errors import CursorExpired, InvalidField, StorageUnavailable, WatchStalled

End = Callable[[], None]


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


@pytest.fixture
def serve() -> Iterator[Callable[..., ArtifactClient]]:
    stops: list[Callable[[], object]] = []

    def start(servicer: Servicer) -> ArtifactClient:
        server = ArgosyGrpcServer(2)
        port = server.bind("127.0.0.1", 0)
        server.serve(
            lambda found: artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server(servicer, found),
            ["argosy.v1.ArtifactService"],
            reflection=False,
        )
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        stops.extend([channel.close, lambda: server.drain(0)])
        return ArtifactClient(channel, Calls("p", f"grpc://127.0.0.1:{port}", 10, 10))

    yield start
    for stop in stops:
        stop()


def watching(client: ArtifactClient) -> ArtifactWatching:
    return ArtifactWatching(client, "", {})


def scripted(*ends: End) -> Servicer:
    return Servicer(*ends)  # type: ignore[abstract]  # the other RPCs are not called


@pytest.mark.parametrize(
    "end",
    [ends_well, ends_with(WatchStalled("nothing taken")), ends_with(StorageUnavailable("away"))],
    ids=["ended", "stalled", "away"],
)
def test_a_stream_that_ends_is_gone_on_with_from_the_last_cursor(
    serve: Callable[..., ArtifactClient], end: End
) -> None:
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
    serve: Callable[..., ArtifactClient], error: Exception, raised: type[Exception]
) -> None:
    servicer = scripted(ends_with(error))
    watch = watching(serve(servicer))
    assert watch.read() is not None
    with pytest.raises(raised):
        watch.read()
    assert servicer.cursors == [""]
    watch.close()


def test_a_clock_that_runs_out_leaves_the_watch_where_it_is(serve: Callable[..., ArtifactClient]) -> None:
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

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from argosy.v1 import artifact_pb2, artifact_transfer_pb2
from argosy.v1 import artifact_service_pb2 as wire
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.blob_service_pb2 import CreateUploadRequest, ReadBlobRequest, WriteUploadOpen, WriteUploadRequest
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from argosy_server.embedded import EmbeddedChannel, open_channel

CONTENT = b"x" * 3_000_000
ABSENT = "blake3:" + "0" * 64


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def channel(home: Path) -> Iterator[EmbeddedChannel]:
    with open_channel(home) as channel:
        yield channel


@pytest.fixture
def artifacts(channel: EmbeddedChannel) -> ArtifactServiceStub:
    return ArtifactServiceStub(channel)


def create_request(name: str, content: bytes = b"1") -> wire.CreateArtifactVersionRequest:
    request = wire.CreateArtifactVersionRequest(
        project="p", request_id=str(uuid.uuid4()), spec=artifact_pb2.ArtifactSpec(name=name, format="bytes")
    )
    request.files.add(path="data", inline_content=content)
    return request


def get_request(name: str) -> wire.GetArtifactVersionRequest:
    return wire.GetArtifactVersionRequest(project="p", selector=artifact_pb2.VersionSelector(name=name))


def stored_files(home: Path) -> list[Path]:
    return [path for path in (home / "blobs").rglob("*") if path.is_file() and path.name[0] != "."]


def put_blob(channel: EmbeddedChannel, content: bytes) -> str:
    artifacts = ArtifactServiceStub(channel)
    request = create_request("blob", content[: 1 << 20])
    return artifacts.CreateArtifactVersion(request).artifact_version.files[0].digest


def test_the_home_holds_a_database_and_blobs(channel: EmbeddedChannel, home: Path) -> None:
    put_blob(channel, CONTENT)
    assert (home / "metadata.db").is_file()
    assert len(stored_files(home)) == 1


def test_what_one_channel_saved_the_next_one_finds(home: Path) -> None:
    with open_channel(home) as first:
        saved = ArtifactServiceStub(first).CreateArtifactVersion(create_request("n")).artifact_version
    with open_channel(home) as second:
        assert ArtifactServiceStub(second).GetArtifactVersion(get_request("n")).artifact_version == saved


def test_a_refusal_has_code_details_and_the_trailer_of_a_real_channel(artifacts: ArtifactServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        artifacts.GetArtifactVersion(get_request("absent"))
    error = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    [(key, value)] = [(entry.key, entry.value) for entry in error.trailing_metadata()]
    status = status_pb2.Status.FromString(value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (key, info.domain, info.reason) == ("grpc-status-details-bin", "argosy", "ARTIFACT_NOT_FOUND")
    assert (status.code, status.message) == (5, error.details())
    assert error.__cause__ is None


def test_with_call_gives_the_response_and_an_ok_call(artifacts: ArtifactServiceStub) -> None:
    response, call = artifacts.CreateArtifactVersion.with_call(create_request("n"))
    assert (response.artifact_version.version, call.code(), call.trailing_metadata()) == ("1", grpc.StatusCode.OK, ())


def test_options_of_a_call_are_accepted(artifacts: ArtifactServiceStub) -> None:
    response = artifacts.CreateArtifactVersion(
        create_request("n"), timeout=30, metadata=(("key", "value"),), wait_for_ready=True
    )
    assert response.artifact_version.version == "1"


def test_the_request_may_be_changed_after_the_call(artifacts: ArtifactServiceStub) -> None:
    request = create_request("n", b"before")
    saved = artifacts.CreateArtifactVersion(request).artifact_version
    request.spec.name = "other"
    request.files[0].inline_content = b"after"
    assert artifacts.GetArtifactVersion(get_request("n")).artifact_version == saved


def test_a_message_over_four_mebibytes_is_refused_as_over_a_network(artifacts: ArtifactServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        artifacts.CreateArtifactVersion(create_request("n", b"x" * (4 << 20)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


class TestResponses:
    def test_they_are_made_as_they_are_asked_for(self, channel: EmbeddedChannel) -> None:
        digest = put_blob(channel, CONTENT)
        stream: Any = BlobServiceStub(channel).ReadBlob(ReadBlobRequest(project="p", digest=digest, offset=5))
        assert b"".join(message.chunk for message in stream) == CONTENT[: (1 << 20) - 5]
        assert stream.code() is grpc.StatusCode.OK
        assert next(stream, None) is None

    def test_a_refusal_comes_when_the_first_one_is_asked_for(self, channel: EmbeddedChannel) -> None:
        stream: Any = BlobServiceStub(channel).ReadBlob(ReadBlobRequest(project="p", digest=ABSENT))
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as caught:
                next(stream)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert (stream.code(), stream.is_active()) == (grpc.StatusCode.NOT_FOUND, False)

    def test_a_cancelled_stream_ends(self, channel: EmbeddedChannel) -> None:
        stream: Any = BlobServiceStub(channel).ReadBlob(ReadBlobRequest(project="p", digest=put_blob(channel, CONTENT)))
        next(stream)
        assert stream.is_active()
        assert stream.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        assert caught.value.code() is grpc.StatusCode.CANCELLED
        assert stream.details() == "Locally cancelled by application!"


class TestRequests:
    def parts(self, *chunks: bytes) -> Iterator[artifact_transfer_pb2.UploadArtifactRequest]:
        spec = artifact_pb2.ArtifactSpec(name="n", format="bytes")
        start = artifact_transfer_pb2.UploadArtifactStart(
            project="p", request_id=str(uuid.uuid4()), spec=spec, path="data"
        )
        yield artifact_transfer_pb2.UploadArtifactRequest(start=start)
        for chunk in chunks:
            yield artifact_transfer_pb2.UploadArtifactRequest(chunk=chunk)

    def test_they_are_taken_in_the_thread_of_the_caller(self, artifacts: ArtifactServiceStub) -> None:
        threads: list[threading.Thread] = []

        def requests() -> Iterator[artifact_transfer_pb2.UploadArtifactRequest]:
            for part in self.parts(b"x"):
                threads.append(threading.current_thread())
                yield part

        with pytest.raises(grpc.RpcError) as caught:
            artifacts.UploadArtifact(requests())
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert set(threads) == {threading.current_thread()}

    @pytest.mark.parametrize("mistake", [ZeroDivisionError("mine"), KeyboardInterrupt(), GeneratorExit()])
    def test_a_mistake_of_the_caller_comes_back_unchanged_and_leaves_nothing(
        self, artifacts: ArtifactServiceStub, home: Path, mistake: BaseException
    ) -> None:
        def requests() -> Iterator[artifact_transfer_pb2.UploadArtifactRequest]:
            yield from self.parts(b"x" * 100_000)
            assert len(stored_files(home)) == 1
            raise mistake

        with pytest.raises(type(mistake)) as caught:
            artifacts.UploadArtifact(requests())
        assert caught.value is mistake
        assert stored_files(home) == []

    def test_a_large_message_in_a_stream_is_refused_as_over_a_network(self, channel: EmbeddedChannel) -> None:
        blobs = BlobServiceStub(channel)
        upload = blobs.CreateUpload(CreateUploadRequest(project="p", request_id=str(uuid.uuid4()))).upload
        opened = WriteUploadRequest(open=WriteUploadOpen(project="p", upload_id=upload.id))
        with pytest.raises(grpc.RpcError) as caught:
            blobs.WriteUpload(iter([opened, WriteUploadRequest(chunk=b"x" * ((4 << 20) + 1))]))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_defect_is_internal_and_its_cause_is_attached(
    artifacts: ArtifactServiceStub, channel: EmbeddedChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("secret=hunter2")

    monkeypatch.setattr(channel._application.metadata, "read", fail)
    with pytest.raises(grpc.RpcError) as caught:
        artifacts.GetArtifactVersion(get_request("n"))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_closed_channel_refuses_calls_as_grpc_does(channel: EmbeddedChannel, artifacts: ArtifactServiceStub) -> None:
    channel.close()
    channel.close()
    with pytest.raises(ValueError, match="Cannot invoke RPC on closed channel!"):
        artifacts.GetArtifactVersion(get_request("n"))
    with pytest.raises(ValueError, match="Cannot invoke RPC on closed channel!"):
        artifacts.DownloadArtifact(artifact_transfer_pb2.DownloadArtifactRequest())
    with pytest.raises(ValueError, match="Cannot invoke RPC on closed channel!"):
        artifacts.UploadArtifact(iter(()))


def test_what_is_not_supported_says_so(channel: EmbeddedChannel, artifacts: ArtifactServiceStub) -> None:
    with pytest.raises(NotImplementedError, match="use a server"):
        channel.stream_stream("/argosy.v1.BlobService/Both")
    with pytest.raises(NotImplementedError, match="this version knows no such method"):
        channel.unary_unary("/argosy.v1.BlobService/Unheard")
    with pytest.raises(NotImplementedError, match="call the method in a thread of your own"):
        artifacts.GetArtifactVersion.future(get_request("n"))


def test_the_channel_is_ready_at_once(channel: EmbeddedChannel) -> None:
    states: list[grpc.ChannelConnectivity] = []
    channel.subscribe(states.append)
    channel.unsubscribe(states.append)
    assert states == [grpc.ChannelConnectivity.READY]


def test_many_threads_share_a_channel(artifacts: ArtifactServiceStub) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: artifacts.CreateArtifactVersion(create_request("n")), range(40)))
    assert sorted(int(response.artifact_version.version) for response in made) == list(range(1, 41))


def test_nothing_slow_that_only_a_server_needs_is_loaded(home: Path) -> None:
    code = (
        "import sys, pathlib; from argosy_server.embedded import open_channel; "
        f"open_channel(pathlib.Path({str(home)!r})).close(); "
        "print(sorted({'typer', 'structlog', 'alembic', 'fsspec', 'rich', 'grpc_health.v1'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"

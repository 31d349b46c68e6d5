from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argosy.v1 import artifact_service_pb2 as wire
from argosy_server.adapters.blobs import open_storage
from argosy_server.adapters.metadata import open_metadata
from argosy_server.api.servicers.once import answer_once, publish_once, request_key
from argosy_server.domain.errors import DomainError, InvalidField, RequestIdReused, StorageUnavailable, VersionExists
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.staging import StagedFile, publish_staged, receive_file
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

LIMITS = Limits()
ANSWER = wire.DeleteAliasResponse


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[MetadataStore]:
    store = open_metadata(f"sqlite:///{tmp_path / 'metadata.db'}", durability="process")
    yield store
    store.close()


@pytest.fixture
def storage(tmp_path: Path) -> BlobStorage:
    return open_storage(str(tmp_path / "blobs"), durability="process")


def stage(metadata: MetadataStore, storage: BlobStorage) -> StagedFile:
    return receive_file(metadata, storage, LIMITS, "p", "data", [b"x" * 100_000])


def request(name: str = "n", request_id: str = "") -> wire.DeleteAliasRequest:
    return wire.DeleteAliasRequest(project="p", request_id=request_id or str(uuid.uuid4()), name=name)


def locations(storage: BlobStorage) -> list[str]:
    return list(storage.locations())


def test_the_fingerprint_covers_method_and_content() -> None:
    one = request(request_id="r")
    same = wire.DeleteAliasRequest.FromString(one.SerializeToString())
    other_method = wire.DeleteArtifactVersionRequest(project="p", request_id="r", id="n")
    assert request_key("p", "r", one) == request_key("p", "r", same)
    others = {
        request_key("p", "r", message).fingerprint
        for message in (one, request("m", "r"), other_method, wire.GetArtifactVersionRequest())
    }
    assert len(others) == 4
    assert request_key("p", "r", one, one).fingerprint not in others


@pytest.mark.parametrize(("project", "request_id", "field"), [("", "r", "project"), ("p", "", "request_id")])
def test_project_and_request_id_are_required(project: str, request_id: str, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        request_key(project, request_id, request())
    assert caught.value.field == field


def test_a_retry_gets_the_first_answer_and_acts_once(metadata: MetadataStore) -> None:
    message = request()
    key = request_key("p", message.request_id, message)
    acted = []

    def act(tx: Transaction) -> wire.ListArtifactsResponse:
        acted.append(tx)
        return wire.ListArtifactsResponse(next_page_token=f"answer {len(acted)}")

    answers = [answer_once(metadata, key, wire.ListArtifactsResponse, act).next_page_token for _ in range(3)]
    assert (answers, len(acted)) == (["answer 1"] * 3, 1)


def test_another_request_under_the_same_id_is_refused(metadata: MetadataStore) -> None:
    first, second = request("a", "r"), request("b", "r")
    answer_once(metadata, request_key("p", "r", first), ANSWER, lambda _: ANSWER())
    with pytest.raises(RequestIdReused):
        answer_once(metadata, request_key("p", "r", second), ANSWER, lambda _: ANSWER())


def test_published_bytes_stay(metadata: MetadataStore, storage: BlobStorage) -> None:
    file = stage(metadata, storage)
    message = request()
    key = request_key("p", message.request_id, message)

    def publish(tx: Transaction) -> wire.DeleteAliasResponse:
        publish_staged(tx, LIMITS, "p", file)
        return ANSWER()

    publish_once(metadata, storage, key, [file], ANSWER, publish)
    assert len(locations(storage)) == 1


def test_bytes_of_a_retry_are_discarded_and_the_first_ones_stay(metadata: MetadataStore, storage: BlobStorage) -> None:
    message = request()
    key = request_key("p", message.request_id, message)
    kept: list[list[str]] = []
    for _ in range(2):
        file = stage(metadata, storage)

        def publish(tx: Transaction, file: StagedFile = file) -> wire.DeleteAliasResponse:
            publish_staged(tx, LIMITS, "p", file)
            return ANSWER()

        publish_once(metadata, storage, key, [file], ANSWER, publish)
        kept.append(locations(storage))
    assert kept[0] == kept[1]


def test_bytes_of_a_refused_action_are_discarded(metadata: MetadataStore, storage: BlobStorage) -> None:
    file = stage(metadata, storage)
    message = request()

    def refuse(_: Transaction) -> wire.DeleteAliasResponse:
        raise VersionExists("taken")

    with pytest.raises(VersionExists):
        publish_once(metadata, storage, request_key("p", message.request_id, message), [file], ANSWER, refuse)
    assert locations(storage) == []


@pytest.mark.parametrize("failure", [StorageUnavailable("gone"), KeyboardInterrupt(), RuntimeError("defect")])
def test_bytes_stay_for_the_sweep_when_nobody_knows_whether_they_were_published(
    metadata: MetadataStore, storage: BlobStorage, failure: BaseException
) -> None:
    file = stage(metadata, storage)
    message = request()

    def fail(_: Transaction) -> wire.DeleteAliasResponse:
        raise failure

    with pytest.raises(type(failure)):
        publish_once(metadata, storage, request_key("p", message.request_id, message), [file], ANSWER, fail)
    assert len(locations(storage)) == 1


class LosesAcknowledgements:
    """A database whose transactions commit, of which nobody hears: the connection broke, or another was faster."""

    def __init__(self, inner: MetadataStore, error: DomainError) -> None:
        self._inner = inner
        self._error = error
        self.store_id, self.read, self.shrink, self.close = inner.store_id, inner.read, inner.shrink, inner.close
        self.wait_for_events, self.lead = inner.wait_for_events, inner.lead

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._inner.write() as tx:
            yield tx
        raise self._error


@pytest.mark.parametrize("error", [StorageUnavailable("gone"), RequestIdReused("taken"), VersionExists("taken")])
def test_a_commit_nobody_heard_of_is_answered_and_its_bytes_stay(
    metadata: MetadataStore, storage: BlobStorage, error: DomainError
) -> None:
    file = stage(metadata, storage)
    message = request()

    def publish(tx: Transaction) -> wire.ListArtifactsResponse:
        publish_staged(tx, LIMITS, "p", file)
        return wire.ListArtifactsResponse(next_page_token="answer")

    key = request_key("p", message.request_id, message)
    store = LosesAcknowledgements(metadata, error)
    answer = publish_once(store, storage, key, [file], wire.ListArtifactsResponse, publish)
    assert (answer.next_page_token, len(locations(storage))) == ("answer", 1)

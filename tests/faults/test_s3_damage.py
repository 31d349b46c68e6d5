"""A store that answers wrongly once is asked again; what is wrong twice is damage, which ``verify`` can take back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from argosy import pipeline, step
from argosy.errors import CorruptDataError
from argosy.transport.connection import disconnect_all
from tests.api.calls import digest_of, open_upload, read_blob
from tests.api.signed_calls import CONTENT, commit_request, send, signed_service
from tests.backends.bucket import bucket
from tests.backends.object_store import ObjectStore
from tests.faults.bucket_stand import BucketStand
from tests.faults.s3_proxy import Fault, S3Proxy, answers, flips
from tests.faults.stand import MEBIBYTE, array_of, rows, run_command

__all__ = ["bucket"]
WRONG: dict[str, Fault] = {"flipped": flips, "gone": answers(404, "NoSuchKey")}
SMALL, LARGE = array_of(100_000, seed=5), array_of(9 * MEBIBYTE, seed=6)
BOTH = pytest.mark.parametrize("value", [SMALL, LARGE], ids=["small", "large"])


@pytest.fixture
def stand(bucket: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketStand]:
    """A server whose bytes are in a bucket, which it reaches through a proxy."""
    with S3Proxy(bucket.port) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        stand = BucketStand(tmp_path / "data", bucket, store, "--durability=process")
        yield stand
        disconnect_all()
        stand.close()


def states(stand: BucketStand) -> set[str]:
    return {state for (state,) in rows(stand.data, "SELECT DISTINCT state FROM blobs")}


@BOTH
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_once_is_read_again_and_is_no_damage(
    stand: BucketStand, value: NDArray[np.uint8], wrong: str
) -> None:
    client = stand.client()
    client.save_artifact(value, "weights")
    stand.store.goes_wrong("get_object", WRONG[wrong])
    np.testing.assert_array_equal(client.load_artifact("weights"), value)
    assert states(stand) == {"live"}


@BOTH
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_twice_is_damage_until_verify_reads_it_right(
    stand: BucketStand, value: NDArray[np.uint8], wrong: str
) -> None:
    client = stand.client()
    client.save_artifact(value, "weights")
    # Large values are read by several requests at once, each of which is made once more.
    stand.store.goes_wrong("get_object", WRONG[wrong], times=20)
    with pytest.raises(CorruptDataError, match="save the same value again"):
        client.load_artifact("weights")
    assert "damaged" in states(stand)
    stand.store.goes_well()

    place = (f"--data={stand.data}", f"--blobs={stand.bucket.url}")
    checked = run_command("verify", *place, **stand.bucket.environment)
    assert checked.returncode == 0, checked.stderr
    assert "1 blob marked as damaged read back right: live again" in checked.stdout
    assert states(stand) == {"live"}
    again = run_command("verify", *place, "--output=json", **stand.bucket.environment)
    assert json.loads(again.stdout)["recovered"] == 0
    np.testing.assert_array_equal(client.load_artifact("weights"), value)


def test_each_piece_may_be_wrong_once(stand: BucketStand) -> None:
    client, value = stand.client(), array_of(13 * MEBIBYTE, seed=7)
    client.save_artifact(value, "weights")
    before = stand.store.count("get_object")
    # The first answer is wrong in the second of four pieces, and the rest, asked for anew, in the third one.
    stand.store.goes_wrong("get_object", flips, times=2)
    np.testing.assert_array_equal(client.load_artifact("weights"), value)
    asked = [request.headers.get("range", "") for request in stand.store.seen if request.operation == "get_object"]
    starts = [one.partition("-")[0] for one in asked[before:]]
    assert starts == ["bytes=0", f"bytes={4 * MEBIBYTE}", f"bytes={8 * MEBIBYTE}"]
    assert states(stand) == {"live"}


def test_a_cached_output_that_is_gone_once_is_not_computed_again(
    stand: BucketStand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", stand.proxy.address)
    ran = tmp_path / "ran"

    @step
    def make(marker: str) -> NDArray[np.uint8]:
        with Path(marker).open("a") as file:
            file.write("x")
        return SMALL

    @pipeline
    def training() -> None:
        make(str(ran))

    training()
    before = stand.store.count("head_object")
    stand.store.goes_wrong("head_object", answers(404, "NoSuchKey"))
    training()
    assert (ran.read_text(), stand.store.count("head_object") - before, states(stand)) == ("x", 2, {"live"})


def test_sent_parts_that_are_read_back_wrong_once_are_committed(bucket: ObjectStore, tmp_path: Path) -> None:
    with (
        S3Proxy(bucket.port) as store,
        signed_service(bucket, tmp_path / "data", AWS_ENDPOINT_URL=store.url) as service,
    ):
        upload = open_upload(service, "p")
        send(service, "p", upload.id, CONTENT)
        store.goes_wrong("get_object", flips)
        assert service.blobs.CommitUpload(commit_request("p", upload.id, CONTENT)).size_bytes == len(CONTENT)
        assert read_blob(service, "p", digest_of(CONTENT)) == CONTENT

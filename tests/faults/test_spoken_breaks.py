"""Transfers of the SDK through a proxy that breaks them with words of gRPC, which carry no reason of the service."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from grpc import StatusCode

from argosy import Client
from argosy.transport.connection import disconnect_all
from argosy.v1.blob_service_pb2 import AbortUploadRequest, WriteUploadResponse
from tests.faults.speaking_proxy import Break, SpeakingProxy
from tests.faults.stand import MARK_BYTES, MEBIBYTE, Stand, array_of, assert_clean

SIZE = 24 * MEBIBYTE
SPOKEN = (StatusCode.INTERNAL, StatusCode.UNKNOWN, StatusCode.RESOURCE_EXHAUSTED)
PROJECT = "default"


@pytest.fixture
def proxy(stand: Stand) -> Iterator[SpeakingProxy]:
    with SpeakingProxy(stand.direct_address) as proxy:
        yield proxy
        disconnect_all()


def save(stand: Stand, proxy: SpeakingProxy) -> None:
    """Save through the proxy what arrives whole and once, and leaves nothing else."""
    Client(proxy.address).save_artifact(array_of(SIZE), "large", include_visualizations=False)
    loaded = Client(stand.direct_address).load_artifact("large")
    np.testing.assert_array_equal(loaded, array_of(SIZE))
    disconnect_all()
    assert_clean(stand.data)


def abort_the_open_upload(stand: Stand) -> None:
    """Do what an operator or another client may."""
    [(upload_id,)] = stand.rows("SELECT id FROM uploads WHERE state = 'open'")
    with stand.direct_channel() as channel:
        stand.stubs(channel).blobs.AbortUpload(
            AbortUploadRequest(project=PROJECT, request_id="an operator's", upload_id=upload_id)
        )


def test_an_upload_goes_on_after_each_status_that_a_proxy_makes_up(stand: Stand, proxy: SpeakingProxy) -> None:
    proxy.breaks["WriteUpload"] = [Break(7 * MEBIBYTE, code) for code in SPOKEN]
    save(stand, proxy)
    assert (proxy.calls["CreateUpload"], proxy.calls["WriteUpload"]) == (1, 1 + len(SPOKEN))
    assert proxy.passed["WriteUpload"] < SIZE + MARK_BYTES


def test_a_download_goes_on_after_each_status_that_a_proxy_makes_up(stand: Stand, proxy: SpeakingProxy) -> None:
    Client(stand.direct_address).save_artifact(array_of(SIZE), "large", include_visualizations=False)
    proxy.breaks["ReadBlob"] = [Break(7 * MEBIBYTE, code) for code in SPOKEN]
    np.testing.assert_array_equal(Client(proxy.address).load_artifact("large"), array_of(SIZE))
    assert proxy.calls["ReadBlob"] == 1 + len(SPOKEN)


def test_an_upload_that_is_aborted_meanwhile_starts_again(stand: Stand, proxy: SpeakingProxy) -> None:
    proxy.breaks["WriteUpload"] = [
        Break(7 * MEBIBYTE, StatusCode.INTERNAL, then=lambda: abort_the_open_upload(stand)),
    ]
    save(stand, proxy)
    assert (proxy.calls["CreateUpload"], proxy.calls["WriteUpload"]) == (2, 2)


def test_a_commit_that_hears_of_no_whole_stream_asks_and_sends_the_rest(stand: Stand, proxy: SpeakingProxy) -> None:
    whole = WriteUploadResponse(committed_size=SIZE).SerializeToString()
    proxy.breaks["WriteUpload"] = [Break(7 * MEBIBYTE, None, whole)]
    save(stand, proxy)
    assert (proxy.calls["CreateUpload"], proxy.calls["WriteUpload"], proxy.calls["CommitUpload"]) == (1, 2, 2)
    assert proxy.passed["WriteUpload"] < SIZE + MARK_BYTES

"""Damage that was none: what is wrong once is read again, and a mark is taken back from what reads right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.bootstrap import Application
from tests.adapters.test_verify import application, path_of, put_file, put_row, verify
from tests.backends.damage import flip_a_bit

__all__ = ["application"]


def test_a_marked_blob_that_is_right_is_live_again_and_one_that_is_not_stays_marked(application: Application) -> None:
    right, wrong, row = put_file(application), put_file(application, b"wrong"), put_row(application, b"small")
    flip_a_bit(path_of(application, wrong), 0)
    with application.metadata.write() as tx:
        for blob in (right, wrong, row):
            tx.blobs.mark_damaged(blob)
    found, report = verify(application)
    assert ([damage.digest for damage in found], report.recovered) == ([wrong.digest], 2)
    with application.metadata.read() as tx:
        assert tx.survey.damaged() == [wrong]
    assert verify(application)[1].recovered == 0


class WrongOnce(LocalStorage):
    """A store whose first answer of each kind is wrong, as one byte on the way or a single 404 makes it."""

    def __init__(self, application: Application, wrong: str) -> None:
        assert isinstance(application.storage, LocalStorage)
        super().__init__(application.storage.root, sync=False)
        self._wrong = {wrong}

    def size(self, location: str) -> int | None:
        if "gone" in self._wrong:
            self._wrong.clear()
            return None
        return super().size(location)

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        if "flipped" in self._wrong:
            self._wrong.clear()
            yield bytes(stop - start)
            return
        yield from super().read(location, start, stop)


@pytest.mark.parametrize("wrong", ["gone", "flipped"])
def test_what_is_wrong_once_and_right_when_it_is_read_again_is_no_damage(application: Application, wrong: str) -> None:
    put_file(application)
    found, report = verify(application, storage=WrongOnce(application, wrong))
    assert (found, report.damage, report.blobs) == ([], {}, 1)

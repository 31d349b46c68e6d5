"""The tokens of a store: made once, whoever is first, and never one that others could guess."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy_server.adapters.blobs import open_direct_access, open_storage
from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.blobs.direct_access import DirectAccess


def opened(folder: Path) -> DirectAccess:
    direct = open_direct_access(LocalStorage(folder, sync=False))
    assert direct is not None
    return direct


def test_processes_that_start_at_once_agree_on_the_tokens_and_leave_nothing_else(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(opened, [tmp_path] * 16))
    assert len({(direct.read_token, direct.write_token) for direct in found}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".read-token", ".write-token"]


def test_tokens_are_no_locations(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, sync=False)
    open_direct_access(storage)
    assert list(storage.locations()) == []


@pytest.mark.parametrize("text", ["", "0", "g" * 64, "a" * 64 + "\n"])
@pytest.mark.parametrize("name", [".read-token", ".write-token"])
def test_a_file_that_holds_no_token_is_refused_with_the_cure(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(StorageUnavailable, match="holds no token; remove it, and a new one is made"):
        opened(tmp_path)


def test_a_storage_that_is_no_folder_has_none() -> None:
    assert open_direct_access(open_storage("memory://tokens", durability="full")) is None

"""The client dies at once in the middle of an upload: nothing is visible, nothing stays, and others go on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from argosy import Client
from argosy.errors import NotFoundError
from argosy_server.embedded import open_channel
from tests.api.calls import digest_of, download, missing, upload_parts
from tests.api.conftest import service_on
from tests.faults.stand import MEBIBYTE, SETTINGS, Stand, array_of, assert_clean, files_of, rows
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
SIZE = 40 * MEBIBYTE

SAVE = """
import sys
from argosy import Client
from tests.faults.stand import array_of
server, size = sys.argv[1], int(sys.argv[2])
Client(server).save_artifact(array_of(size), "weights")
"""

EMBEDDED_STREAM = """
import sys, time
from pathlib import Path
from argosy_server.embedded import open_channel
from tests.api.calls import upload_parts
from tests.api.conftest import service_on
from tests.faults.stand import array_of
home, size = Path(sys.argv[1]), int(sys.argv[2])

def half():
    parts = list(upload_parts("default", "weights", array_of(size).tobytes()))
    yield from parts[:len(parts) // 2]
    print("half", flush=True)
    time.sleep(1000)

service_on("embedded", home, open_channel(home)).artifacts.UploadArtifact(half())
"""

DIRECT_FILE = """
import sys, time
from argosy import Client
from argosy.transport.upload.upload_files import upload_files
from tests.faults.stand import array_of
home, size = sys.argv[1], int(sys.argv[2])

class Half:
    path, size_bytes = "data.bin", size

    def chunks(self, start=0, chunk_bytes=1 << 20):
        content = memoryview(array_of(size).tobytes())
        for place in range(start, size // 2, chunk_bytes):
            yield content[place : place + chunk_bytes]
        print("half", flush=True)
        time.sleep(1000)

connection = Client(f"embedded://{home}").connection
assert connection.direct is not None and connection.direct.writes
upload_files(connection, [[Half()]])
"""


@contextmanager
def client_process(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a client that is killed where the block ends."""
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments, str(SIZE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=SETTINGS, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_client_killed_over_grpc_leaves_nothing_and_others_save_the_same(stand: Stand) -> None:
    stand.proxy.up.hold_at(SIZE // 2)
    with client_process(SAVE, stand.proxy.address):
        stand.proxy.up.wait_for(SIZE // 2)
        wait_until(lambda: files_of(stand.data), "the server writes")
    assert rows(stand.data, "SELECT count(*) FROM blobs") == [(0,)]
    with pytest.raises(NotFoundError):
        Client(stand.proxy.address).load_artifact("weights")
    assert Client(stand.proxy.address).save_artifact(array_of(SIZE), "weights").version == "1"
    np.testing.assert_array_equal(Client(stand.proxy.address).load_artifact("weights"), array_of(SIZE))
    assert rows(stand.data, "SELECT label FROM versions") == [("1",)]
    assert_clean(stand.data)
    assert len(files_of(stand.data)) == 1


def test_an_embedded_client_killed_in_a_stream_leaves_nothing(tmp_path: Path) -> None:
    home, content = tmp_path / "home", array_of(SIZE).tobytes()
    with client_process(EMBEDDED_STREAM, str(home)) as process:
        assert read_line(process) == "half"
    assert sum(files_of(home).values()) >= SIZE // 4
    with open_channel(home) as channel:
        service = service_on("embedded", home, channel)
        assert missing(service, "default", digest_of(content)) == [digest_of(content)]
        assert rows(home, "SELECT count(*) FROM versions") == [(0,)]
        service.artifacts.UploadArtifact(upload_parts("default", "weights", content))
        assert download(service, "default", name="weights") == content
    assert_clean(home)
    assert len(files_of(home)) == 1


def test_a_client_killed_while_it_writes_a_file_of_the_store_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with client_process(DIRECT_FILE, str(home)) as process:
        assert read_line(process) == "half"
    assert sum(files_of(home).values()) >= SIZE // 4
    assert rows(home, "SELECT count(*) FROM blobs") == [(0,)]
    client = Client(f"embedded://{home}")
    assert client.save_artifact(array_of(SIZE), "weights").version == "1"
    np.testing.assert_array_equal(client.load_artifact("weights"), array_of(SIZE))
    assert_clean(home)
    assert len(files_of(home)) == 1


def test_a_client_killed_before_its_version_exists_leaves_bytes_only_as_long_as_their_lease(stand: Stand) -> None:
    stand.proxy.up.hold_before(b"/CreateArtifactVersion")
    with client_process(SAVE, stand.proxy.address):
        stand.proxy.up.wait_for_marker()
    assert rows(stand.data, "SELECT count(*) FROM blobs") == [(1,)]
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(0,)]
    assert_clean(stand.data)
    assert files_of(stand.data) == {}

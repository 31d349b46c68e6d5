"""Another user of the same machine: may map what a server lets everybody read, and write nothing but by the wire."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.server_process import ServerProcess

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="becoming another user needs to be root"
)
NOBODY = 65534
PROGRAM = """
import os
import numpy as np
import argosy
from argosy.config import resolve
from argosy.transport.connection import connect, disconnect_all
argosy.save_artifact(np.arange(1_000_000), "roots")
argosy.load_artifact("roots")  # all modules are loaded; another user may not be able to read them
print(connect(resolve()).direct.writes)
disconnect_all()
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
store = connect(resolve())
print(store.direct is not None and (store.direct.writes, store.direct.folder.name))
array = argosy.load_artifact("roots")
print(type(array).__name__, array.base is not None, int(array.sum()))
array[:] = 0
print(int(argosy.load_artifact("roots").sum()))
print(argosy.save_artifact(np.arange(2_000_000), "mine").version)
print(int(argosy.load_artifact("mine").sum()))
for name in ["{token}", *(os.path.join(at, "new") for at, *_ in os.walk("{blobs}")),
             *(os.path.join(at, file) for at, _, files in os.walk("{blobs}") for file in files if file[0] != ".")]:
    try:
        open(name, "r+b" if os.path.exists(name) else "wb")
        print(name)
    except PermissionError:
        pass
""".replace("{nobody}", str(NOBODY))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder other users can look into."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_another_user_reads_the_files_and_cannot_write_them(place: Path) -> None:
    with ServerProcess(place / "data", "--direct-access", "--durability=process") as server:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
        settings |= {"ARGOSY_SERVER": f"grpc://{server.address}", "ARGOSY_HOME": str(place / "home")}
        blobs = place / "data/blobs"
        program = PROGRAM.replace("{token}", str(blobs / ".write-token")).replace("{blobs}", str(blobs))
        ran = subprocess.run(
            [sys.executable, "-c", program], env=settings, capture_output=True, text=True, check=False, cwd="/"
        )
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "True",
        "(False, 'blobs')",
        "ndarray True 499999500000",
        "499999500000",
        "1",
        "1999999000000",
    ]

"""What docs/operations.md shows is run, over a real PostgreSQL and a server of the S3 protocol."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import argosy
from tests.backends.free_port import free_port
from tests.backends.object_store import ObjectStore, new_bucket
from tests.backends.postgres import PASSWORD, Cluster

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()
READY = re.compile(r"argosy-server listening on (grpc://(?:127\.0\.0\.1|0\.0\.0\.0):\d+)\n")
Run = Callable[[str], None]


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def blocks(title: str, language: str = "sh") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", section(title), re.MULTILINE | re.DOTALL)


class Machine:
    """Where the commands of the page run: ports, database and bucket are those of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith("ARGOSY_")}
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self.environment['PATH']}"
        self.environment["ARGOSY_HOME"] = str(folder / "home")
        self.instead = {f"127.0.0.1:{port}": f"127.0.0.1:{free_port()}" for port in (50051, 50052)}

    def over(self, cluster: Cluster, bucket: ObjectStore) -> None:
        """Let names of the page stand for a cluster and a bucket."""
        programs = str(Path(cluster.binary("postgres")).parent)
        self.environment |= bucket.environment
        self.environment |= {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGUSER": "argosy"}
        self.environment |= {"PGPASSWORD": PASSWORD, "PATH": f"{programs}{os.pathsep}{self.environment['PATH']}"}
        self.instead |= {"argosy@127.0.0.1/": f"argosy@127.0.0.1:{cluster.port}/", "s3://models/argosy": bucket.url}

    def text(self, block: str) -> str:
        """Return a block with what stands for this machine."""
        for theirs, ours in self.instead.items():
            block = block.replace(theirs, ours)
        return block

    def run(self, block: str) -> str:
        """Run a block of commands that end, and return what they say."""
        done = self._run(block)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, block: str) -> str:
        """Run a block that fails, and return what it says of that."""
        done = self._run(block)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def _run(self, block: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", self.text(block)], capture_output=True, text=True, check=False,
            cwd=self.folder, env=self.environment, timeout=120,
        )  # fmt: skip

    def serve(self, block: str) -> Server:
        """Run a block whose last command is a server, and return it once it is ready."""
        return Server(self, self.text(block))


class Server:
    """A server the page tells how to start."""

    def __init__(self, machine: Machine, commands: str) -> None:
        before, _, command = commands.replace("\\\n", " ").strip().rpartition("\n")
        log = (machine.folder / "server.log").open("a")
        self.process = subprocess.Popen(
            ["bash", "-euc", f"{before}\nexec {command}"], stdout=subprocess.PIPE, stderr=log, text=True,
            cwd=machine.folder, env=machine.environment,
        )  # fmt: skip
        log.close()
        assert self.process.stdout is not None
        ready = READY.fullmatch(self.process.stdout.readline())
        assert ready is not None, (machine.folder / "server.log").read_text()
        self.url = ready[1]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert self.process.wait(60) == 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def fleet(machine: Machine) -> Iterator[Machine]:
    with Cluster() as cluster:
        machine.over(cluster, new_bucket("versitygw"))
        yield machine


def test_one_server_is_configured_by_options_or_a_file(machine: Machine) -> None:
    by_options, by_file = blocks("One server")
    with machine.serve(by_options) as server:
        argosy.Client(server.url).save_artifact([1, 2], "numbers")
    (machine.folder / "server.toml").write_text(machine.text(blocks("One server", "toml")[0]))
    with machine.serve(by_file) as server:
        assert argosy.Client(server.url).load_artifact("numbers") == [1, 2]


def test_another_address_is_listened_on_where_that_is_said(machine: Machine) -> None:
    (block,) = blocks("For other machines")
    command = block.replace("0.0.0.0:50051", f"0.0.0.0:{free_port()}")
    assert "has no authentication" in machine.refused(command.replace(" --insecure", ""))
    with machine.serve(command) as server:
        argosy.Client(server.url).save_artifact([1, 2], "numbers")


def test_a_store_is_checked_backed_up_and_restored(machine: Machine) -> None:
    home = machine.folder / "store"
    argosy.Client(f"embedded://{home}").save_artifact("a" * 100_000, "text", alias="prod")
    for block in blocks("Is it well?"):
        machine.run(block)
    back_up, _, restore, *_ = blocks("Back up, restore")
    machine.run(back_up)
    argosy.Client(f"embedded://{home}").save_artifact("b", "text")  # goes on
    for place in ("restored", "restored_again"):  # a backup is good for more than once
        machine.run(restore.replace("./restored", f"./{place}"))
        restored = argosy.Client(f"embedded://{machine.folder / place}")
        assert [version.version for version in restored.list_artifact_versions("text")] == ["1"]
        assert restored.load_artifact("text", alias="prod") == "a" * 100_000
        restored.save_artifact("c", "text")  # and so is what was restored
    assert "holds this very store" in machine.refused(back_up)
    machine.run(back_up.replace("./backup", "./next_backup"))
    after = argosy.Client(f"embedded://{machine.folder / 'next_backup'}")
    assert [version.version for version in after.list_artifact_versions("text")] == ["2", "1"]


def test_a_fleet_is_backed_up_in_a_folder_while_it_runs(fleet: Machine) -> None:
    (first,) = blocks("PostgreSQL and an object store")
    _, back_up, restore, *_ = blocks("Back up, restore")
    with fleet.serve(first) as server:
        client = argosy.Client(server.url)
        client.save_artifact(b"x" * 100_000, "blob")
        fleet.run(back_up)
        client.save_artifact(b"y", "blob")  # goes on
        fleet.run(back_up.replace("fleet_backup", "next_backup"))
    fleet.run(restore.replace("./backup", "./fleet_backup"))
    restored = argosy.Client(f"embedded://{fleet.folder / 'restored'}")
    assert restored.load_artifact("blob") == b"x" * 100_000
    after = argosy.Client(f"embedded://{fleet.folder / 'next_backup'}")
    assert after.load_artifact("blob") == b"y"


def test_a_fleet_over_a_database_and_a_bucket_answers_a_list_of_servers(fleet: Machine) -> None:
    (first,) = blocks("PostgreSQL and an object store")
    with fleet.serve(first) as server:
        argosy.Client(server.url).save_artifact(b"x" * 100_000, "blob")
        second = first.replace("createdb argosy\n", "").replace("50051", "50052").replace("./node", "./node2")
        with fleet.serve(second):
            assert "blob" in fleet.run(blocks("Replicas")[0])
        assert "blob" in fleet.run(blocks("Replicas")[0])


def test_a_database_that_was_dumped_and_restored_is_served(fleet: Machine) -> None:
    (first,) = blocks("PostgreSQL and an object store")
    with fleet.serve(first) as server:
        argosy.Client(server.url).save_artifact(b"x" * 100_000, "blob")
    dump_and_restore, clean = blocks("Back up, restore")[-2:]
    fleet.run(dump_and_restore)
    restored = first.replace("createdb argosy\n", "").replace("/argosy --blobs", "/argosy_restored --blobs")
    with fleet.serve(restored) as server:
        assert argosy.Client(server.url).load_artifact("blob") == b"x" * 100_000
    assert fleet.run(clean).startswith("removed 0 blobs")


def test_a_store_of_one_person_moves_to_the_database_and_the_bucket_of_the_team(fleet: Machine) -> None:
    argosy.Client(f"embedded://{fleet.folder / 'store'}").save_artifact(b"x" * 100_000, "blob", alias="prod")
    fleet.run(blocks("Moving up")[0])
    served = blocks("PostgreSQL and an object store")[0].replace("createdb argosy\n", "")
    with fleet.serve(
        served.replace("/argosy --blobs", "/argosy_team --blobs").replace("models/argosy", "models/argosy_team")
    ) as server:
        assert argosy.Client(server.url).load_artifact("blob", alias="prod") == b"x" * 100_000

"""SIGHUP to a fleet: settings are read again and workers replaced one by one, or nothing changes."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from tests.api.calls import create
from tests.api.fleet_process import CrashingWorkers, FleetProcess, children, is_there
from tests.api.held_upload import HeldUpload
from tests.api.operated_server import listed_services, wait_for_uploads
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no ports are shared on this system")


class ReloadableFleet(FleetProcess):
    """A fleet that takes all but its data from a file of settings."""

    LISTEN = ()
    BASE = {"listen": "'127.0.0.1:0'", "workers": "2"}  # noqa: RUF012 - nobody changes it

    def __init__(self, folder: Path, text: str, *options: str, **environment: str) -> None:
        self.file = folder / "argosy.toml"
        self.write(text)
        super().__init__(folder / "data", 0, f"--config={self.file}", *options, **environment)

    def __enter__(self) -> ReloadableFleet:
        return self

    def write(self, text: str) -> None:
        """Write the file: what makes it a fleet of two unless the text says otherwise, and the text."""
        base = [f"{key} = {value}\n" for key, value in self.BASE.items() if not text.startswith(f"{key} ")]
        new = self.file.with_suffix(".new")
        new.write_text("".join(base) + text)
        new.rename(self.file)  # at once: the supervisor may read it just now

    def reload(self, text: str) -> None:
        """Write the file anew and tell the supervisor."""
        self.write(text)
        self.process.send_signal(signal.SIGHUP)

    def told_why_not(self, text: str) -> str:
        """Write the file anew, tell the supervisor, and return why it keeps the settings it has."""
        kept = "the settings stay as they are"
        before = len(self.lines(kept))
        self.reload(text)
        self.wait_for_lines(kept, before + 1)
        return str(self.lines(kept)[-1]["event"])

    def answered(self) -> list[int]:
        """Return the numbers of all workers that ever answered, in order."""
        return [line["worker"] for line in self.lines("worker answers")]

    def has_reflection(self) -> bool:
        """Ask whichever worker takes the connection."""
        with self.connection() as channel:
            return listed_services(channel) != []


class FleetOfFile(ReloadableFleet):
    """A fleet that takes its data from the file, too."""

    DATA = False

    def __enter__(self) -> FleetOfFile:
        return self


def test_new_settings_are_those_of_all_workers_which_are_replaced_one_by_one(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "reflection = false\n") as fleet:
        old = fleet.workers()
        fleet.reload("reflection = true\n")
        fleet.wait_for_lines("ended with exit code 0", 2)
        assert not any(map(is_there, old))
        assert all(fleet.has_reflection() for _ in range(8))
        order = [
            (line["event"], line["worker"])
            for line in fleet.lines("worker ")
            if line["logger"] == "argosy_server.fleet"
        ][2:]
        answers, ended = "worker answers", "worker ended with exit code 0"
        assert order == [(answers, 1), (ended, 1), (answers, 2), (ended, 2)]


NO_GOOD = {
    "reflection = ": "is no TOML",
    "reflections = true": "'reflections' is no setting; did you mean reflection?",
    "max-workers = 0": "max-workers: 0 is not in the range",
    "listen = '127.0.0.1:1'": "where it listens cannot change while it runs",
    "workers = 0": "a fleet cannot become a process without workers",
    "database = 'mysql://host/name'": "no worker can serve with the new ones: 'mysql' databases are not supported",
}


def test_settings_that_are_no_good_are_logged_and_change_nothing(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "") as fleet:
        workers = fleet.workers()
        for text, said in NO_GOOD.items():
            assert said in fleet.told_why_not(text)
            assert fleet.workers() == workers
        os.kill(workers[0], signal.SIGKILL)
        fleet.wait_for_lines("worker answers", 3)  # started with the settings of before
        fleet.reload("reflection = true")
        fleet.wait_for_lines("ended with exit code 0", 2)
        assert fleet.has_reflection()


OTHER_STORES = {
    "data = '{folder}/typo'": "typo/metadata.db does not exist, so this is no store",
    "data = '{folder}/other'": "the database holds another store (id {other})",
    "data = '{folder}/data'\nblobs = '{folder}/empty'": "empty holds no store, and the one that is served (id ",
    "data = '{folder}/data'\ndatabase = 'sqlite:///{folder}/new.db'": "new.db does not exist, so this is no store",
}


def test_settings_that_lead_to_another_store_are_refused_and_make_none(tmp_path: Path) -> None:
    other = build(StoreConfig(tmp_path / "other"))
    other.close()
    (tmp_path / "empty").mkdir()
    before = f"data = '{tmp_path / 'data'}'\n"
    with FleetOfFile(tmp_path, before) as fleet:
        workers, files = fleet.workers(), sorted(tmp_path.rglob("*.db"))
        for text, said in OTHER_STORES.items():
            told = fleet.told_why_not(text.format(folder=tmp_path))
            assert said.format(other=other.metadata.store_id) in told
            assert (fleet.workers(), sorted(tmp_path.rglob("*.db"))) == (workers, files)
            assert list((tmp_path / "empty").iterdir()) == []
            assert not (tmp_path / "typo").exists()


def test_the_place_of_the_store_may_change_its_name(tmp_path: Path) -> None:
    with FleetOfFile(tmp_path, f"data = '{tmp_path / 'data'}'\n") as fleet:
        (tmp_path / "link").symlink_to(tmp_path / "data")
        fleet.reload(f"data = '{tmp_path / 'link'}'")
        fleet.wait_for_lines("ended with exit code 0", 2)
        assert fleet.answered() == [1, 2, 1, 2]


def test_what_the_command_line_and_the_environment_say_stays(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "", "--workers=1", ARGOSY_SERVER_REFLECTION="1") as fleet:
        fleet.reload("workers = 3\nreflection = false")
        fleet.wait_for_lines("ended with exit code 0", 1)
        assert fleet.has_reflection()
        assert fleet.answered() == [1, 1]


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_a_fleet_grows_and_shrinks(tmp_path: Path, before: int, after: int) -> None:
    with ReloadableFleet(tmp_path, f"workers = {before}") as fleet:
        old = fleet.workers()
        fleet.reload(f"workers = {after}")
        fleet.wait_for_lines("worker answers", before + after)
        wait_until(lambda: not any(map(is_there, old)), "the old ones have ended")
        assert len(fleet.workers()) == after
        with fleet.connections(8) as services:
            assert [create(service, "p", "a").version for service in services] == [str(n) for n in range(1, 9)]


def test_calls_under_way_finish_while_workers_are_replaced(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "") as fleet, fleet.connections(8) as services:
        uploads = [HeldUpload(service, f"held{number}") for number, service in enumerate(services)]
        wait_for_uploads(fleet, len(uploads))
        fleet.reload("")
        fleet.wait_for_lines("worker answers", 3)
        for upload in uploads:
            upload.released.set()
        assert {upload.call.result(timeout=20).artifact_version.version for upload in uploads} == {"1"}
        fleet.wait_for_lines("ended with exit code 0", 2)


def test_signals_that_come_while_workers_are_replaced_count_once_more(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "workers = 1") as fleet, fleet.connections(1) as [service]:
        upload = HeldUpload(service, "held")
        wait_for_uploads(fleet, 1)
        fleet.reload("workers = 1")
        fleet.wait_for_lines("worker answers", 2)  # and the first one does not end before its upload
        for _ in range(5):
            fleet.reload("workers = 1")
        upload.released.set()
        fleet.wait_for_lines("ended with exit code 0", 2)
        assert fleet.answered() == [1, 1, 1]


def test_a_successor_that_crashes_is_tried_again_and_the_old_worker_answers_meanwhile(tmp_path: Path) -> None:
    crashing = CrashingWorkers(tmp_path / "crash")
    with ReloadableFleet(tmp_path, "", **crashing.environment) as fleet:
        second = fleet.pid_of(2)
        with fleet.connections(8) as services:
            uploads = [HeldUpload(service, f"held{number}") for number, service in enumerate(services)]
            wait_for_uploads(fleet, len(uploads))
            fleet.reload("")
            fleet.wait_for_lines("worker answers", 3)
            crashing.on()  # the successor of the first one answers, and that one still drains
            for upload in uploads:
                upload.released.set()
        wait_until(lambda: fleet.lines("worker 2 is not replaced yet: worker 2 was ended by SIGABRT"), "it is told")
        assert is_there(second)
        crashing.off()
        fleet.wait_for_lines("ended with exit code 0", 2)
        assert not is_there(second)


def test_stopping_while_workers_are_replaced_ends_them_all(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "") as fleet:
        fleet.reload("")
        wait_until(lambda: fleet.lines("settings were read again"), "it began")
        fleet.terminate()
        assert fleet.wait() == 0
        assert fleet.workers() == []


def test_a_worker_hears_nothing_of_a_hangup(tmp_path: Path) -> None:
    with ReloadableFleet(tmp_path, "workers = 1") as fleet:
        os.kill(fleet.pid_of(1), signal.SIGHUP)
        with fleet.connections(1) as [service]:
            assert create(service, "p", "a").version == "1"
        assert fleet.answered() == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="terminals are taken differently elsewhere")
@pytest.mark.parametrize("outlives", [False, True])
def test_a_fleet_ends_with_its_terminal_unless_it_was_started_to_outlive_it(tmp_path: Path, outlives: bool) -> None:
    ours, theirs = pty.openpty()
    ignoring = "trap '' HUP; " if outlives else ""
    # Who leads a session takes the first terminal it opens for its own.
    shell = ["sh", "-c", f'{ignoring}exec "$@" < "$0"', os.ttyname(theirs)]
    serve = [sys.executable, "-m", "argosy_server", "serve", "--workers=1", "--listen=127.0.0.1:0"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [*shell, *serve, f"--data={tmp_path / 'data'}"], stdout=subprocess.PIPE, stderr=log, start_new_session=True
        ) as fleet,
    ):
        assert fleet.stdout is not None
        assert fleet.stdout.readline().startswith(b"argosy-server listening on ")
        [worker] = children(fleet.pid)
        os.close(theirs)
        os.close(ours)
        if outlives:
            wait_until(lambda: b"settings were read again" in (tmp_path / "log").read_bytes(), "it took it for a wish")
            fleet.terminate()
        assert fleet.wait(60) == 0
    assert not is_there(worker)

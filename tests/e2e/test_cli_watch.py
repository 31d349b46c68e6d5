"""``argosy artifact watch`` as a process: what it prints as things happen, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import argosy
from tests.e2e.command_line import ARGOSY, run
from tests.warm.process import WarmProcess


@contextmanager
def watching(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command, and kill it at the end if it is still there."""
    command = [ARGOSY, "artifact", "watch", *arguments]
    with WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Press Ctrl-C; return the exit code and what was said on stderr."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    return process.wait(20), process.stderr.read()


def test_events_are_printed_as_they_happen_until_ctrl_c(store: str) -> None:
    with watching("weights") as process:
        # The heading is printed once the watch has begun.
        assert next_line(process).split() == ["TIME", "EVENT", "NAME", "VERSION", "ALIAS", "TAGS"]
        argosy.save_artifact(1, "other")
        argosy.save_artifact(1, "weights", alias="prod", tags=["gold", "red"])
        assert next_line(process).split()[2:] == ["version_created", "weights", "1", "gold,", "red"]
        assert next_line(process).split()[2:] == ["alias_moved", "weights", "1", "prod", "gold,", "red"]
        assert end(process) == (130, "")


def test_programs_get_one_document_a_line_and_go_on_from_a_cursor(store: str) -> None:
    with argosy.watch_artifacts() as events:
        cursor = events.cursor
    version = argosy.save_artifact(1, "weights", alias="prod")
    argosy.save_artifact(2, "weights", alias="prod")
    with watching("--cursor", cursor, "--kind", "alias_moved", "-o", "json") as process:
        first, second = json.loads(next_line(process)), json.loads(next_line(process))
        assert end(process) == (130, "")
    assert {key: first[key] for key in ("event", "name", "version", "version_id", "alias", "previous", "tags")} == {
        "event": "alias_moved",
        "name": "weights",
        "version": "1",
        "version_id": version.id,
        "alias": "prod",
        "previous": None,
        "tags": [],
    }
    assert second["previous"] == version.id
    done = run("artifact", "watch", "--cursor", second["cursor"], "--timeout", "0.2", "-o", "json")
    assert (done.stdout, done.stderr) == ("", "")


def test_it_ends_when_nothing_happens_for_the_time_given(store: str) -> None:
    done = run("artifact", "watch", "--timeout", "0.5")
    assert done.stdout.split() == ["TIME", "EVENT", "NAME", "VERSION", "ALIAS", "TAGS"]


def test_a_misspelt_kind_is_refused_with_what_may_have_been_meant(store: str) -> None:
    done = run("artifact", "watch", "--kind", "alias_move", code=2)
    assert "--kind: 'alias_move' is no kind (did you mean 'alias_moved'" in done.stderr


def test_kinds_that_no_alias_has_are_refused_beside_one(store: str) -> None:
    done = run("artifact", "watch", "--alias", "prod", "--kind", "version_created", code=2)
    told = " ".join(done.stderr.replace("│", " ").split())
    assert "--kind: only 'alias_moved', 'alias_removed' are events of an alias; leave alias out to hear of" in told


def test_a_timeout_longer_than_any_clock_is_refused(store: str) -> None:
    done = run("artifact", "watch", "--timeout", "1e12", code=2)
    assert "--timeout" in done.stderr


def test_a_foreign_cursor_is_refused_with_the_cure(store: str) -> None:
    done = run("artifact", "watch", "--cursor", "foreign", code=1)
    assert done.stderr == (
        "argosy: the cursor is of another store or project, or from before this one was restored or moved, or none; "
        "list what there is, and watch anew without it\n"
    )

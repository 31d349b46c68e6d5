"""``python -m tests.soak.actors``: one life of one actor; told what to do by one line on stdin, to stop by its end."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from tests.soak.actors.actor import Actor, Assignment
from tests.soak.journal import Journal


def main() -> None:
    """Live."""
    order = json.loads(sys.stdin.readline())
    given, folder = Assignment(**order["assignment"]), Path(order["folder"])
    stop = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(stop,), daemon=True).start()
    journal = Journal(folder, given.actor, given.life, given.project)
    make(given, journal, stop, folder, order["cursor"]).run()
    journal.close()


def make(given: Assignment, journal: Journal, stop: threading.Event, folder: Path, cursor: str) -> Actor:
    """Return the actor of an assignment; the first part of its name tells which kind it is."""
    # Each loads only what it needs: many of them start at once.
    kind = given.actor.partition("-")[0]
    if kind == "watcher":
        from tests.soak.actors.watching import Watcher

        return Watcher(given, journal, stop, folder, cursor)
    return _kind(kind)(given, journal, stop)


def _kind(kind: str) -> type[Actor]:
    if kind in {"saver", "repeater"}:
        from tests.soak.actors import saving

        return {"saver": saving.Saver, "repeater": saving.Repeater}[kind]
    if kind in {"aliaser", "tagger"}:
        from tests.soak.actors import labelling

        return {"aliaser": labelling.Aliaser, "tagger": labelling.Tagger}[kind]
    if kind == "remover":
        from tests.soak.actors.removing import Remover

        return Remover
    from tests.soak.actors import running

    return {"runner": running.Runner, "inspector": running.Inspector}[kind]


def _wait_for_the_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


main()

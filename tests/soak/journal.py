"""What each actor did, one file a life of it: a line before each call and one after, whatever became of it.

Times are those of the system's monotonic clock, in nanoseconds, which all processes of a machine share. An operation
without a second line was under way when its process was killed: nobody knows what became of it, as of ``unknown`` ones.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]
NEVER = sys.maxsize
"""When an operation ended that nobody knows the end of: it may yet take place."""


@dataclass(frozen=True)
class Operation:
    """One call of an actor.

    Attributes:
        actor: who made it.
        file: name of the file it stands in.
        lines: numbers of its lines there, from 1.
        kind: what it did.
        project: where.
        arguments: with what.
        began: when, in nanoseconds.
        ended: when its end was known, :data:`NEVER` for ``unknown``.
        outcome: ``ok``: it took place. ``fail``: it did not. ``unknown``: either, at any time since it began.
        result: what it returned.
        error: type and text of what it raised, ``""`` for nothing.
    """

    actor: str
    file: str
    lines: tuple[int, ...]
    kind: str
    project: str
    arguments: Mapping[str, Any]
    began: int
    ended: int
    outcome: Outcome
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{','.join(map(str, self.lines))}"
        told = f" -> {json.dumps(dict(self.result))}" if self.result else ""
        return f"{where} {self.kind} {json.dumps(dict(self.arguments))} {self.outcome}{told} {self.error}".rstrip()


class Journal:
    """The file of one life of an actor."""

    def __init__(self, folder: Path, actor: str, life: int, project: str) -> None:
        self.actor, self.life, self.project = actor, life, project
        self._file = os.open(folder / f"{actor}.{life}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._number = 0
        self._lock = threading.Lock()

    def invoke(self, kind: str, arguments: Mapping[str, Any]) -> int:
        """Write that an operation begins, and return its number."""
        with self._lock:
            self._number += 1
            number = self._number
        self._write({"n": number, "phase": "invoke", "kind": kind, "project": self.project, "arguments": arguments})
        return number

    def end(self, number: int, outcome: Outcome, result: Mapping[str, Any] | None = None, error: str = "") -> None:
        """Write what became of it."""
        self._write({"n": number, "phase": outcome, "result": result or {}, "error": error})

    def note(self, kind: str, result: Mapping[str, Any]) -> None:
        """Write that something arrived, which nobody called for."""
        self._write({"phase": "note", "kind": kind, "project": self.project, "arguments": {}, "result": result})

    def close(self) -> None:
        """Write nothing more."""
        os.close(self._file)

    def _write(self, entry: Mapping[str, Any]) -> None:
        # One call of the system: a line is there as a whole, or not at all, whenever the process is killed.
        os.write(self._file, json.dumps({**entry, "t": time.monotonic_ns()}).encode() + b"\n")


def read_journals(folder: Path, actor: str = "*") -> list[Operation]:
    """Return all operations of all actors, or of one, by the time they began."""
    found = [operation for file in sorted(folder.glob(f"{actor}.*.jsonl")) for operation in read_journal(file)]
    return sorted(found, key=lambda operation: operation.began)


def read_journal(file: Path) -> Iterator[Operation]:
    """Yield the operations of one file."""
    begun: dict[int, tuple[int, dict[str, Any]]] = {}
    for line, text in enumerate(file.read_text().splitlines(keepends=True), 1):
        if not text.endswith("\n"):
            break  # the disk was full, or the machine died
        entry = json.loads(text)
        if entry["phase"] == "invoke":
            begun[entry["n"]] = (line, entry)
        elif entry["phase"] == "note":
            yield _operation(file, (line,), entry, {**entry, "phase": "ok", "error": ""})
        else:
            first, invoked = begun.pop(entry["n"])
            yield _operation(file, (first, line), invoked, entry)
    for first, invoked in begun.values():
        yield _operation(file, (first,), invoked, {"phase": "unknown", "error": "killed", "result": {}})


def of_kind(history: Iterable[Operation], *kinds: str) -> list[Operation]:
    """Return the operations of some kinds."""
    return [operation for operation in history if operation.kind in kinds]


def _operation(file: Path, lines: tuple[int, ...], invoked: Mapping[str, Any], ended: Mapping[str, Any]) -> Operation:
    return Operation(
        actor=file.name.partition(".")[0],
        file=file.name,
        lines=lines,
        kind=invoked["kind"],
        project=invoked["project"],
        arguments=invoked["arguments"],
        began=invoked["t"],
        ended=NEVER if ended["phase"] == "unknown" else ended["t"],
        outcome=ended["phase"],
        result=ended["result"],
        error=ended["error"],
    )

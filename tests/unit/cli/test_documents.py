"""The keys of what ``-o json`` prints: programs read them, so none is renamed or left out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import argosy
from argosy.cli.documents import CACHE_KEYS, RUN_KEYS, VERSION_KEYS
from tests.unit.cli.conftest import CommandLine

VERSION = [
    "name",
    "version",
    "id",
    "project",
    "format",
    "data_type",
    "materializer",
    "kind",
    "description",
    "size_bytes",
    "file_count",
    "content_digest",
    "created",
    "aliases",
    "tags",
    "metadata",
    "producer",
]
PRODUCER = ["pipeline", "step", "output", "run_id", "step_run_id", "attempt"]
RUN = [
    "name",
    "id",
    "project",
    "pipeline",
    "status",
    "cancel_requested",
    "started",
    "ended",
    "seconds",
    "parameters",
    "resumed",
    "error",
]
STEP = [
    "invocation",
    "id",
    "step",
    "status",
    "started",
    "ended",
    "seconds",
    "parameters",
    "inputs",
    "outputs",
    "saved",
    "loaded",
    "cached_from",
    "cache_miss",
    "upstream",
    "metadata",
    "attempt",
    "attempts",
    "error",
]
CACHE = ["id", "run", "run_id", "pipeline", "step", "invocation", "cache_key", "ended", "hit_count", "size_bytes"]


@argosy.step
def double(number: int) -> int:
    return number * 2


@argosy.pipeline
def doubling(number: int = 2) -> None:
    double(double(number))


def test_a_version(typed: CommandLine) -> None:
    run = doubling()
    document = typed.document("artifact", "show", run.steps["double"].output.id)
    assert list(document) == [*VERSION, "files"]
    assert list(document["producer"]) == PRODUCER
    assert list(document["files"][0]) == ["path", "size_bytes", "digest"]
    assert list(typed.document("artifact", "list", "--versions")[0]) == VERSION
    assert list(typed.document("artifact", "list", "--all")[0]) == [*VERSION, "version_count"]


def test_a_run_and_its_steps(typed: CommandLine) -> None:
    name = doubling().name
    document = typed.document("run", "show", name)
    assert list(document) == [*RUN, "steps"]
    assert list(document["steps"][0]) == STEP
    assert list(document["steps"][1]["inputs"]["number"]) == ["name", "version", "id"]
    assert list(typed.document("run", "list")[0]) == RUN


def test_what_may_be_reused(typed: CommandLine) -> None:
    doubling()
    assert list(typed.document("cache", "list")[0]) == CACHE


def test_columns_are_checked_against_the_keys_that_are_printed() -> None:
    assert (tuple(VERSION), tuple(RUN), tuple(CACHE)) == (VERSION_KEYS, RUN_KEYS, CACHE_KEYS)


def test_what_was_put_got_and_deleted(typed: CommandLine) -> None:
    Path("file.txt").write_text("text")
    assert list(typed.document("artifact", "put", "file.txt", "--name", "file")) == [*VERSION, "files"]
    assert list(typed.document("artifact", "tag", "file", "gold")) == [*VERSION, "files"]
    assert list(typed.document("artifact", "get", "file", "-d", "got")) == ["name", "version", "directory", "files"]
    pruned = typed.document("artifact", "prune", "--name", "file", "--dry-run")
    counts = ["version_count", "size_bytes", "used_count", "aliased_count"]
    assert list(pruned) == [*counts, "versions", "deleted"]
    assert list(pruned["versions"][0]) == VERSION
    assert list(typed.document("artifact", "delete", "file", "-v", "1", "--yes")) == ["name", "version", "id"]


def test_why_a_step_was_not_cached_and_what_is_evicted(typed: CommandLine) -> None:
    name = doubling().name
    explained = typed.document("cache", "explain", name, "double")
    keys = ["run", "step", "status", "reasons", "sentences", "earlier_run", "earlier_id", "differences"]
    assert list(explained) == keys
    evicted = typed.document("cache", "evict", "--all", "--yes")
    assert (list(evicted), list(evicted["entries"][0])) == (["entries", "evicted"], CACHE)


LOG = ["step", "attempt", "time", "source", "level", "logger", "text", "dropped_lines"]
EVENT = ["event", "time", "name", "version", "version_id", "alias", "previous", "tags", "cursor"]


@argosy.step
def talk() -> None:
    print('says "a, b"')


@argosy.pipeline
def talking() -> None:
    talk()


def test_lines_of_a_log_in_each_format(typed: CommandLine) -> None:
    name = talking().name
    documents = typed.document("run", "logs", name)
    assert [(list(line), line["text"]) for line in documents] == [(LOG, 'says "a, b"')]
    assert [json.loads(line) for line in typed("run", "logs", name, "-o", "jsonl").stdout.splitlines()] == documents
    heading, row = csv.reader(io.StringIO(typed("run", "logs", name, "-o", "csv").stdout))
    assert (heading, row[heading.index("text")]) == (LOG, 'says "a, b"')


def test_events_in_each_format(typed: CommandLine) -> None:
    with argosy.watch_artifacts("number") as events:
        for number in (1, 2):
            argosy.save_artifact(number, "number")
        cursor = next(events).cursor
    command = ["artifact", "watch", "number", "--cursor", cursor, "--timeout", "0.2", "-o"]
    [line] = typed(*command, "json").stdout.splitlines()
    assert typed(*command, "jsonl").stdout == f"{line}\n"
    assert (list(json.loads(line)), json.loads(line)["version"]) == (EVENT, "2")
    heading, row = csv.reader(io.StringIO(typed(*command, "csv").stdout))
    assert (heading, row[:4:2]) == (EVENT, ["version_created", "number"])

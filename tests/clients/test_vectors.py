"""Each client against the vectors of ``protos/testdata``: its program runs most, a scripted store plays the rest."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Programs
from tests.clients.languages import LANGUAGES, OTHERS, REFUSED, ROOT, Ended, Program
from tests.clients.scripted_store import Play, ScriptedStore

VECTORS = ROOT / "protos/testdata"
OF_CLIENTS = [
    ("digests", "contents"),
    ("errors", "vectors"),
    ("json", "vectors"),
    ("names", "addresses"),
    ("names", "local_paths"),
    ("names", "projects"),
    ("npy", "vectors"),
]
"""What the program of each client runs; the other lists are rules of the service, or for who parses digests."""
AT_ONCE = 8
"""Most vectors wait; what is more would only keep a busy machine from starting programs."""
WORDS = {
    "UNAVAILABLE": {"UNAVAILABLE", "Unavailable"},
    "CORRUPT": {"CORRUPT", "CorruptDataError", "DataLoss"},
}
"""What the programs call an error that no server gave a reason for."""


def vectors(file: str, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VECTORS / file).read_text())[member]
    return found


def result_of(done: Ended, expected: str) -> str:
    """Return the result of a transfer in the words of the vectors."""
    if done.code == 0:
        return "done"
    assert done.code == REFUSED, done
    return expected if done.error in WORDS.get(expected, {expected}) else done.error


def play_all(
    program: Program, command: str, plays: dict[str, Play], words: dict[str, list[str | Path]]
) -> dict[str, Ended]:
    """Run a command in each project, several at once."""
    store = ScriptedStore(plays)  # type: ignore[abstract]  # calls that no vector has stay unimplemented
    with store, ThreadPoolExecutor(AT_ONCE) as runs:
        running = {
            project: runs.submit(program.run, store.address, command, *words[project], project=project)
            for project in plays
        }
        return {project: run.result() for project, run in running.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_client_passes_the_conformance_vectors(language: str, programs: Programs, server: str) -> None:
    passed = programs(language).result(server, "vectors", VECTORS)
    assert passed["passed"] >= sum(len(vectors(f"{file}.json", member)) for file, member in OF_CLIENTS)


@pytest.mark.parametrize(("command", "member"), [("upload", "uploads"), ("download", "downloads")])
@pytest.mark.parametrize("language", OTHERS)
def test_transfers_that_break_go_on_as_the_vectors_say(
    language: str, command: str, member: str, programs: Programs, tmp_path: Path
) -> None:
    plays = {f"{command}-{number}": Play(vector) for number, vector in enumerate(vectors("resume.json", member))}
    files = {project: tmp_path / project for project in plays}
    if command == "upload":
        for project, play in plays.items():
            files[project].write_bytes(play.content)
    words: dict[str, list[str | Path]] = {project: ["vector", path] for project, path in files.items()}
    for project, done in play_all(programs(language), command, plays, words).items():
        result = result_of(done, plays[project].vector["result"])
        plays[project].finish(result)
        if command == "download":
            found = files[project].read_bytes() if files[project].exists() else None
            assert found == (plays[project].content if result == "done" else None)


@pytest.mark.parametrize("language", OTHERS)
def test_lists_come_from_pages_as_the_vectors_say(language: str, programs: Programs) -> None:
    plays = {f"pages-{number}": Play(vector) for number, vector in enumerate(vectors("page_tokens.json", "vectors"))}
    done = play_all(programs(language), "list", plays, {project: [] for project in plays})
    for project, play in plays.items():
        assert done[project].code == 0, done[project]
        play.finish(done[project].lines[-1]["names"])

"""How long commands take, the whole process, in a store with a hundred versions and some runs."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

from bench.child import ask, environment, seconds_of
from bench.result import Effort, Result
from bench.running_server import serving

ARGOSY = str(Path(sys.executable).with_name("argosy"))
EMBEDDED = (
    "--help",
    "artifact list",
    "artifact show small",
    "artifact diff small@1 small@2",
    "artifact preview small",
    "artifact lineage small",
    "run list",
    "run show {run}",
    "run logs {run}",
    "run graph {run}",
    "run compare {run} {run}",
    "pipeline list",
    "pipeline show {pipeline}",
    "pipeline run bench.nothing:nothing",
    "cache list",
    "config show",
    "doctor",
    "version",
    "completion bash",
)
BAR_SECONDS = 0.7


def measure(effort: Effort) -> list[Result]:
    """Run each command embedded, and the one people type most also against a server."""
    with tempfile.TemporaryDirectory() as scratch:
        env = environment(Path(scratch, "home"))
        ask("bench.small_objects", env=env)
        names = ask("bench.nothing", env=env)
        results = [
            _result(
                f"argosy {words.format(run='RUN', pipeline='PIPELINE')}, embedded", words.format(**names), effort, env
            )
            for words in EMBEDDED[: effort.commands]
        ]
        with serving(Path(scratch, "data")) as server:
            remote = environment(Path(scratch, "client"), server.url)
            ask("bench.small_objects", env=remote)
            results.append(_result("argosy artifact list, server", "artifact list", effort, remote))
    return results


def _result(name: str, words: str, effort: Effort, env: dict[str, str]) -> Result:
    command = [ARGOSY, *shlex.split(words)]
    seconds_of(command, env)
    return Result(name, [seconds_of(command, env) for _ in range(effort.rounds)], "s", BAR_SECONDS)

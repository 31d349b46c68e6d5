"""The clients under test: how each is compiled, once for all workers, and how its conformance program is run."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
GO, TYPESCRIPT, JAVA = ROOT / "clients/go", ROOT / "clients/typescript", ROOT / "clients/java"
REFUSED = 3
"""Exit code of a program that was told of an Argosy error."""
PATIENCE = 120.0
BUILD_PATIENCE = 540.0
SETTINGS = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}


@dataclass(frozen=True)
class Language:
    """A client.

    Attributes:
        name: the language.
        folder: where its sources are.
        build: commands, run there once, that compile it; ``{built}`` stands for a folder for what they make.
        program: the words that start its conformance program.
    """

    name: str
    folder: Path
    program: tuple[str, ...]
    build: tuple[tuple[str, ...], ...] = ()


LANGUAGES = {
    language.name: language
    for language in (
        Language("python", ROOT, (sys.executable, "-m", "tests.clients.conformance")),
        Language(
            "go",
            GO,
            ("{built}/conformance",),
            (("go", "build", "-C", "cmd/conformance", "-o", "{built}/conformance", "."),),
        ),
        Language("typescript", TYPESCRIPT, ("node", "dist/conformance.js"), (("npm", "run", "build"),)),
        Language("java", JAVA, ("./conformance",), (("mvn", "-q", "-B", "-DskipTests", "package"),)),
    )
}
# All, unless somebody who works on one of them says which: `ARGOSY_TEST_CLIENTS=go make test-clients`.
CHOSEN = os.environ.get("ARGOSY_TEST_CLIENTS", "go,typescript,java").split(",")
LANGUAGES = {name: language for name, language in LANGUAGES.items() if name in ["python", *CHOSEN]}
OTHERS = [name for name in LANGUAGES if name != "python"]


@dataclass
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code.
        lines: what it printed, each line a JSON document.
        errors: what it printed for people.
    """

    code: int
    lines: list[dict[str, Any]]
    errors: str = field(repr=False)

    @property
    def error(self) -> str:
        """The reason of the Argosy error that ended it."""
        assert self.code == REFUSED, f"ended with {self.code}: {self.lines} {self.errors[-2000:]}"
        return str(self.lines[-1]["error"])


@dataclass(frozen=True)
class Program:
    """The conformance program of a language, ready to run against any server."""

    language: str
    command: tuple[str, ...]
    folder: Path

    def run(self, server: str, *arguments: str | Path, project: str = "default") -> Ended:
        """Run a command to its end, whatever that is."""
        with self.running(server, *arguments, project=project) as process:
            return ended(process)

    def result(self, server: str, *arguments: str | Path, project: str = "default") -> dict[str, Any]:
        """Run a command that ends well; return the last line it printed.

        Python's runs in this process: starting one for each of hundreds of commands would take most of the time.
        """
        is_here = self.language == "python"
        done = _run_here(server, project, arguments) if is_here else self.run(server, *arguments, project=project)
        assert done.code == 0, (
            f"{self.language} {' '.join(map(str, arguments))}: {done.code} {done.lines} {done.errors[-3000:]}"
        )
        return done.lines[-1]

    @contextmanager
    def running(self, server: str, *arguments: str | Path, project: str = "default") -> Iterator[subprocess.Popen[str]]:
        """Start a command; what still runs behind the block is killed."""
        with subprocess.Popen(
            [*self.command, *map(str, arguments)],
            cwd=self.folder,
            # A busy machine starts programs and answers late; no test is about when a first answer is given up.
            env={**SETTINGS, "ARGOSY_SERVER": server, "ARGOSY_PROJECT": project, "ARGOSY_CONNECT_TIMEOUT": "60"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def _run_here(server: str, project: str, arguments: Sequence[str | Path]) -> Ended:
    """Run a command of Python's program as a function."""
    from tests.clients import conformance

    printed = io.StringIO()
    settings = {"ARGOSY_SERVER": server, "ARGOSY_PROJECT": project}
    with mock.patch.dict(os.environ, settings), contextlib.redirect_stdout(printed):
        code = conformance.main([str(word) for word in arguments])
    return Ended(code, lines_of(printed.getvalue()), "")


def lines_of(printed: str) -> list[dict[str, Any]]:
    """Return the documents a program printed, one a line; a name in them may hold other ends of lines (U+2028)."""
    return [json.loads(line) for line in printed.split("\n") if line]


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait until a program ends, and return how."""
    output, errors = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, lines_of(output), errors)


def build(language: Language, folder: Path) -> Program:
    """Compile a client unless another worker has; ``folder`` is the same for all of them."""
    built = folder / language.name
    built.mkdir(exist_ok=True)
    stamp = built / "complete"
    with (built / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            for command in language.build:
                run(_placed(command, built), language.folder)
            stamp.touch()
    return Program(language.name, _placed(language.program, built), language.folder)


def run(command: Sequence[str | Path], folder: Path, settings: Mapping[str, str] = SETTINGS) -> str:
    """Run a command to its success and return what it printed."""
    done = subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, timeout=BUILD_PATIENCE, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _placed(command: tuple[str, ...], built: Path) -> tuple[str, ...]:
    return tuple(word.format(built=built) for word in command)

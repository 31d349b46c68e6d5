"""Fresh processes to measure in, with byte-code compiled and nothing of the user's settings."""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def compile_sources() -> None:
    """Compile what the children import, so that the first of them does not pay for it."""
    for folder in ("pyclient", "service", "bench"):
        compileall.compile_dir(str(ROOT / folder), quiet=2)


def environment(home: Path, server: str = "") -> dict[str, str]:
    """Return the environment of a child that works on the store in ``home`` or behind ``server``."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ARGOSY_", "PYTHONDONTWRITE"))}
    return {**kept, "ARGOSY_HOME": str(home), **({"ARGOSY_SERVER": server} if server else {})}


def seconds_of(command: list[str], env: dict[str, str]) -> float:
    """Run a command to its end and return the seconds it took.

    Raises:
        subprocess.CalledProcessError: it failed; what it said is printed first.
    """
    started = time.perf_counter()
    _run(command, env)
    return time.perf_counter() - started


def ask(module: str, *arguments: str, env: dict[str, str]) -> dict[str, Any]:
    """Run ``python -m module`` and return the JSON object of its last line.

    Raises:
        subprocess.CalledProcessError: it failed; what it said is printed first.
    """
    output = _run([sys.executable, "-m", module, *arguments], env)
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        done.check_returncode()
    return done.stdout

"""Programs whose runs are looked at on a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.terminal import DRAWN, Shown, run_on_terminal

Look = Callable[[str, "subprocess.Popen[bytes]"], object]

BIN = str(Path(sys.executable).parent)
HEAD = """
import logging, os, subprocess, sys, time
import argosy
from argosy import pipeline, step
"""
UNTIL_SEEN = """
def until_seen(what):
    while os.path.exists("somebody looks") and not os.path.exists(f"{what} is seen"):
        time.sleep(0.01)
"""
"""For steps that have to be on a drawing, which comes sooner or later; see :func:`looking`."""
TRAINING = (
    HEAD
    + UNTIL_SEEN
    + """
logging.basicConfig(format="%(message)s")

@step
def load(count: int) -> list[int]:
    print("loading", count)
    time.sleep(0.3)
    until_seen("load")
    return list(range(count))

@step
def train(number: int) -> int:
    print(f"training {number}")
    time.sleep(0.1)
    until_seen("train")
    return number

@step
def report(numbers: list[int]) -> int:
    print("half a ", end="")
    time.sleep(0.3)
    print("line")
    logging.warning("logged one")
    logging.warning("logged two")
    return sum(numbers)

@pipeline
def training(count: int = 3) -> None:
    report(train.map(load(count)))

if __name__ == "__main__":
    training.with_options(run_name="monday", **OPTIONS)(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
"""
)


def write(body: str, **options: object) -> str:
    Path("program.py").write_text(body.replace("**OPTIONS", f"**{options!r}"))
    return str(Path("program.py").resolve())


def show(body: str, *arguments: str, meanwhile: Look | None = None, **options: object) -> Shown:
    return run_on_terminal(sys.executable, write(body, **options), *arguments, columns=200, meanwhile=meanwhile)


def looking(**lines: str) -> Look:
    """Return who looks at a terminal of 200 columns and lets a program go on once a drawing has a line like these."""
    Path("somebody looks").touch()
    unseen = dict(lines)

    def look(shown: str, process: subprocess.Popen[bytes]) -> None:
        complete = Shown(0, shown.rpartition(DRAWN)[0], 200, 30)
        drawn = {line for picture in complete.pictures() for line in steady(picture)}
        for what, line in list(unseen.items()):
            if any(re.search(line, found) for found in drawn):
                del unseen[what]
                Path(f"{what} is seen").touch()

    return look


def steady(lines: list[str]) -> list[str]:
    """Return lines without how long things took."""
    return [re.sub(r" +\d[\d.]* s", " T", line) for line in lines]

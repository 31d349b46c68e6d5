"""Programs whose runs are looked at on a terminal."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.e2e.terminal import Shown, run_on_terminal

BIN = str(Path(sys.executable).parent)
HEAD = """
import logging, os, subprocess, sys, time
import argosy
from argosy import pipeline, step
"""
TRAINING = (
    HEAD
    + """
logging.basicConfig(format="%(message)s")

@step
def load(count: int) -> list[int]:
    print("loading", count)
    time.sleep(0.3)
    return list(range(count))

@step
def train(number: int) -> int:
    print(f"training {number}")
    time.sleep(0.1)
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


def show(body: str, *arguments: str, **options: object) -> Shown:
    return run_on_terminal(sys.executable, write(body, **options), *arguments, columns=200)


def steady(lines: list[str]) -> list[str]:
    """Return lines without how long things took."""
    return [re.sub(r" +\d[\d.]* s", " T", line) for line in lines]

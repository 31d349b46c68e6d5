"""Runs a command on a terminal of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from tests.e2e.screen import Screen

DRAWN = "\x1b8"
"""How what is drawn below the output ends: the cursor goes back there."""


def on_a_terminal(*command: str) -> str:
    """Run a command whose stderr is a terminal; return what it showed there."""
    shown = run_on_terminal(*command, stdout=subprocess.DEVNULL)
    assert shown.returncode == 0
    return shown.text


@dataclass(frozen=True)
class Shown:
    """What a command did on its terminal.

    Attributes:
        returncode: how it ended.
        text: all that it wrote to the terminal.
        columns: of the terminal.
        rows: of the terminal.
    """

    returncode: int
    text: str
    columns: int
    rows: int

    @property
    def lines(self) -> list[str]:
        """What a person saw at last, from the first line on."""
        return Screen(self.columns, self.rows).write(self.text).lines

    def pictures(self) -> Iterator[list[str]]:
        """Yield what a person saw each time something was drawn."""
        screen = Screen(self.columns, self.rows)
        for piece in self.text.split(DRAWN):
            yield screen.write(f"{piece}{DRAWN}").lines


def run_on_terminal(
    *command: str,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    columns: int = 100,
    rows: int = 30,
    environment: Mapping[str, str] | None = None,
    meanwhile: Callable[[str, subprocess.Popen[bytes]], object] | None = None,
) -> Shown:
    """Run a command whose standard streams are a terminal.

    Args:
        command: the command.
        stdout: where standard output goes instead.
        stderr: where stderr goes instead.
        columns: of the terminal.
        rows: of the terminal.
        environment: variables besides those of this process.
        meanwhile: called with what was shown so far, each time there is more.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    variables = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
    shown = b""
    try:
        with subprocess.Popen(
            command,
            stdout=follower if stdout is None else stdout,
            stderr=follower if stderr is None else stderr,
            env=variables,
        ) as process:
            os.close(follower)
            while process.poll() is None or select.select([leader], [], [], 0)[0]:
                if select.select([leader], [], [], 0.05)[0]:
                    with contextlib.suppress(OSError):  # Linux: the terminal has no writer any more
                        piece = os.read(leader, 65536)
                        shown += piece
                        if meanwhile is not None:
                            meanwhile(shown.decode(errors="replace"), process)
                        continue
                    process.wait()
                    break
        return Shown(process.returncode, shown.decode(), columns, rows)
    finally:
        os.close(leader)

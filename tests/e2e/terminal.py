"""Runs a command on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess


def on_a_terminal(*command: str) -> str:
    """Run a command whose stderr is a terminal; return what it showed there."""
    leader, follower = pty.openpty()
    try:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=follower) as process:
            os.close(follower)
            shown = b""
            while process.poll() is None or select.select([leader], [], [], 0)[0]:
                if select.select([leader], [], [], 0.05)[0]:
                    try:
                        shown += os.read(leader, 65536)
                    except OSError:  # Linux: the terminal has no writer any more
                        break
        assert process.returncode == 0
        return shown.decode()
    finally:
        os.close(leader)

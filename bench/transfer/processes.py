"""Processes that do the work of one client each, and tell what they measured in their last line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from bench.child import ROOT

MEMORY = "/dev/shm"
READY = "ready"
PATIENCE = 600
"""Seconds after which a client is taken for stuck."""


def files_in_memory(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which temporary files lie in memory, where the system has a place for them.

    A disk on which many files were removed just before may take a second for a thousand new ones, whoever makes them.
    """
    return {**env, "TMPDIR": MEMORY} if os.path.isdir(MEMORY) else dict(env)


class Client:
    """A client process; started at once."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        """Start it."""
        self._command = command
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by stop()
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )

    @classmethod
    def of_argosy(cls, env: Mapping[str, str], *arguments: str) -> Client:
        """Start :mod:`bench.transfer.argosy_client`."""
        return cls([sys.executable, "-m", "bench.transfer.argosy_client", *arguments], env)

    def until_ready(self) -> None:
        """Wait for the line that says that only the timed work is left.

        Raises:
            subprocess.CalledProcessError: it ended before.
        """
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.strip() == READY:
                return
        self.answer()

    def go(self) -> None:
        """Let it do the timed work."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return what it measured.

        Raises:
            subprocess.CalledProcessError: it failed, or was stuck.
        """
        try:
            output, _ = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.stop()
            raise subprocess.CalledProcessError(1, self._command, "", f"stuck for {PATIENCE} s") from None
        except BaseException:  # the bench itself is stopped
            self.stop()
            raise
        self._stderr.seek(0)
        said = self._stderr.read()
        self._stderr.close()
        if self._process.returncode or not output.strip():
            raise subprocess.CalledProcessError(self._process.returncode, self._command, output, said)
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer

    def stop(self) -> None:
        """End it, whatever it does; nothing happens when it has ended."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

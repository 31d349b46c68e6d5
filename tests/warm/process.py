"""Real processes of Python programs, without the time it takes to import what they need.

They are forked by one process that has imported it all, see :mod:`tests.warm.launcher`. A forked process has an
environment, streams, signals and an end of its own, as any other: tests that kill it kill a real one. Those of the
commands themselves, of signals and of logs start what is installed all the same.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

READ_ONCE = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GRPC_")
"""How the variables begin that are looked at when a process starts or imports something, and never again."""
PROGRAMS = tuple(str(Path(sys.executable).with_name(name)) for name in ("argosy", "argosy-server"))
LAUNCHER = Path(__file__).with_name("launcher.py")
START_SECONDS = 60.0


class Launcher:
    """The process that forks, which ends with this one, and all that it forked with it."""

    def __init__(self) -> None:
        self.environment = dict(os.environ)
        self._control, its_end = socket.socketpair()
        self._lock = Lock()
        # Both are looked at when gRPC and numpy are imported: servers set the one, the other would start threads.
        imports = {"GRPC_VERBOSITY": "NONE", "OPENBLAS_NUM_THREADS": "1"}
        with its_end:
            self._process = subprocess.Popen(
                [sys.executable, str(LAUNCHER), str(its_end.fileno())],
                # What is forked has other streams, which shall not be taken for files that have a position.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[its_end.fileno()],
                env={**self.environment, **imports},
            )
        atexit.register(self.close)

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """Return the id of a process that does what is requested."""
        text = json.dumps(request).encode()
        pid = 0
        with self._lock, suppress(ConnectionError):
            socket.send_fds(self._control, [len(text).to_bytes(4, "big")], descriptors)
            self._control.sendall(text)
            pid = int.from_bytes(self._control.recv(4), "big")
        assert pid, f"the launcher has ended: {self._process.communicate()[1].decode()}"
        return pid

    def close(self) -> None:
        """End it, and return once it has ended."""
        self._control.close()
        self._process.communicate(timeout=START_SECONDS)


@cache
def launcher() -> Launcher:
    """Return the one of this process."""
    return Launcher()


class WarmProcess(subprocess.Popen[Any]):
    """A ``Popen`` whose process is forked if it runs a Python program, unless it is told how Python shall start."""

    _ended = -1
    """Where the launcher writes how the process ended; -1 if the process is a child of this one."""

    def _execute_child(
        self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any, env: Any,
        startupinfo: Any, creationflags: Any, shell: Any, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int,
        errread: int, errwrite: int, *others: Any,
    ) -> None:  # fmt: skip
        environment = dict(os.environ if env is None else env)
        words = [] if shell else [os.fsdecode(word) for word in args]
        command = _python_command(words)
        if not command or preexec_fn or pass_fds or _starts_otherwise(environment):
            super()._execute_child(  # type: ignore[misc]  # the one method that starts, whatever is asked for
                args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
                p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *others,
            )  # fmt: skip
            return
        streams = [given if given != -1 else own for own, given in enumerate((p2cread, c2pwrite, errwrite))]
        self._ended, told = os.pipe()
        try:
            request = {"command": command, "environment": environment, "folder": os.fspath(cwd or Path.cwd())}
            self.pid = launcher().fork(request, [*streams, told])
        finally:
            os.close(told)
            self._close_pipe_fds(  # type: ignore[attr-defined]
                p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite
            )

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._ended == -1:
            return super()._try_wait(wait_flags)  # type: ignore[misc, no-any-return]
        if not select.select([self._ended], [], [], 0 if wait_flags & os.WNOHANG else None)[0]:
            return 0, 0
        status = os.read(self._ended, 4)
        os.close(self._ended)
        assert status, "the launcher has ended"
        return self.pid, int.from_bytes(status, "big")

    def _internal_poll(self, *states: Any, **more: Any) -> int | None:
        if self._ended == -1:
            return super()._internal_poll(*states, **more)  # type: ignore[misc, no-any-return]
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


def run(command: list[Any], timeout: float | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it said, as ``subprocess.run`` with ``capture_output`` does."""
    with WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            out, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def _python_command(words: list[str]) -> list[str]:
    """Return what follows ``python`` on the command line of a program; nothing if it is something else."""
    if words and words[0] in PROGRAMS:
        return words
    if len(words) > 1 and words[0] == sys.executable and (words[1] == "-m" or words[1][0] != "-"):
        return words[1:]
    return []


def _starts_otherwise(environment: dict[str, str]) -> bool:
    def read_once(variables: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if name.startswith(READ_ONCE)}

    return read_once(environment) != read_once(launcher().environment)

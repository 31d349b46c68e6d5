"""A store for one test: what it saves goes there, and no setting of a machine or person takes part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from argosy.config import resolve
from argosy.errors import PreconditionError
from argosy.sdk.client import Client
from argosy.testing.server_switch import ServerSwitch, SwitchedChannel
from argosy.transport.channels.open_channel import put_around_channels
from argosy.transport.connection import disconnect_all

_SETTINGS = {
    # The environment wins over pyproject.toml, so that each setting which may stand there is said here.
    "ARGOSY_PROJECT": "default",
    "ARGOSY_CACHE": "true",
    "ARGOSY_QUIET": "false",
    "ARGOSY_CAPTURE_LOGS": "true",
    "ARGOSY_REFERENCE_SCHEMES": "file",
    "ARGOSY_CONNECT_TIMEOUT": "4",
    "ARGOSY_UNARY_DEADLINE": "30",
    "ARGOSY_IDLE_TIMEOUT": "60",
    "ARGOSY_TRANSFER_STREAMS": "1",
    "ARGOSY_SIGNED_TRANSFERS": "auto",
}


@dataclass(frozen=True)
class IsolatedProject:
    """Where a test works; made by :func:`isolated_project`, and by the fixture ``argosy_project``.

    Attributes:
        home: directory of its embedded store.
    """

    home: Path
    _switch: ServerSwitch = field(default_factory=ServerSwitch, repr=False)

    @property
    def client(self) -> Client:
        """A client of the store, as programs get it by the settings that hold now."""
        return Client()

    def server_away(self, *, after: int = 0) -> contextlib.AbstractContextManager[None]:
        """Let the server be away in a ``with`` block: calls fail with ``UnavailableError``, those under way, too.

        Nothing above the channel knows of it: what repeats calls repeats them, and what waits waits. An embedded store
        and a server that ``ARGOSY_SERVER`` names are the same here; asyncio clients of a server, and steps in other
        processes, still reach it.

        Args:
            after: so many calls pass before it goes away.

        Raises:
            ValueError: it is away already, or ``after`` is negative; raised where the block begins.
        """
        return self._switch.away(after=after)


_active: list[IsolatedProject] = []


@contextlib.contextmanager
def isolated_project(directory: str | os.PathLike[str]) -> Iterator[IsolatedProject]:
    """Work with an empty embedded store below ``directory`` in the block, whatever the machine is set up for.

    All ``ARGOSY_`` variables are put away until the block ends, and the defaults hold; child processes get the same.
    Only ``allow_pickle`` of the project's own ``pyproject.toml`` counts: it is a rule of the code. A test that wants a
    server sets ``ARGOSY_SERVER`` in the block.
    """
    project = IsolatedProject(Path(directory).absolute() / "argosy")
    before = _taken_environment()
    os.environ.update(_SETTINGS, ARGOSY_HOME=str(project.home), ARGOSY_SERVER=store_address(project.home))
    disconnect_all()
    around_before = put_around_channels(lambda channel: SwitchedChannel(channel, project._switch))
    _active.append(project)
    try:
        yield project
    finally:
        _active.remove(project)
        disconnect_all()
        put_around_channels(around_before)
        _taken_environment()
        os.environ.update(before)


def store_address(directory: Path) -> str:
    """Return the address of the embedded store in a directory, which the settings of a project do not overrule."""
    return f"embedded://{directory.absolute().as_posix()}"


def variables() -> list[str]:
    """Return the environment variables that an isolated project changes."""
    set_now = {name for name in os.environ if name.startswith("ARGOSY_")}
    return sorted({*_SETTINGS, "ARGOSY_HOME", "ARGOSY_SERVER", *set_now})


def require_isolation(what: str) -> None:
    """Refuse what would write into a store that people use.

    Raises:
        PreconditionError: no project is isolated here.
    """
    if not _active:
        config = resolve()
        raise PreconditionError(
            f"{what} outside of an isolated project would write into {config.server or config.home}; let the test take "
            "the fixture argosy_project, or call it in `with argosy.testing.isolated_project(directory)`"
        )


def _taken_environment() -> dict[str, str]:
    names = [name for name in os.environ if name.startswith("ARGOSY_")]
    return {name: os.environ.pop(name) for name in names}

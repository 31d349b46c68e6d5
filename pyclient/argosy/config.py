"""The settings of the client, and the only place of it that reads the environment.

A setting is taken from the first of these that names it:

1. an argument (``Client(project="fraud")``),
2. the environment (``ARGOSY_PROJECT``),
3. ``[tool.argosy]`` in the nearest ``pyproject.toml`` at or above the working directory,
4. the user's file, ``config.toml`` in the home directory of Argosy,
5. its default.

``allow_pickle`` alone lets 3 win over 2: what a project forbids, a shell does not allow.
"""

from __future__ import annotations

import difflib
import functools
import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from argosy.addresses import is_here, without_secrets
from argosy.errors import ConfigurationError
from argosy.setting_values import (
    Malformed,
    read_directory,
    read_project,
    read_schemes,
    read_seconds,
    read_server,
    read_signed_transfers,
    read_streams,
    read_switch,
)

USER_FILE = "config.toml"
"""Name of the user's file inside the home directory."""

STREAMS_OVER_A_NETWORK = 4
"""One TCP connection over a long way is slower than the way; several are not."""


@dataclass(frozen=True)
class ClientConfig:
    """What the client needs to know; made by :func:`resolve`.

    Attributes:
        server: where the store is (``ARGOSY_SERVER``): ``grpc://host:port``, ``grpcs://host:port``
            (TLS), ``unix:///path``, or ``embedded:///directory`` for a store in this process.
            Several servers of one store as ``grpc://a:1,b:2``, or by a name with several addresses.
            Empty, the default, means embedded in ``home``.
        home: directory of the embedded store, rescued values and the user's file
            (``ARGOSY_HOME``, default ``~/.argosy``).
        project: the namespace to work in (``ARGOSY_PROJECT``, default ``default``).
        allow_pickle: whether values nothing else can keep are pickled, and such values loaded
            (``ARGOSY_ALLOW_PICKLE``; by default true for an embedded store, false for a server).
        cache: whether steps are cached unless they say otherwise (``ARGOSY_CACHE``, default true).
        quiet: print nothing while pipelines run (``ARGOSY_QUIET``, default false).
        capture_logs: whether what steps print and log is kept in the store too
            (``ARGOSY_CAPTURE_LOGS``, default true).
        reference_schemes: which places artifacts may refer to (``ARGOSY_REFERENCE_SCHEMES``, comma
            separated, default ``file``; ``none`` for no place at all); others are read by fsspec.
        connect_timeout: seconds to wait for the first answer of a server
            (``ARGOSY_CONNECT_TIMEOUT``, default 4).
        unary_deadline: seconds a simple call may take (``ARGOSY_UNARY_DEADLINE``, default 30).
        idle_timeout: seconds a transfer may stand still before it is given up
            (``ARGOSY_IDLE_TIMEOUT``, default 60).
        transfer_streams: connections a large file is read over (``ARGOSY_TRANSFER_STREAMS``; by default
            one to a server on this machine, four to others).
        signed_transfers: whether large files go to and come from an object store past a server that
            offers it: ``auto`` or ``off`` (``ARGOSY_SIGNED_TRANSFERS``, default ``auto``).
    """

    server: str
    home: Path
    project: str
    allow_pickle: bool
    cache: bool
    quiet: bool
    capture_logs: bool
    reference_schemes: tuple[str, ...]
    connect_timeout: float
    unary_deadline: float
    idle_timeout: float
    transfer_streams: int
    signed_transfers: str

    @property
    def store_directory(self) -> Path | None:
        """Directory of the embedded store; ``None`` when a server is configured."""
        if not self.server:
            return self.home
        parts = urlsplit(self.server)
        return Path(parts.path) if parts.scheme == "embedded" else None

    @property
    def is_embedded(self) -> bool:
        """Whether the store lives in this process."""
        return self.store_directory is not None


def pickle_cure() -> str:
    """Tell which setting allows pickles: the project's file where it says something, since it wins."""
    file = _surroundings().project_file
    if file is not None and "allow_pickle" in _tool_table(Path(file.path)):
        return f"set allow_pickle = true in {file.path} [tool.argosy]"
    return f"set {_SETTINGS['allow_pickle'][1]}=1"


def resolve(**overrides: Any) -> ClientConfig:
    """Find the settings that hold now.

    Args:
        **overrides: settings by the names of the fields of :class:`ClientConfig`; ``None`` means
            not given.

    Raises:
        ConfigurationError: a value is malformed, a key unknown, or a file unreadable; the message
            names where it comes from.
    """
    arguments = _given(overrides)
    around = _surroundings()
    if arguments:
        sources = _sources(arguments, around)
        return _settle(sources, _home(sources))
    # Every save and load asks, so what was found is kept as long as nothing around it changes.
    home = _usual_home(around)
    return _usual_settings(around, home, _FileState.of(os.path.join(home, USER_FILE)))


class Setting(NamedTuple):
    """One setting, and why it is what it is.

    Attributes:
        name: as in :class:`ClientConfig` and in files.
        variable: its environment variable.
        value: what holds; no secret, for an address with credentials is refused.
        source: what said it: an argument, an environment variable, a file with the key, or ``default``.
    """

    name: str
    variable: str
    value: Any
    source: str


def explain(**overrides: Any) -> list[Setting]:
    """Return every setting that holds now, and where each comes from.

    Args:
        **overrides: as for :func:`resolve`.

    Raises:
        ConfigurationError: as for :func:`resolve`.
    """
    arguments = _given(overrides)
    settings = resolve(**arguments)
    sources = _sources(arguments, _surroundings())
    user = (f"{settings.home / USER_FILE} {{key}}", _user_table(settings.home / USER_FILE))
    found = []
    for key, (_, name, _) in _SETTINGS.items():
        label, _ = _said(key, sources if key == "home" else [*sources, user]) or ("default", None)
        found.append(Setting(key, name, getattr(settings, key), label))
    return found


def check_name(key: str, where: str) -> None:
    """Refuse what is no setting; ``where`` it was given is told.

    Raises:
        ConfigurationError: there is no such setting; the message names those like it, or all.
    """
    _refuse_unknown({key: None}, where)


def checked_value(key: str, value: Any, where: str) -> Any:
    """Return the value of a setting, whose name was checked, as it would hold.

    Args:
        key: the setting.
        value: what was given for it.
        where: what gave it, for messages.

    Raises:
        ConfigurationError: the value is malformed.
    """
    return _pick(key, [(where, {key: value}), ("", {}), ("", {})], None)


def home_of(**overrides: Any) -> Path:
    """Return the directory the user's file is in, whatever else is wrong with the settings.

    Raises:
        ConfigurationError: the directory is malformed, a key is unknown, or a file unreadable.
    """
    return _home(_sources(_given(overrides), _surroundings()))


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {key: value for key, value in overrides.items() if value is not None}
    _refuse_unknown(arguments, "arguments")
    return arguments


@dataclass(frozen=True)
class _FileState:
    """A file as it is now; another state means that it has to be read again."""

    path: str
    mtime_ns: int
    size: int

    @classmethod
    def of(cls, path: str) -> _FileState | None:
        """Look at a file; ``None`` when there is none."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        return cls(path, status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None


@dataclass(frozen=True)
class _Surroundings:
    """All that settings depend on, but arguments and the user's file."""

    environment: tuple[str, ...]
    user_directory: str
    directory: str | None
    project_file: _FileState | None


def _surroundings() -> _Surroundings:
    try:
        directory = os.getcwd()
    except FileNotFoundError:  # it was removed under a program that still runs
        directory = None
    return _Surroundings(
        environment=tuple([os.environ.get(name, "") for _, name, _ in _SETTINGS.values()]),
        user_directory=os.path.expanduser("~"),
        directory=directory,
        project_file=None if directory is None else _nearest_pyproject(directory),
    )


def _nearest_pyproject(directory: str) -> _FileState | None:
    while True:
        found = _FileState.of(os.path.join(directory, "pyproject.toml"))
        parent = os.path.dirname(directory)
        if found is not None or parent == directory:
            return found
        directory = parent


@functools.lru_cache(maxsize=8)
def _usual_home(around: _Surroundings) -> Path:
    return _home(_sources({}, around))


@functools.lru_cache(maxsize=8)
def _usual_settings(around: _Surroundings, home: Path, _user_file: _FileState | None) -> ClientConfig:
    return _settle(_sources({}, around), home)


_Sources = list[tuple[str, Mapping[str, Any]]]


def _sources(arguments: Mapping[str, Any], around: _Surroundings) -> _Sources:
    environment = {key: text.strip() for key, text in zip(_SETTINGS, around.environment, strict=True) if text.strip()}
    file = around.project_file
    return [
        ("argument {key}=", arguments),
        ("environment variable {name}", environment),
        (f"{file.path} [tool.argosy] {{key}}", _tool_table(Path(file.path))) if file else ("", {}),
    ]


def _home(sources: _Sources) -> Path:
    home: Path = _pick("home", sources, Path.home() / ".argosy")
    return home


def _settle(sources: _Sources, home: Path) -> ClientConfig:
    sources = [*sources, (f"{home / USER_FILE} {{key}}", _user_table(home / USER_FILE))]
    found = {key: _pick(key, sources, default) for key, (_, _, default) in _SETTINGS.items() if key != "home"}
    if found["allow_pickle"] is None:
        found["allow_pickle"] = found["server"] == "" or found["server"].startswith("embedded:")
    if found["transfer_streams"] is None:
        found["transfer_streams"] = 1 if is_here(found["server"]) else STREAMS_OVER_A_NETWORK
    return ClientConfig(home=home, **found)


def _said(key: str, sources: _Sources) -> tuple[str, Any] | None:
    """Return what says a setting, and what it says; ``None`` if nothing does."""
    _, name, _ = _SETTINGS[key]
    ordered = [sources[0], sources[2], sources[1], *sources[3:]] if key == "allow_pickle" else sources
    found = ((label.format(key=key, name=name), values[key]) for label, values in ordered if key in values)
    return next(found, None)


def _pick(key: str, sources: _Sources, default: Any) -> Any:
    said = _said(key, sources)
    if said is None:
        return default
    try:
        return _SETTINGS[key][0](said[1])
    except Malformed as rule:
        raise ConfigurationError(f"{said[0]} is {_shown(key, said[1])}; {rule}") from None


def _shown(key: str, value: Any) -> str:
    if key != "server":
        return repr(value)
    return repr(without_secrets(value)) if isinstance(value, str) else f"a {type(value).__name__}"


_SETTINGS: Mapping[str, tuple[Callable[[Any], Any], str, Any]] = {
    "server": (read_server, "ARGOSY_SERVER", ""),
    "home": (read_directory, "ARGOSY_HOME", None),
    "project": (read_project, "ARGOSY_PROJECT", "default"),
    "allow_pickle": (read_switch, "ARGOSY_ALLOW_PICKLE", None),
    "cache": (read_switch, "ARGOSY_CACHE", True),
    "quiet": (read_switch, "ARGOSY_QUIET", False),
    "capture_logs": (read_switch, "ARGOSY_CAPTURE_LOGS", True),
    "reference_schemes": (read_schemes, "ARGOSY_REFERENCE_SCHEMES", ("file",)),
    "connect_timeout": (read_seconds, "ARGOSY_CONNECT_TIMEOUT", 4.0),
    "unary_deadline": (read_seconds, "ARGOSY_UNARY_DEADLINE", 30.0),
    "idle_timeout": (read_seconds, "ARGOSY_IDLE_TIMEOUT", 60.0),
    "transfer_streams": (read_streams, "ARGOSY_TRANSFER_STREAMS", None),
    "signed_transfers": (read_signed_transfers, "ARGOSY_SIGNED_TRANSFERS", "auto"),
}
"""Every setting: its parser, its environment variable, its default (None: worked out in resolve)."""


def _tool_table(path: Path) -> Mapping[str, Any]:
    tool = _read_toml(path).get("tool", {})
    table = tool.get("argosy", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: tool.argosy is not a table; write [tool.argosy] above its settings")
    _refuse_unknown(table, f"{path} [tool.argosy]")
    home = table.get("home")
    if isinstance(home, str) and home:  # a relative one starts where the file lies, wherever the program is started
        return {**table, "home": str(path.parent / Path(home).expanduser())}
    return table


def _user_table(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    table = _read_toml(path)
    if "home" in table:
        raise ConfigurationError(f"{path}: home cannot be set by a file inside it; set ARGOSY_HOME and remove the line")
    _refuse_unknown(table, str(path))
    return table


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
        return _parse_toml(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); make it readable or remove it") from None


@functools.lru_cache(maxsize=16)
def _parse_toml(path: Path, _mtime_ns: int, _size: int) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not a TOML file ({error}); correct it") from None


def _refuse_unknown(values: Mapping[str, Any], where: str) -> None:
    for key in values:
        if key not in _SETTINGS:
            near = difflib.get_close_matches(key, _SETTINGS, n=1)
            cure = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(_SETTINGS)}"
            raise ConfigurationError(f"{where}: unknown setting {key!r}; {cure}")

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
import math
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from argosy.addresses import is_here, parse_server, without_secrets
from argosy.errors import ConfigurationError

USER_FILE = "config.toml"
"""Name of the user's file inside the home directory."""

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+")
MOST_STREAMS = 32
STREAMS_OVER_A_NETWORK = 4
"""One TCP connection over a long way is slower than the way; several are not."""
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


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


class _Malformed(Exception):
    """A value breaks the rule of its setting; the text is the rule."""


def resolve(**overrides: Any) -> ClientConfig:
    """Find the settings that hold now.

    Args:
        **overrides: settings by the names of the fields of :class:`ClientConfig`; ``None`` means
            not given.

    Raises:
        ConfigurationError: a value is malformed, a key unknown, or a file unreadable; the message
            names where it comes from.
    """
    arguments = {key: value for key, value in overrides.items() if value is not None}
    _refuse_unknown(arguments, "arguments")
    around = _surroundings()
    if arguments:
        sources = _sources(arguments, around)
        return _settle(sources, _home(sources))
    # Every save and load asks, so what was found is kept as long as nothing around it changes.
    home = _usual_home(around)
    return _usual_settings(around, home, _FileState.of(os.path.join(home, USER_FILE)))


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


def _pick(key: str, sources: _Sources, default: Any) -> Any:
    parse, name, _ = _SETTINGS[key]
    ordered = [sources[0], sources[2], sources[1], *sources[3:]] if key == "allow_pickle" else sources
    for label, values in ordered:
        if key in values:
            try:
                return parse(values[key])
            except _Malformed as rule:
                where = label.format(key=key, name=name)
                raise ConfigurationError(f"{where} is {_shown(key, values[key])}; {rule}") from None
    return default


def _shown(key: str, value: Any) -> str:
    if key != "server":
        return repr(value)
    return repr(without_secrets(value)) if isinstance(value, str) else f"a {type(value).__name__}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Malformed("write a text")
    return value.strip()


def _server(value: Any) -> str:
    try:
        return parse_server(_text(value))
    except ValueError as rule:
        raise _Malformed(str(rule)) from None


def _directory(value: Any) -> Path:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise _Malformed("write the path of a directory")
    return Path(os.path.abspath(Path(value).expanduser()))


def _project(value: Any) -> str:
    text = _text(value)
    if _PROJECT.fullmatch(text) is None:
        raise _Malformed(
            "a project is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit; rename it"
        )
    return text


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise _Malformed("write true or false")


def _schemes(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise _Malformed("write schemes separated by commas, such as file,s3")
    found = tuple(dict.fromkeys(item.strip().lower() for item in items if item.strip()))
    if found == ("none",):  # an empty variable cannot say so: it counts as not set
        return ()
    if wrong := [item for item in found if _SCHEME.fullmatch(item) is None]:
        raise _Malformed(f"{wrong[0]!r} is no scheme; write for example file,s3")
    return found


def _seconds(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise _Malformed("write a number of seconds above 0")
    return number


def _streams(value: Any) -> int:
    try:
        number = 0 if isinstance(value, (bool, float)) else int(value)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number <= MOST_STREAMS:
        raise _Malformed(f"write a whole number from 1 to {MOST_STREAMS}")
    return number


def _signed_transfers(value: Any) -> str:
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in ("auto", "off"):
        return text
    raise _Malformed("write auto or off")


_SETTINGS: Mapping[str, tuple[Callable[[Any], Any], str, Any]] = {
    "server": (_server, "ARGOSY_SERVER", ""),
    "home": (_directory, "ARGOSY_HOME", None),
    "project": (_project, "ARGOSY_PROJECT", "default"),
    "allow_pickle": (_switch, "ARGOSY_ALLOW_PICKLE", None),
    "cache": (_switch, "ARGOSY_CACHE", True),
    "quiet": (_switch, "ARGOSY_QUIET", False),
    "capture_logs": (_switch, "ARGOSY_CAPTURE_LOGS", True),
    "reference_schemes": (_schemes, "ARGOSY_REFERENCE_SCHEMES", ("file",)),
    "connect_timeout": (_seconds, "ARGOSY_CONNECT_TIMEOUT", 4.0),
    "unary_deadline": (_seconds, "ARGOSY_UNARY_DEADLINE", 30.0),
    "idle_timeout": (_seconds, "ARGOSY_IDLE_TIMEOUT", 60.0),
    "transfer_streams": (_streams, "ARGOSY_TRANSFER_STREAMS", None),
    "signed_transfers": (_signed_transfers, "ARGOSY_SIGNED_TRANSFERS", "auto"),
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

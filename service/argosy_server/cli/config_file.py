"""The file of settings of ``--config``: TOML, whose keys are the names of the options without the dashes before them.

What the command line and the environment say counts more, what no one says is the default.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from argosy_server.cli.output import fail
from argosy_server.config import ConfigError

CONFIG = "config"
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "boolean": ((bool,), "true or false"),
    "int range": ((int,), "a whole number"),
    "float range": ((int, float), "a number"),
}
_TEXT: tuple[tuple[type, ...], str] = ((str,), "a text in quotes")
_FOUND = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


def read_config_file(path: Path, context: typer.Context) -> dict[str, Any]:
    """Return what a file sets, by the names of the parameters of a command.

    Args:
        path: the file.
        context: of the command whose options it may set.

    Raises:
        ConfigError: it cannot be read, or holds what is no setting; the message names the key and what it may be.
    """
    options = {_key(option): option for option in context.command.params if option.name not in (CONFIG, "help")}
    values = {}
    for key, value in _read_toml(path).items():
        option = options.get(key)
        if option is None:
            near = difflib.get_close_matches(key.replace("_", "-"), options, n=1)
            cure = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(options))}"
            raise ConfigError(f"{path}: {key!r} is no setting; {cure}")
        types, expected = _KINDS.get(option.type.name, _TEXT)
        # To Python true is a whole number too.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            found = _FOUND.get(type(value), f"a {type(value).__name__}")
            raise ConfigError(f"{path}: {key} must be {expected}, and is {found}")
        try:
            values[str(option.name)] = option.type.convert(value, option, context)
        except typer.BadParameter as error:
            raise ConfigError(f"{path}: {key}: {error.message}") from None
    return values


def settings_again(context: typer.Context) -> dict[str, Any]:
    """Return all parameters of a command anew, reading its file again; those not from the file stay as they are.

    Raises:
        ConfigError: as for :func:`read_config_file`.
    """
    path = context.params[CONFIG]
    from_file = {} if path is None else read_config_file(path, context)
    values = dict(context.params)
    for option in context.command.params:
        source = context.get_parameter_source(str(option.name))
        if source is None or source.name not in ("DEFAULT", "DEFAULT_MAP"):
            continue
        name = str(option.name)
        values[name] = from_file[name] if name in from_file else option.type_cast_value(context, _default(option))
    return values


def _default(option: Any) -> Any:
    return option.default() if callable(option.default) else option.default


def _key(option: Any) -> str:
    name: str = option.opts[0]
    return name.lstrip("-")


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None


def _use(context: typer.Context, path: Path | None) -> Path | None:
    if path is None:
        return None
    try:
        path = path.expanduser().absolute()
        context.default_map = read_config_file(path, context)
    except (ConfigError, RuntimeError) as error:
        fail(str(error))
    return path


ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it at run time, also in Python 3.10
    typer.Option(
        "--config",
        is_eager=True,
        callback=_use,
        envvar="ARGOSY_SERVER_CONFIG",
        help="TOML file of settings, named as the options here: listen, data, ... The command line and the environment "
        "count more than it does.",
        show_default=False,
    ),
]

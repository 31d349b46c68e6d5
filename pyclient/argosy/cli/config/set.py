"""``argosy config set``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from argosy.cli.output import print_line, print_note
from argosy.cli.rules import empty_problem, following
from argosy.cli.store import store_of


def _settings(incomplete: str) -> list[str]:
    from dataclasses import fields

    from argosy.config import ClientConfig

    return [item.name for item in fields(ClientConfig) if item.name.startswith(incomplete) and item.name != "home"]


def set_config(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The setting, as argosy config show calls it.", autocompletion=_settings)],
    value: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(help="What it shall be.", callback=following(empty_problem)),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Take it out of the file instead.")] = False,
) -> None:
    """Write a setting into config.toml in the home directory.

    Whatever else is in it stays. The environment and the pyproject.toml
    of a project win over it; you are told when one of them does.

    \b
    Examples:
      argosy config set server grpc://host:50051
      argosy config set allow_pickle false
      argosy config set reference_schemes file,s3
      argosy config set server --unset
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy import config
    from argosy.cli.config.file import change_setting
    from argosy.errors import ConfigurationError

    if (value is None) is not unset:
        raise typer.BadParameter("pass the value it shall have, or --unset")
    if name == "home":
        raise typer.BadParameter("home cannot be set by a file inside it; set ARGOSY_HOME, or pass --home")
    store = store_of(context)
    try:
        path = config.home_of(server=store.server, project=store.project, home=store.home) / config.USER_FILE
        config.check_name(name, "config set")
        wanted = None if value is None else config.checked_value(name, value, name)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None
    change_setting(path, name, _plain(wanted))
    print_line(str(path))
    found = next(item for item in store.explained() if item.name == name)
    if value is not None and not found.source.startswith(str(path)):
        print_note(f"it does not hold here: {found.source} says {_plain(found.value)!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):  # no schemes at all have a word of their own
        return list(value) or "none"
    return value

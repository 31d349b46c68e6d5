"""Facts on the command line: ``KEY=VALUE``, the value JSON or else a text."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any

import typer

from argosy.graph.names import text_problem


def read_facts(items: Iterable[str]) -> dict[str, Any]:
    """Return the facts by their keys.

    Raises:
        typer.BadParameter: an item is malformed or no UTF-8, or a key is given twice.
    """
    from argosy.errors import ParameterError
    from argosy.graph.user_metadata import checked_metadata

    found: dict[str, Any] = {}
    for key, value in map(_key_value, items):
        if key in found:
            raise typer.BadParameter(f"{key!r} is given twice; keep one of them", param_hint="'--metadata'")
        found[key] = value
    try:
        return checked_metadata(found)
    except ParameterError as error:
        raise typer.BadParameter(str(error), param_hint="'--metadata'") from None


def texts_instead(items: Iterable[str]) -> list[str]:
    """Return how those of ``KEY=VALUE`` whose value was read as JSON would be typed to mean a text."""
    pairs = [(item.partition("="), _key_value(item)[1]) for item in items]
    return [
        f"--metadata {shlex.quote(f'{key}={json.dumps(text, ensure_ascii=False)}')}"
        for (key, _, text), value in pairs
        if not isinstance(value, str)
    ]


def _key_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE", param_hint="'--metadata'")
    if problem := text_problem(key):
        raise typer.BadParameter(f"key {problem}", param_hint="'--metadata'")
    try:
        return key, json.loads(value, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        return key, value
    except (ValueError, RecursionError) as error:  # a number or a nesting beyond any use
        message = f"{key} is no JSON that can be kept ({error}); save it as an artifact"
        raise typer.BadParameter(message, param_hint="'--metadata'") from None


def _refuse_constant(text: str) -> None:
    raise typer.BadParameter(f"{text} is not JSON; write it as a text: '\"{text}\"'", param_hint="'--metadata'")

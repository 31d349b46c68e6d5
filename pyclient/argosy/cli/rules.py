"""What a text given on the command line must be. typer puts the option's name in front of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer

from argosy.graph.names import alias_problem, id_problem, name_problem, version_problem

Problem = Callable[[str], str | None]
"""Tells what is wrong with a text, as the functions of :mod:`argosy.graph.names` do."""


def following(problem: Problem) -> Callable[[Any], Any]:
    """Return a callback of an option or argument that refuses texts with a problem.

    An option that was passed is never taken for one that was not: a script whose variable is unset passes
    an empty text, and must not get something else than it names.
    """

    def check(value: Any) -> Any:
        for text in value if isinstance(value, list) else [value]:
            if text is not None and (found := problem(text)):
                raise typer.BadParameter(found)
        return value

    return check


def description_problem(text: str) -> str | None:
    """Tell what is wrong with words for people."""
    from argosy.errors import ParameterError
    from argosy.graph.user_metadata import checked_description

    try:
        checked_description(text)
    except ParameterError as error:
        return str(error).removeprefix("description= ")
    return empty_problem(text)


def empty_problem(text: str) -> str | None:
    """Tell whether a text is empty; all that can be wrong with a path."""
    return None if text else "it is empty; give it at least one character"


def name_or_id_problem(text: str) -> str | None:
    """Tell what is wrong with the name, or else the id, of a version or run."""
    return name_problem(text) if id_problem(text) else None


def version_words(text: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield what may be meant by a text that names a version, as name or id, version and alias."""
    name, at, label = text.rpartition("@")
    if at and name_problem(name) is None:
        if version_problem(label) is None:
            yield name, label, None
        if alias_problem(label) is None:
            yield name, None, label
    if name_or_id_problem(text) is None:
        yield text, None, None


def version_words_problem(text: str) -> str | None:
    """Tell what is wrong with a text that is to be NAME, NAME@VERSION, NAME@ALIAS or an id."""
    return name_problem(text) if next(version_words(text), None) is None else None

"""Asking before something is gone: a person is asked, a script has to say it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(question: str, otherwise: str) -> None:
    """Ask a person.

    Args:
        question: what is asked, with its question mark.
        otherwise: what has happened when nobody can be asked, and what to pass, for the message.

    Raises:
        typer.BadParameter: nobody can be asked here.
        typer.Abort: the answer was no.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter(otherwise)
    typer.confirm(question, abort=True, err=True)

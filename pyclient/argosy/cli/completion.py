"""``argosy completion``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from argosy.cli.output import print_line

VARIABLE = "_ARGOSY_COMPLETE"
"""By this variable a shell asks the command what may follow."""


class Shell(str, enum.Enum):
    """The shells there is a script for."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def print_completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell.")],
) -> None:
    """Print the script by which a shell completes commands.

    \b
    Examples:
      argosy completion bash >> ~/.bashrc
      argosy completion zsh >> ~/.zshrc                               after compinit
      argosy completion fish > ~/.config/fish/completions/argosy.fish
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # it is imported there to be used

    print_line(get_completion_script(prog_name="argosy", complete_var=VARIABLE, shell=shell.value))

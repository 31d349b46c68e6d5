"""The command ``argosy``: look into a store, and bring files in and out.

Nothing of the SDK, gRPC or rich is imported before a command needs it, so that ``--help`` and shell
completion answer at once.
"""

from __future__ import annotations

import io
import os
import sys

from argosy.cli.application import app

__all__ = ["app", "main"]

_AS_TYPED = {
    "correct ARGOSY_SERVER": "correct --server or ARGOSY_SERVER",
    "spec.metadata": "--metadata",
    "spec.tags": "--tag",
    "spec.aliases": "--alias",
    "deleted only by force": "deleted only with --force",
}
"""What settings, fields and arguments in the messages of the SDK and the service are called on the command line."""


def main() -> None:
    """Run the command line; a refusal is one line on stderr and exit code 1, bad usage exit code 2."""
    from argosy.errors import ArgosyError

    # The name of a file may be any bytes; they are printed as they are.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        try:
            app(prog_name="argosy")
        finally:
            sys.stdout.flush()  # while a reader that is gone can still be met below
    except ArgosyError as error:
        message = str(error)
        for theirs, ours in _AS_TYPED.items():
            message = message.replace(theirs, ours)
        _fail(message)
    except BrokenPipeError:  # `argosy artifact list | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def _fail(message: str) -> None:
    print(f"argosy: {message}", file=sys.stderr)  # noqa: T201 - telling people is what this module is for
    sys.exit(1)

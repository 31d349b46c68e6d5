"""The command ``argosy``: look into a store, and bring files in and out.

Nothing of the SDK, gRPC or rich is imported before a command needs it, so that ``--help`` and shell
completion answer at once.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from argosy.cli.application import ReaderGoneError, app
from argosy.cli.exit_codes import ExitCode, exit_code_of
from argosy.cli.garbage import collect_seldom

__all__ = ["app", "main"]

_AS_TYPED = {
    "correct ARGOSY_SERVER": "correct --server or ARGOSY_SERVER",
    "spec.metadata": "--metadata",
    "spec.tags": "--tag",
    "spec.aliases": "--alias",
    "deleted only by force": "deleted only with --force",
}
"""What settings, fields and arguments in the messages of the SDK and the service are called on the command line."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; a refusal is one line on stderr. What exit codes mean is in ``exit_codes``.

    Args:
        arguments: the words after ``argosy``; those of this process by default.

    Raises:
        SystemExit: always; its code is that of the command.
    """
    collect_seldom()
    from argosy.errors import ArgosyError

    # The name of a file may be any bytes; they are printed as they are.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        try:
            app(args=arguments, prog_name="argosy")
        finally:
            if sys.stdout is not None:  # None: closed by whoever started this
                sys.stdout.flush()  # while a reader that is gone can still be met below
    except ArgosyError as error:
        message = str(error)
        for theirs, ours in _AS_TYPED.items():
            message = message.replace(theirs, ours)
        _fail(message, exit_code_of(error))
    except (ReaderGoneError, BrokenPipeError):  # `argosy artifact list | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.READER_GONE)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), ExitCode.REFUSED)


def _fail(message: str, code: ExitCode) -> None:
    print(f"argosy: {message}", file=sys.stderr)  # noqa: T201 - telling people is what this module is for
    sys.exit(code)

"""The exit codes of commands, which scripts may rely on: they are told by ``argosy --help``."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """How a command ended."""

    OK = 0
    REFUSED = 1
    WRONG_USE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    RUN_FAILED = 5
    RUN_CANCELLED = 6
    INTERRUPTED = 130
    READER_GONE = 141


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.REFUSED: "refused: the store or the machine says no, or you did",
    ExitCode.WRONG_USE: "wrong use: an option, argument or setting",
    ExitCode.NOT_FOUND: "there is no such artifact, version, alias, run, step or pipeline",
    ExitCode.UNREACHABLE: "the store cannot be reached, or does not answer in time",
    ExitCode.RUN_FAILED: "the run that was started or resumed failed",
    ExitCode.RUN_CANCELLED: "… was cancelled",
    ExitCode.INTERRUPTED: "Ctrl-C",
}
"""In words for people; whoever closes the pipe of a command (141) knows it anyway."""


def exit_code_of(error: BaseException) -> ExitCode:
    """Return how a command ends that an exception of the SDK ended."""
    from argosy import errors

    if isinstance(error, errors.RunCancelledError):
        return ExitCode.RUN_CANCELLED
    if isinstance(error, (errors.NotFoundError, errors.PipelineNotFoundError)):
        return ExitCode.NOT_FOUND
    if isinstance(error, (errors.UnavailableError, errors.DeadlineError)):
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED


def table() -> str:
    """Return the codes and what they mean, one a line."""
    return "\n".join(f"      {code:>3}  {meaning}" for code, meaning in MEANINGS.items())

"""What the exit code of a command tells a script."""

from __future__ import annotations

import pytest

import argosy
from argosy import errors
from argosy.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from tests.unit.cli.conftest import CommandLine


def test_the_codes_stay_what_they_are() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "REFUSED": 1,
        "WRONG_USE": 2,
        "NOT_FOUND": 3,
        "UNREACHABLE": 4,
        "RUN_FAILED": 5,
        "RUN_CANCELLED": 6,
        "INTERRUPTED": 130,
        "READER_GONE": 141,
    }


def test_help_tells_them(typed: CommandLine) -> None:
    text = typed("--help").stdout
    assert [code for code, meaning in MEANINGS.items() if f"{code:>3}  {meaning}\n" not in text] == []


@pytest.mark.parametrize(
    "words",
    [
        ["artifact", "show", "nope"],
        ["artifact", "get", "nope"],
        ["artifact", "lineage", "nope"],
        ["artifact", "show", "here", "--version", "7"],
        ["artifact", "show", "here", "--alias", "prod"],
        ["run", "show", "nope"],
        ["run", "logs", "nope"],
        ["run", "cancel", "nope"],
        ["run", "resume", "nope"],
        ["cache", "explain", "nope", "fit"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_3(typed: CommandLine, words: list[str]) -> None:
    argosy.save_artifact(1, "here")
    assert typed(*words, code=3).stderr.startswith("argosy: ")


def test_a_server_that_does_not_answer_is_4(typed: CommandLine) -> None:
    assert typed("--server", "grpc://127.0.0.1:1", "artifact", "list", code=4).stdout == ""


def test_wrong_use_is_2_and_a_refusal_1(typed: CommandLine) -> None:
    argosy.save_artifact(1, "here", version="1")
    typed("artifact", "list", "--limit", "none", code=2)
    typed("artifact", "put", "pyproject.toml", "--name", "here", "--version", "1", code=1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFoundError("x"), 3),
        (errors.PipelineNotFoundError("x"), 3),
        (errors.UnavailableError("x"), 4),
        (errors.DeadlineError("x"), 4),
        (errors.RunCancelledError("x"), 6),
        (errors.PreconditionError("x"), 1),
        (errors.CorruptDataError("x"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_of_the_sdk_has_a_code(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code

"""What travels to a worker process and back."""

from __future__ import annotations

import io
from typing import Any

from argosy.errors import RemoteStepError
from argosy.execution.running.step_task import Completed, Failed
from argosy.runners.task_pickle import RemoteTraceback, dump_outcome, load_outcome
from argosy.v1.pipeline_pb2 import RunError, StepRun
from argosy.v1.step_calls_pb2 import LoadedInput

DETAILS = RunError(type="module:Kind", message="text", invocation="fit")


class Demanding(Exception):
    """Cannot be made from its text alone."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def brought_back(error: BaseException) -> Failed:
    outcome = load_outcome(dump_outcome(Failed(error, DETAILS)))
    assert isinstance(outcome, Failed)
    return outcome


def raised() -> BaseException:
    try:
        [].pop()
    except IndexError as caught:
        return caught
    raise AssertionError


def test_a_good_end_comes_back_as_it_is() -> None:
    outcome = Completed(StepRun(id="a", invocation="fit"))
    assert load_outcome(dump_outcome(outcome)) == outcome


def test_everything_told_of_a_failure_comes_back() -> None:
    sent = Failed(ValueError("no"), DETAILS, True, (LoadedInput(version_id="v"),), {"loss": "0.5"})
    outcome = load_outcome(dump_outcome(sent))
    assert isinstance(outcome, Failed)
    assert (type(outcome.error), outcome.error.args) == (ValueError, ("no",))
    assert (outcome.details, outcome.may_retry, outcome.loaded, outcome.metadata) == (
        sent.details,
        sent.may_retry,
        sent.loaded,
        sent.metadata,
    )


def test_an_exception_whose_class_asks_for_more_comes_back_with_its_attributes() -> None:
    error = brought_back(Demanding("no", code=7)).error
    assert isinstance(error, Demanding)
    assert (error.args, error.code) == (("no",), 7)


def test_the_place_it_was_raised_at_is_its_cause() -> None:
    cause = brought_back(raised()).error.__cause__
    assert isinstance(cause, RemoteTraceback)
    assert "in raised" in cause.text


def test_an_attribute_that_does_not_travel_is_left_out() -> None:
    sent: Any = ValueError("no")
    sent.stream, sent.code = io.TextIOWrapper(io.BytesIO()), 3
    error = brought_back(sent).error
    assert vars(error) == {"code": 3}


def test_an_os_error_keeps_its_number() -> None:
    error = brought_back(FileNotFoundError(2, "No such file", "a.txt")).error
    assert isinstance(error, FileNotFoundError)
    assert (error.errno, error.filename) == (2, "a.txt")


def test_an_exception_that_refuses_to_travel_is_described() -> None:
    class Local(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("not me")

    error = brought_back(Local("no")).error
    assert (type(error), str(error)) == (RemoteStepError, "module.Kind: text")

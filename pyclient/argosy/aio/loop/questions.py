"""Simple calls on the event loop, by the same code that makes them from threads.

That code asks the store, waits, and goes on with the answer. Here it ends where it would wait; the call is made on the
event loop; and the code runs again from its beginning with the answers so far. Nothing is copied for it, so what it
may be used for has to do the same each time: methods of the typed clients, and what is made of a few of these.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn, TypeVar, cast

import grpc

from argosy.errors import ArgosyError
from argosy.transport.rpc.calls import Calls

R = TypeVar("R")


class Question(BaseException):
    """The code comes to a call whose answer is not there yet."""

    def __init__(self, method: Any, request: Any, timeout: float, wait_for_ready: bool) -> None:
        """Keep what the call needs."""
        super().__init__()
        self.method = method
        self.request = request
        self.timeout = timeout
        self.wait_for_ready = wait_for_ready


class Opening(BaseException):
    """The code comes to a stream, which is read on the event loop."""

    def __init__(self, method: Any, request: Any, calls: Calls) -> None:
        """Keep what the call needs."""
        super().__init__()
        self.method = method
        self.request = request
        self.calls = calls


@dataclass
class _Replay:
    answers: list[Any] = field(default_factory=list)
    given: int = 0


@dataclass(frozen=True)
class AskingCalls(Calls):
    """Calls for typed clients whose methods are run by :meth:`asked`, in one thread."""

    _replay: _Replay = field(default_factory=_Replay)

    def asked(self, code: Callable[[], R]) -> Generator[Question, Any, R]:
        """Run code; yield each question, be sent its answer or the exception that stands for it, return the result."""
        answers: list[Any] = []
        while True:
            self._replay.answers, self._replay.given = answers, 0
            try:
                return code()
            except Question as found:
                question = found
            finally:
                self._replay.answers = []
            answers.append((yield question))

    def unary(self, method: Any, request: Any, deadline: float | None = None, *, wait_for_ready: bool = False) -> Any:
        """Return the answer when it is there.

        Raises:
            Question: it is not.
            ArgosyError: it is an error.
        """
        replay = self._replay
        if replay.given == len(replay.answers):
            raise Question(method, request, self.unary_deadline if deadline is None else deadline, wait_for_ready)
        answer = replay.answers[replay.given]
        replay.given += 1
        if isinstance(answer, ArgosyError):
            raise answer
        return answer

    def opening(self, code: Callable[[], object]) -> Opening:
        """Run code that starts a stream; return what it would start."""
        try:
            code()
        except Opening as found:
            return found
        raise RuntimeError("the code starts no stream; report it")

    def receive(self, method: Any, request: Any) -> NoReturn:
        """Tell which stream to open.

        Raises:
            Opening: always.
        """
        raise Opening(method, request, self)

    def send(self, method: Any, requests: Any) -> NoReturn:
        """Refuse: streams are written by threads."""
        raise NotImplementedError("a stream is no simple call")

    async def call(self, question: Question) -> Any:
        """Make a call on the event loop; return its answer, or the exception that stands for it."""
        try:
            return await question.method(
                question.request, timeout=question.timeout, wait_for_ready=question.wait_for_ready
            )
        except grpc.RpcError as error:
            return self.refusal(error, question.timeout, wait_for_ready=question.wait_for_ready)


def asking(usual: Calls) -> AskingCalls:
    """Return calls for the event loop that are otherwise as ``usual``."""
    return AskingCalls(**{field.name: getattr(usual, field.name) for field in fields(usual)})


async def answered(
    calls: AskingCalls, code: Callable[[], R], answer: Callable[[Question], Awaitable[Any]] | None = None
) -> R:
    """Run code that makes a few simple calls by ``calls``, each on the running event loop.

    Args:
        calls: the calls that the code makes.
        code: has to do the same each time it is run.
        answer: makes one of the calls, where there is more to it than ``calls.call``.

    Raises:
        ArgosyError: what the code raises.
    """
    answer = answer or calls.call
    questions = calls.asked(code)
    try:
        question = next(questions)
        while True:
            question = questions.send(await answer(question))
    except StopIteration as end:
        return cast("R", end.value)

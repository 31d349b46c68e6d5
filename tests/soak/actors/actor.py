"""What all actors have in common: a client, a journal, and what an error says about the call that raised it."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from argosy import (
    AlreadyExistsError,
    Client,
    ConflictError,
    CursorExpiredError,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
)
from tests.soak.journal import Journal, Outcome

REFUSALS = (
    AlreadyExistsError,
    ConflictError,
    CursorExpiredError,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
)
"""Who is told this knows that nothing took place. After everything else it may have, or may yet."""
SIZES = ((60, 50, 6_000), (30, 40_000, 300_000), (10, 1_200_000, 3_000_000))
"""Weight, least and most bytes: in a row of the database, in one request, by an upload of its own."""


@dataclass(frozen=True)
class Assignment:
    """What one life of an actor is told.

    Attributes:
        actor: its name, the same in all of its lives.
        life: how often it was started before.
        project: where it works.
        addresses: the server as the SDK takes it, all replicas in one.
        seed: of all that it chooses.
        operations: how many rounds it makes; 0 means until it is told to stop.
        pause: the most seconds it rests between two.
    """

    actor: str
    life: int
    project: str
    addresses: str
    seed: int
    operations: int
    pause: float


class Refused(Exception):
    """The call of an operation raised; its journal says what."""


class Actor(ABC):
    """Does one kind of thing again and again until it is told to stop."""

    def __init__(self, given: Assignment, journal: Journal, stop: threading.Event) -> None:
        self.given, self.journal, self.stop = given, journal, stop
        self.random = random.Random(f"{given.seed}/{given.actor}/{given.life}")
        self.client = Client(given.addresses, given.project)
        self._values = 0

    @abstractmethod
    def step(self) -> None:
        """Make one round. What it asks for may be refused."""

    def run(self) -> None:
        """Make all rounds."""
        done = 0
        while not self.stop.is_set() and (not self.given.operations or done < self.given.operations):
            try:
                self.step()
            except Refused:
                self.stop.wait(0.05)
            done += 1
            self.stop.wait(self.random.uniform(0, self.given.pause))

    def attempt(self, kind: str, arguments: Mapping[str, Any], call: Callable[[], Mapping[str, Any]]) -> Any:
        """Make a call between the two lines of its operation, and return its result.

        Raises:
            Refused: it raised.
        """
        number = self.journal.invoke(kind, arguments)
        try:
            result = call()
        except Exception as error:
            outcome: Outcome = "fail" if isinstance(error, REFUSALS) else "unknown"
            self.journal.end(number, outcome, error=told(error))
            raise Refused from error
        self.journal.end(number, "ok", result)
        return result

    def tolerate(self, kind: str, arguments: Mapping[str, Any], call: Callable[[], Mapping[str, Any]]) -> Any:
        """Do as :meth:`attempt`, but return ``None`` when the call raised."""
        try:
            return self.attempt(kind, arguments, call)
        except Refused:
            return None

    def new_token(self) -> str:
        """Name a value that nobody else saves."""
        self._values += 1
        return f"{self.given.project}/{self.given.actor}.{self.given.life}/{self._values}"

    def size(self) -> int:
        """Choose how large a value is."""
        ((_, least, most),) = self.random.choices(SIZES, [weight for weight, _, _ in SIZES])
        return self.random.randint(least, most)


def told(error: BaseException) -> str:
    """Return type and text of an error, and of what caused it, on one line."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
    return f"{text} <- {told(error.__cause__)}" if error.__cause__ is not None else text

"""Simple calls that outlast a server which is away for a while: the same message is sent until it comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from argosy.transport.rpc.calls import Calls


@dataclass(frozen=True)
class PatientCalls(Calls):
    """Calls of somebody who has the time to wait; each keeps its request_id, so that it counts once.

    Attributes:
        patience: asked when a call fails: for how many seconds after its beginning it may be repeated.
    """

    patience: Callable[[], float]

    def seconds_to_wait(self, deadline: float | None) -> float:
        """Return for how long after its beginning a call that failed is repeated, whatever its deadline."""
        return self.patience()

"""What a channel to several servers does alike for threads and for event loops: which server a call goes to, and how.

Waiting differs, and so do the calls: see ``replica_channel.py`` here and in ``aio/loop/``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import grpc

from argosy.transport.channels.replicas import Attempts, Replica, Replicas

if TYPE_CHECKING:
    from typing_extensions import Self

MakeMethod = Callable[[Any], Any]
"""Makes a method on a channel to one server."""


class Ways(Protocol):
    """What all lanes to the same servers share.

    Attributes:
        replicas: the servers.
    """

    replicas: Replicas

    def channel(self, replica: Replica, lane: int) -> Any:
        """Return the connection of a lane to a server; every lane but the first has one of its own."""
        ...


W = TypeVar("W", bound=Ways)


class ReplicaLane(Generic[W]):
    """One connection to each server of a list; each call goes to one of those that answer."""

    def __init__(self, ways: W, lane: int = 0, *, sticks: bool = False) -> None:
        """Use some connections; one that ``sticks`` goes on with the server of its last call while that answers."""
        self._ways = ways
        self._lane = lane
        self._sticks = sticks
        self._preferred: Replica | None = None

    def on_one_replica(self) -> Self:
        """Return a channel over the same connections that stays with one server: what it keeps in memory is used."""
        return type(self)(self._ways, self._lane, sticks=True)

    def lanes(self, count: int) -> list[Self]:
        """Return more channels, each over connections of its own."""
        return [type(self)(self._ways, lane) for lane in range(1, count + 1)]

    def other(self, attempts: Attempts) -> Replica | None:
        """Return a server that answers and was not tried; ``None`` when there is none just now."""
        replica = self._ways.replicas.choose(attempts.tried)
        return None if replica in attempts.tried else replica

    def made_on(self, replica: Replica, make: MakeMethod) -> Any:
        """Return a method of a server."""
        return make(self._ways.channel(replica, self._lane))

    def has_others(self, replica: Replica, attempts: Attempts) -> bool:
        """Tell whether there is another server for the call, should this one be away."""
        return self._ways.replicas.has_others(replica, attempts.tried)

    def is_away(self, replica: Replica, error: grpc.RpcError, since: int, *, cut_short: bool = False) -> bool:
        """Tell whether a call ended because its server is away; the next one goes to another then."""
        return self._ways.replicas.is_away(replica, error, since, cut_short=cut_short)

    def other_after(self, error: grpc.RpcError, replica: Replica, since: int, attempts: Attempts) -> Replica | None:
        """Return where a stream may begin anew that ended like this; ``None`` when its server is not away, or alone."""
        if not self.is_away(replica, error, since):
            return None
        attempts.failed(replica, error)
        return self.other(attempts)

    def _chosen(self, replica: Replica) -> Replica:
        """Return the server of a call, and stay with it where that is wanted."""
        if self._sticks:
            self._preferred = replica
        return replica


L = TypeVar("L", bound=ReplicaLane[Any])


class Method(Generic[L]):
    """A method of whichever server; of each it is made when it is first needed."""

    def __init__(self, way: L, make: MakeMethod) -> None:
        """Make it nowhere yet."""
        self._way = way
        self._make = make
        self._made: dict[Replica, Any] = {}

    def on(self, replica: Replica) -> Any:
        """Return the method of a server."""
        made = self._made.get(replica)
        if made is None:
            made = self._made[replica] = self._way.made_on(replica, self._make)
        return made

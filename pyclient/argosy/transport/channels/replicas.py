"""Several servers of one store: which of them answer, and whose turn it is.

A server takes calls once it was greeted, which proves that it serves this store. When a call finds it away, the call is
repeated by another one at once, and it is greeted again until it answers. So a server that is down, or that takes
connections and says nothing, is waited for by nobody but those who greet it. What waits, greets and calls differs
between threads and event loops: see ``replica_channel.py`` here and in ``aio/loop/``, and what both do alike in
``replica_lane.py``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import grpc

from argosy.addresses import addresses_of, host_of, told
from argosy.errors import ArgosyError, ConfigurationError, ServiceError, UnavailableError
from argosy.transport.rpc.error_mapping import to_exception
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse

PATIENCE_SECONDS = 1.5
"""How long a call waits for any server when none answers, before it fails: long enough for one that restarts."""
OTHERS_SECONDS = 0.5
"""How long a first contact waits for the other servers once one has answered."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_FIRST_REST, _LONGEST_REST = 0.25, 8.0
_FIRST_SILENT_REST, _LONGEST_SILENT_REST = 4.0, 60.0
_PASSED_BY_SECONDS = 30.0
"""How long others are preferred to a server that lacked its database or bucket: it takes some seconds to notice."""
_LACKS_STORAGE = "STORAGE_UNAVAILABLE"
_log = logging.getLogger("argosy.transport")


class NoReplicaError(grpc.RpcError):
    """No server answers; shaped as gRPC's own errors are."""

    def __init__(self, details: str) -> None:
        """Tell what is known of each."""
        super().__init__(details)
        self._details = details

    def code(self) -> grpc.StatusCode:
        """Return UNAVAILABLE."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        """Return what is known of each server."""
        return self._details

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return none."""
        return ()


class Replica:
    """One server of several.

    Attributes:
        address: where it is.
        is_ready: whether it takes calls.
        was_greeted: whether a greeting has ended, well or not.
        is_foreign: whether it serves another store.
        store_id: the store it serves, once it has answered.
        trouble: why it took none last, until it answers a call, or begins to.
        rests: how often it was spared without having answered a call in between.
        passed_by_until: until when, by the monotonic clock, others are preferred: what it lacks only some calls need,
            so that neither a greeting nor a call that ends well tells that it has it again.
        is_being_greeted: whether somebody greets it.
        times_ready: how often it began to take calls; how a call ends that was made before tells nothing of it now.
    """

    def __init__(self, address: str) -> None:
        """Know nothing of it yet."""
        self.address = address
        self.is_ready = False
        self.was_greeted = False
        self.is_foreign = False
        self.store_id = ""
        self.trouble: ArgosyError | None = None
        self.rests = 0
        self.passed_by_until = 0.0
        self.is_being_greeted = False
        self.times_ready = 0
        self._greetings = 0

    def next_pause(self) -> float:
        """Return how many seconds to wait before it is greeted again."""
        self._greetings += 1
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._greetings, 10))

    def answered(self) -> None:
        """Say that a call ended well, or with an answer of its own, or that a stream began to bring one."""
        self.rests, self.trouble = 0, None

    def next_rest(self, first: float, longest: float) -> float:
        """Return how many seconds to spare it: it can be reached, so that a greeting does not tell what it lacks."""
        self.rests += 1
        return min(longest, first * 2.0 ** min(self.rests - 1, 10))

    def become_ready(self) -> None:
        """Let it take calls."""
        self.is_ready, self._greetings = True, 0
        self.times_ready += 1


class Replicas:
    """The servers of a list. Threads may share it.

    Attributes:
        server: the list, as ``ClientConfig.server``.
        members: each of them.
        capabilities: what the first that answered announced.
        is_in_use: whether the first contact is over; whoever is found unfit before is told of by its error.
    """

    def __init__(self, server: str, greet_after: Callable[[Replica, float], None]) -> None:
        """Know none yet.

        Args:
            server: the list.
            greet_after: begins to greet a server after so many seconds, and goes on until it takes calls.
        """
        self.server = server
        self.members = [Replica(address) for address in addresses_of(server)]
        self.capabilities: GetCapabilitiesResponse | None = None
        self.is_in_use = False
        self._greet_after = greet_after
        self._lock = threading.Lock()
        self._turn = 0

    def greet_all(self) -> None:
        """Begin to greet each of them."""
        for replica in self.members:
            self._greet(replica, 0.0)

    def choose(self, tried: Collection[Replica], preferred: Replica | None = None) -> Replica | None:
        """Return whose turn it is of those that answer, those not tried first; ``None`` when nobody does."""
        with self._lock:
            now = time.monotonic()
            ready = [replica for replica in self.members if replica.is_ready]
            fresh = [replica for replica in ready if replica not in tried]
            fresh = [replica for replica in fresh if replica.passed_by_until <= now] or fresh
            if preferred in fresh:
                return preferred
            fresh = fresh or ready
            if not fresh:
                return None
            self._turn += 1
            return fresh[self._turn % len(fresh)]

    @property
    def have_ready(self) -> bool:
        """Whether any of them takes calls."""
        return any(replica.is_ready for replica in self.members)

    @property
    def were_all_greeted(self) -> bool:
        """Whether a greeting of each has ended, well or not."""
        return all(replica.was_greeted for replica in self.members)

    def greeted(self, replica: Replica, capabilities: GetCapabilitiesResponse) -> bool:
        """Take a server in that has answered; return whether it takes calls now: not if it serves another store."""
        with self._lock:
            replica.was_greeted, replica.store_id = True, capabilities.store_id
            if self.capabilities is None:
                self.capabilities = capabilities
            is_new = not replica.is_foreign
            replica.is_foreign = capabilities.store_id != self.capabilities.store_id
            if not replica.is_foreign:
                replica.is_being_greeted = False
                replica.become_ready()
                return True
            replica.trouble = ConfigurationError(self._differing())
        if is_new and self.is_in_use:
            _log.warning("%s", replica.trouble)
        return False

    def unanswered(self, replica: Replica, error: ArgosyError) -> None:
        """Note why a greeting failed."""
        if self.is_in_use and isinstance(error, ConfigurationError) and str(error) != str(replica.trouble):
            _log.warning("%s", error)
        replica.was_greeted, replica.trouble = True, error

    def has_others(self, replica: Replica, tried: Collection[Replica]) -> bool:
        """Tell whether there is another server that answers and was not tried."""
        return any(other.is_ready for other in self.members if other is not replica and other not in tried)

    def is_away(self, replica: Replica, error: grpc.RpcError, since: int, *, cut_short: bool = False) -> bool:
        """Tell whether a call ended because its server is away; that one takes no more calls until it answers again.

        Args:
            replica: the server.
            error: how the call ended.
            since: its ``times_ready`` when the call was made.
            cut_short: whether it had less time than it may take, because others may answer it.
        """
        is_silent = cut_short and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        if not is_silent and error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            replica.answered()
            return False
        trouble = to_exception(error, replica.address)
        reason = trouble.reason if isinstance(trouble, ServiceError) else ""
        with self._lock:
            if reason == _LACKS_STORAGE:
                replica.passed_by_until = time.monotonic() + _PASSED_BY_SECONDS
            if replica.times_ready != since:  # it was away and has come back while the call was under way
                return True
            is_first_to_know = replica.is_ready
            replica.is_ready, replica.trouble = False, trouble
            rest = 0.0
            if is_first_to_know and is_silent:
                rest = replica.next_rest(_FIRST_SILENT_REST, _LONGEST_SILENT_REST)
            elif is_first_to_know and reason:
                rest = replica.next_rest(_FIRST_REST, _LONGEST_REST)
        _log.debug("%s is away (%s)", replica.address, trouble)
        self._greet(replica, rest)
        return True

    def none_left(self, last: grpc.RpcError | None = None) -> grpc.RpcError:
        """Return the error of a call that found nobody; ``last`` is how its last attempt ended."""
        told_by_server = None if last is None else to_exception(last, self.server)
        if last is not None and isinstance(told_by_server, ServiceError) and told_by_server.reason:
            return last
        return NoReplicaError(self._troubles())

    def use(self) -> GetCapabilitiesResponse:
        """End a first contact; return what the servers announced.

        Raises:
            UnavailableError: none answers.
            ConfigurationError: they serve different stores, or none of them can be used.
        """
        if any(replica.is_foreign for replica in self.members):
            raise ConfigurationError(self._differing())
        if self.capabilities is None:
            for replica in self.members:
                if isinstance(replica.trouble, ConfigurationError):
                    raise replica.trouble
            raise UnavailableError(
                f"none of the Argosy servers at {told(self.server)} can be reached ({self._troubles()}); "
                "start them with `argosy-server serve`, or correct ARGOSY_SERVER"
            )
        self.is_in_use = True
        return self.capabilities

    def _greet(self, replica: Replica, seconds: float) -> None:
        with self._lock:
            if replica.is_being_greeted:
                return
            replica.is_being_greeted = True
        self._greet_after(replica, seconds)

    def _differing(self) -> str:
        stores = "; ".join(f"{host_of(r.address)} serves store {r.store_id}" for r in self.members if r.store_id)
        return (
            f"the servers at {told(self.server)} serve different stores: {stores}; "
            "correct ARGOSY_SERVER so that it names replicas of one store"
        )

    def _troubles(self) -> str:
        return "; ".join(f"{host_of(r.address)}: {_shortly(r.trouble)}" for r in self.members)


class Attempts:
    """One call on its way from server to server.

    Attributes:
        tried: the servers it was made on.
        last: how its last attempt ended.
    """

    def __init__(self, timeout: float | None, wait_for_ready: bool) -> None:
        """Begin.

        Args:
            timeout: seconds the call may take.
            wait_for_ready: whether it waits so long for a server that answers.
        """
        self.tried: set[Replica] = set()
        self.last: grpc.RpcError | None = None
        self._ends = None if timeout is None else time.monotonic() + timeout
        self._waits = wait_for_ready
        self._waiting_since: float | None = None

    def seconds_to_take(self, cut_short: bool) -> float | None:
        """Return for how long the next attempt may take: half of what is left where another server may answer, too."""
        left = None if self._ends is None else max(0.0, self._ends - time.monotonic())
        return left / 2 if left is not None and cut_short else left

    def seconds_to_wait(self) -> float:
        """Return for how long to wait for a server, when none answers; 0 ends the call."""
        now = time.monotonic()
        if self._waits and self._ends is not None:
            return max(0.0, self._ends - now)
        self._waiting_since = self._waiting_since or now
        patience = self._waiting_since + PATIENCE_SECONDS
        return max(0.0, (patience if self._ends is None else min(patience, self._ends)) - now)

    def may_go_to(self, replica: Replica) -> bool:
        """Tell whether to make the call on a server: again on the same one only while there is patience."""
        return replica not in self.tried or self.seconds_to_wait() > 0

    def failed(self, replica: Replica, error: grpc.RpcError) -> None:
        """Note an attempt that found its server away."""
        self.tried.add(replica)
        self.last = error
        self._waiting_since = self._waiting_since or time.monotonic()


def on_one_replica(channel: Any) -> Any:
    """Return a channel whose calls go to the same server as long as that answers; any other channel as it is."""
    stick = getattr(channel, "on_one_replica", None)
    return channel if stick is None else stick()


def _shortly(trouble: ArgosyError | None) -> str:
    """Return what gRPC says, without the advice around it."""
    if trouble is None:
        return "no answer yet"
    text = str(trouble)
    said = text.partition("cannot be reached (")[2].partition("); start it")[0] or text.partition(";")[0]
    return said.rpartition("remote host: ")[2]

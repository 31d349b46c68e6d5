"""How every RPC is made: deadlines for simple calls, a watchdog for streams, errors translated."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

import grpc

from argosy.errors import ArgosyError, DeadlineError
from argosy.transport.rpc.caller_patience import patience_here
from argosy.transport.rpc.error_mapping import to_exception, unreachable
from argosy.transport.rpc.retry import Backoff, napping, worth_retrying
from argosy.transport.rpc.uninterrupted import uninterrupted
from argosy.transport.rpc.watchdog import Watch, shared_watchdog

Request = TypeVar("Request")
Response = TypeVar("Response")


def new_request_id() -> str:
    """Name a new intention; gRPC repeats the same message, and so the same id, when it retries."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Calls:
    """What the typed clients share.

    Attributes:
        project: sent with every request.
        address: where the calls go, for messages.
        unary_deadline: seconds a simple call may take.
        idle_timeout: seconds a stream may stand still; ``None`` for the embedded store, where
            no network can stall.
    """

    project: str
    address: str
    unary_deadline: float
    idle_timeout: float | None

    def unary(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        deadline: float | None = None,
        *,
        wait_for_ready: bool = False,
    ) -> Response:
        """Make a simple call; the same one again while the store is away, as long as whoever calls can wait.

        Args:
            method: what to call.
            request: the message.
            deadline: seconds it may take, where the usual ones are too many.
            wait_for_ready: whether to wait so long for a server that does not listen, instead of failing at once.

        Raises:
            ArgosyError: as :mod:`argosy.transport.rpc.error_mapping` says.
        """
        began = time.monotonic()
        backoff = Backoff("a call of a run", sys.maxsize, napping)
        while True:
            try:
                return self._unary_once(method, request, deadline, wait_for_ready=wait_for_ready)
            except ArgosyError as error:
                if not worth_retrying(error) or time.monotonic() - began >= self.seconds_to_wait(deadline):
                    raise
                backoff.pause_anyhow(error)

    def seconds_to_wait(self, deadline: float | None) -> float:
        """Return for how long after its beginning a call that failed is repeated, as its ``deadline`` was given."""
        return patience_here() if deadline is None else 0.0

    def _unary_once(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        deadline: float | None,
        *,
        wait_for_ready: bool,
    ) -> Response:
        timeout = self.unary_deadline if deadline is None else deadline
        try:
            if self.idle_timeout is None:  # the store is in this process
                with uninterrupted():
                    return method(request, timeout=timeout, wait_for_ready=wait_for_ready)
            return method(request, timeout=timeout, wait_for_ready=wait_for_ready)
        except grpc.RpcError as error:
            raise self.refusal(error, timeout, wait_for_ready=wait_for_ready) from error.__cause__

    def refusal(self, error: grpc.RpcError, timeout: float, *, wait_for_ready: bool) -> ArgosyError:
        """Return the exception that stands for how a simple call ended."""
        if wait_for_ready and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return unreachable(self.address, f"not within {timeout:g} s")
        return to_exception(error, self.address)

    def receive(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request
    ) -> ReceivingStream[Response]:
        """Start a call whose answer is a stream; errors are raised where it is read."""
        try:
            return ReceivingStream(method(request), self)
        except grpc.RpcError as error:
            raise to_exception(error, self.address) from None

    def send(self, method: grpc.StreamUnaryMultiCallable[Request, Response], requests: Iterable[Request]) -> Response:
        """Send a stream and wait for its answer.

        Raises:
            ArgosyError: as :mod:`argosy.transport.rpc.error_mapping` says.
            Exception: what ``requests`` raises, unchanged.
        """
        outgoing = _Outgoing(requests)
        watch: Watch | None = None
        try:
            if self.idle_timeout is None:
                return method(outgoing)
            call = method.future(outgoing)
            outgoing.cancel = call.cancel
            watch = outgoing.watch = shared_watchdog().start(call.cancel, self.idle_timeout)
            watch.wait()
            try:
                return call.result()
            finally:
                call.cancel()  # changes nothing unless this thread was interrupted
        except (grpc.RpcError, grpc.FutureCancelledError) as error:
            if outgoing.error is not None:
                raise outgoing.error from None
            if watch is not None and watch.expired:
                raise self.stalled() from None
            if isinstance(error, grpc.RpcError):
                raise to_exception(error, self.address) from None
            raise
        finally:
            if watch is not None:
                shared_watchdog().stop(watch)

    def stalled(self) -> DeadlineError:
        """Return the error of a stream that stood still for too long."""
        return DeadlineError(
            f"a transfer with the Argosy server at {self.address} stood still for {self.idle_timeout} s; "
            "try again, or raise ARGOSY_IDLE_TIMEOUT"
        )


class _Outgoing(Iterator[Request]):
    """Requests on their way out: keeps what their source raised, and feeds the watch."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.error: BaseException | None = None
        self.cancel: Callable[[], object] | None = None
        self.watch: Watch | None = None
        self._requests = iter(requests)

    def __next__(self) -> Request:
        if self.watch is not None:
            self.watch.progress()
        try:
            return next(self._requests)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error  # gRPC would report it as UNKNOWN without its cause
            if self.cancel is None:
                raise
            # The caller is told; gRPC would also log it, with a traceback.
            self.cancel()
            raise StopIteration from None
        finally:
            if self.watch is not None:
                self.watch.wait()


class ReceivingStream(Generic[Response]):
    """The messages of a server stream, under watch. Close it when the rest is not wanted."""

    def __init__(self, call: Any, calls: Calls) -> None:
        """Take over a call just started."""
        self._call = call
        self._calls = calls
        self._watch = None
        if calls.idle_timeout is not None:
            self._watch = shared_watchdog().start(call.cancel, calls.idle_timeout)

    def __iter__(self) -> Iterator[Response]:
        return self

    def __next__(self) -> Response:
        watch = self._watch
        if watch is not None:
            watch.wait()
        try:
            message: Response = next(self._call)
        except StopIteration:
            self._release()
            raise
        except grpc.RpcError as error:
            self._release()
            if watch is not None and watch.expired:
                raise self._calls.stalled() from None
            raise to_exception(error, self._calls.address) from None
        if watch is not None:
            watch.progress()
        return message

    def close(self) -> None:
        """Cancel the call if it still runs; closing twice is fine."""
        self._call.cancel()
        self._release()

    def _release(self) -> None:
        if self._watch is not None:
            shared_watchdog().stop(self._watch)

    def __enter__(self) -> ReceivingStream[Response]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

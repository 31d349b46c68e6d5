"""The same servicers without a server: a channel that calls them in this process.

The generated stubs take it for any other channel. Messages are handed over as they are, in the thread of the caller,
without serialization and without gRPC's core; errors are the same statuses with the same details.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias, cast

import grpc

from argosy_server.api.messages.error_status import ErrorStatus, status_of
from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES
from argosy_server.api.messages.refusals import MessageTooLarge
from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import DomainError
from argosy_server.sweeping import OccasionalSweep

HINT = "the cause is attached to this error, please report it"
# Only streams look at theirs: what all others need is in the message.
_NO_CONTEXT = cast("grpc.ServicerContext", None)
Clock: TypeAlias = Callable[[], int]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Metadatum(NamedTuple):
    """One entry of the trailing metadata, as gRPC gives it."""

    key: str
    value: bytes


class EmbeddedRpcError(grpc.RpcError):
    """A status that is not OK, with the methods of the errors of a real channel."""

    def __init__(self, status: ErrorStatus) -> None:
        """Keep the status."""
        super().__init__(f"{status.code.name}: {status.message}")
        self._status = status

    def code(self) -> grpc.StatusCode:
        """Return the code."""
        return self._status.code

    def details(self) -> str:
        """Return the message."""
        return self._status.message

    def initial_metadata(self) -> tuple[Metadatum, ...]:
        """Return nothing: there are no headers in-process."""
        return ()

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return the details as gRPC sends them: one :class:`Metadatum`."""
        return tuple(Metadatum(key, cast("bytes", value)) for key, value in self._status.trailing_metadata)


class EmbeddedCall:
    """What ``with_call`` tells about a call that ended well."""

    def code(self) -> grpc.StatusCode:
        """Return OK."""
        return grpc.StatusCode.OK

    def details(self) -> str:
        """Return nothing."""
        return ""

    def initial_metadata(self) -> tuple[Metadatum, ...]:
        """Return nothing."""
        return ()

    def trailing_metadata(self) -> tuple[Metadatum, ...]:
        """Return nothing."""
        return ()


class EmbeddedStream(EmbeddedCall):
    """The responses of a streaming call, made one by one as they are asked for."""

    def __init__(self, messages: Iterator[Any], context: _StreamContext) -> None:
        """Take what the servicer yields, and the context it looks at."""
        self._messages = messages
        self._context = context
        self._error: EmbeddedRpcError | None = None

    def __iter__(self) -> EmbeddedStream:
        """Return itself."""
        return self

    def __next__(self) -> Any:
        """Return the next response.

        Raises:
            EmbeddedRpcError: the call was refused, or cancelled.
        """
        if self._error is not None:
            raise self._error
        try:
            return next(self._messages)
        except StopIteration:
            if self._error is not None:
                # Cancelled by another thread while this one waited.
                raise self._error from None
            raise
        except Exception as error:
            if self._error is None:
                self._error = _error_of(error)
                raise self._error from _cause(error)
            raise self._error from None

    def cancel(self) -> bool:
        """End the call; what is asked for afterwards, or waited for by another thread, is CANCELLED."""
        if self._error is None:
            self._error = EmbeddedRpcError(
                ErrorStatus(grpc.StatusCode.CANCELLED, "", "Locally cancelled by application!")
            )
            self._context.cancelled = True
            # Another thread that is inside ends it by itself.
            with suppress(ValueError):
                # A generator; servicers return nothing else.
                cast("Any", self._messages).close()
        return True

    def is_active(self) -> bool:
        """Tell whether responses may follow."""
        return self._error is None

    def code(self) -> grpc.StatusCode:
        """Return OK unless an error was raised."""
        return grpc.StatusCode.OK if self._error is None else self._error.code()

    def details(self) -> str:
        """Return the message of the error, if any."""
        return "" if self._error is None else self._error.details()

    def trailing_metadata(self) -> tuple[Metadatum, ...]:
        """Return the details of the error, if any."""
        return () if self._error is None else self._error.trailing_metadata()


class EmbeddedChannel(grpc.Channel):
    """Calls the servicers of one store. Made by :func:`open_channel`; may be used by many threads."""

    def __init__(self, application: Application, sweeper: OccasionalSweep) -> None:
        """Take over the application, to be closed with the channel."""
        recorder = _HandlerRecorder()
        application.register(cast("grpc.Server", recorder))
        self._handlers = recorder.handlers
        self._application = application
        self._sweeper = sweeper
        self._closing = threading.Lock()
        self.closed = False

    def unary_unary(self, method: str, *_: Any, **__: Any) -> Any:
        """Return what calls a method with one request and one response."""
        return _UnaryUnary(self, self._handler(method).unary_unary)

    def unary_stream(self, method: str, *_: Any, **__: Any) -> Any:
        """Return what calls a method with one request and a stream of responses."""
        return _UnaryStream(self, self._handler(method).unary_stream)

    def stream_unary(self, method: str, *_: Any, **__: Any) -> Any:
        """Return what calls a method with a stream of requests and one response."""
        return _StreamUnary(self, self._handler(method).stream_unary)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> NoReturn:
        """Refuse: both directions at once need two threads, and no method of the contract does that."""
        raise NotImplementedError(f"{method}: streams in both directions are not supported in-process; use a server")

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """Tell at once that the channel is ready; it never changes."""
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Do nothing: there is nothing more to tell."""

    def close(self) -> None:
        """Give the database back; later calls raise ``ValueError``. May be called twice."""
        with self._closing:
            if self.closed:
                return
            self.closed = True
        self._sweeper.finish()
        self._application.close()

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __enter__(self) -> EmbeddedChannel:
        """Return itself."""
        return self

    def _handler(self, method: str) -> Handler:
        handler = self._handlers.get(method)
        if handler is None:
            raise NotImplementedError(f"{method} is not answered in-process; this version knows no such method")
        return handler


def open_channel(home: Path, *, durability: str = "process", clock: Clock = time.time_ns) -> EmbeddedChannel:
    """Open the store in a folder, creating both unless they are there. Any number of processes may do so at once.

    Args:
        home: the folder; holds ``metadata.db`` and ``blobs/``.
        durability: ``process`` survives any crash of processes, ``full`` power loss too.
        clock: tells the nanoseconds since 1970.

    Raises:
        EmbeddedRpcError: the folder cannot be created or written, or there is no room; the message says what to do.
        ValueError: the durability is neither of the two.
    """
    if durability not in ("full", "process"):
        raise ValueError(f"durability {durability!r} is not known; use 'full' or 'process'")
    home = home.expanduser().absolute()
    config = StoreConfig(home, durability=cast("Literal['full', 'process']", durability), direct_access=True)
    try:
        application = build(config, clock=clock)
    except DomainError as error:
        raise _error_of(error) from None
    return EmbeddedChannel(application, OccasionalSweep(application, home / "last_sweep"))


class _HandlerRecorder:
    """Takes the place of a server while the generated code adds its handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Ignore them: the same handlers come under their names."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Remember them."""
        self.handlers.update({f"/{service}/{name}": handler for name, handler in handlers.items()})


class _StreamContext:
    """What a stream is told of its call: whether it goes on."""

    def __init__(self, channel: EmbeddedChannel) -> None:
        self._channel = channel
        self.cancelled = False

    def is_active(self) -> bool:
        """Tell whether the call goes on."""
        return not self.cancelled and not self._channel.closed


class _MultiCallable:
    """Calls one method. Timeouts are not needed: nothing here waits for a network."""

    def __init__(self, channel: EmbeddedChannel, behavior: Callable[..., Any] | None) -> None:
        assert behavior is not None
        self._channel = channel
        self._behavior = behavior

    def future(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: there is no thread to run it in."""
        raise NotImplementedError("future() is not supported in-process; call the method in a thread of your own")

    def _check(self, request: Any) -> None:
        if self._channel.closed:
            raise ValueError("Cannot invoke RPC on closed channel!")
        if (size := request.ByteSize()) > MAX_MESSAGE_BYTES:
            raise _error_of(MessageTooLarge(size))


class _UnaryUnary(_MultiCallable):
    def __call__(self, request: Any, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        self._check(request)
        try:
            return self._behavior(request, _NO_CONTEXT)
        except Exception as error:
            raise _error_of(error) from _cause(error)

    def with_call(self, request: Any, *_: Any, **__: Any) -> tuple[Any, EmbeddedCall]:
        """Return the response and what is known of the call."""
        return self(request), EmbeddedCall()


class _UnaryStream(_MultiCallable):
    def __call__(self, request: Any, timeout: float | None = None, *_: Any, **__: Any) -> EmbeddedStream:
        self._check(request)
        context = _StreamContext(self._channel)
        try:
            messages = self._behavior(request, cast("grpc.ServicerContext", context))
        except Exception as error:
            # Told where the stream is read, as gRPC does.
            messages = _refused(error)
        return EmbeddedStream(messages, context)


class _StreamUnary(_MultiCallable):
    def __call__(self, request_iterator: Iterable[Any], timeout: float | None = None, *_: Any, **__: Any) -> Any:
        if self._channel.closed:
            raise ValueError("Cannot invoke RPC on closed channel!")
        source = _Source(request_iterator)
        try:
            return self._behavior(source, cast("grpc.ServicerContext", _StreamContext(self._channel)))
        except Exception as error:
            if source.failure is not None:
                # The caller's own mistake comes back to the caller as it is.
                raise source.failure from source.failure.__cause__
            raise _error_of(error) from _cause(error)

    def with_call(self, request_iterator: Iterable[Any], *_: Any, **__: Any) -> tuple[Any, EmbeddedCall]:
        """Return the response and what is known of the call."""
        return self(request_iterator), EmbeddedCall()


class _Source:
    """The caller's requests; remembers when it was the caller who failed."""

    def __init__(self, requests: Iterable[Any]) -> None:
        self._requests = iter(requests)
        self.failure: BaseException | None = None

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._requests)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise


def _refused(error: Exception) -> Iterator[Any]:
    yield from ()
    raise error


def _error_of(error: Exception) -> EmbeddedRpcError:
    return EmbeddedRpcError(status_of(error, HINT))


def _cause(error: Exception) -> Exception | None:
    """Return what to attach: refusals say all themselves, defects need their traceback."""
    return None if isinstance(error, (DomainError, MessageTooLarge)) else error

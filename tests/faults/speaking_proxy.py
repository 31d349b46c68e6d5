"""A proxy that speaks gRPC, and ends calls in the middle with words of its own, as the proxies of clusters do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import grpc


@dataclass(frozen=True)
class Break:
    """How a call ends once so many bytes of it have passed.

    Attributes:
        after: bytes of messages, in either direction.
        code: what the client is told; ``None`` when it gets ``answer`` instead, as if all was well.
        answer: the message it gets then.
        then: done while neither side hears of the other.
    """

    after: int
    code: grpc.StatusCode | None
    answer: bytes = b""
    then: Callable[[], object] = lambda: None


class SpeakingProxy:
    """Passes calls on, whatever they are.

    Attributes:
        breaks: for each method, how its next calls end; when they are used up, calls pass.
        calls: how often each method was called.
        passed: bytes of messages to the server, for each method.
        address: as ``ARGOSY_SERVER`` takes it.
    """

    def __init__(self, target: str) -> None:
        """Listen; ``target`` is where the server does, as ``ARGOSY_SERVER`` takes it."""
        self.breaks: dict[str, list[Break]] = {}
        self.calls: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self._channel = grpc.insecure_channel(target.removeprefix("grpc://"))
        self._server = grpc.server(ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers([_All(self._pass)])
        self.address = f"grpc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> SpeakingProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.stop(None).wait()
        self._channel.close()

    def _pass(self, method: str, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        name = method.rpartition("/")[2]
        self.calls[name] += 1
        planned = self.breaks.get(name)
        broken: Break | None = planned.pop(0) if planned else None
        is_over, count = False, 0
        call: Any = None

        def has_passed(message: bytes) -> bool:
            nonlocal count, is_over
            count += len(message)
            is_over = broken is not None and count > broken.after
            return is_over

        def outgoing() -> Iterator[bytes]:
            for request in requests:
                if has_passed(request):
                    call.cancel()
                    return
                self.passed[name] += len(request)
                yield request

        calling: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method)
        call = calling(outgoing(), metadata=context.invocation_metadata())
        try:
            for response in call:
                if has_passed(response):
                    break
                yield response
        except grpc.RpcError:
            pass
        call.cancel()
        if broken is not None and is_over:
            broken.then()
            if broken.code is not None:
                context.abort(broken.code, "upstream connect error or disconnect/reset before headers")
            yield broken.answer
            return
        context.set_trailing_metadata(call.trailing_metadata() or ())
        context.set_code(call.code())
        context.set_details(call.details() or "")


class _All(grpc.GenericRpcHandler):
    """Every method there is."""

    def __init__(self, forward: Callable[[str, Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]) -> None:
        self._forward = forward

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return how calls of a method are answered."""
        return grpc.stream_stream_rpc_method_handler(
            lambda requests, context: self._forward(details.method, requests, context)
        )

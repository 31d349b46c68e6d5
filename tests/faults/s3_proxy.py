"""A proxy before an object store that answers some requests itself, or late, or not to the end, or not at all."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

PATIENCE = 60.0
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})


@dataclass(frozen=True)
class Request:
    """What a client asked.

    Attributes:
        operation: as botocore names it.
        key: of the object, if any.
        headers: by their names in lower case.
        size: bytes of the body.
    """

    operation: str
    key: str
    headers: dict[str, str] = field(repr=False)
    size: int


Fault = Callable[["_Handler", Request], None]


def answers(status: int, code: str) -> Fault:
    """Return a fault that answers as a store that is in trouble, which never sees the request."""

    def act(handler: _Handler, request: Request) -> None:
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>in trouble</Message></Error>".encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(text)

    return act


def resets(handler: _Handler, request: Request) -> None:
    """Break the connection instead of passing the request on."""
    handler.close_connection = True


def loses_the_answer(handler: _Handler, request: Request) -> None:
    """Pass the request on, and break the connection instead of its answer."""
    handler.ask(request)
    handler.close_connection = True


def flips(handler: _Handler, request: Request) -> None:
    """Give the answer with one bit of it changed."""
    status, headers, content = handler.ask(request)
    middle = len(content) // 2
    handler.answer(status, headers, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def is_slow(handler: _Handler, request: Request) -> None:
    """Answer when nobody waits for it any more."""
    handler.proxy.ended.wait(PATIENCE)
    handler.close_connection = True


def cuts_after(count: int) -> Fault:
    """Return a fault that tells the whole length of an answer, and gives so many bytes of it."""

    def act(handler: _Handler, request: Request) -> None:
        handler.answer(*handler.ask(request), most=count)
        handler.close_connection = True

    return act


class S3Proxy:
    """Passes on what comes to ``port``, but for what shall go wrong."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.seen: list[Request] = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._faults: dict[str, list[Fault]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def goes_wrong(self, operation: str, fault: Fault, times: int = 1) -> None:
        """Let the next requests for an operation, or for all (``*``), meet a fault."""
        with self._lock:
            self._faults.setdefault(operation, []).extend([fault] * times)

    def goes_well(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults.clear()

    def count(self, operation: str) -> int:
        """Return how often an operation was asked for."""
        return sum(request.operation == operation for request in self.seen)

    def take(self, request: Request) -> Fault | None:
        with self._lock:
            self.seen.append(request)
            for name in (request.operation, "*"):
                if self._faults.get(name):
                    return self._faults[name].pop(0)
        return None

    def __enter__(self) -> S3Proxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    proxy: S3Proxy
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections that break are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def proxy(self) -> S3Proxy:
        assert isinstance(self.server, _Server)
        return self.server.proxy

    def handle_one(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path)
        key = parts.path.lstrip("/").partition("/")[2]
        asked = set(parse_qs(parts.query, keep_blank_values=True))
        request = Request(_operation(self.command, key, asked), key, headers, len(self.body))
        fault = self.proxy.take(request)
        if fault is not None:
            fault(self, request)
        else:
            self.answer(*self.ask(request))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one

    def ask(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask the store, under the name the client signed for."""
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.target, timeout=PATIENCE)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: list[tuple[str, str]], content: bytes, most: int | None = None) -> None:
        """Give an answer to the client."""
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _HOP:
                self.send_header(name, value)
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content[:most])

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _operation(method: str, key: str, asked: set[str]) -> str:
    if method == "GET" and not key:
        return "list_multipart_uploads" if "uploads" in asked else "list_objects_v2"
    if "uploadId" in asked:
        return {
            "PUT": "upload_part",
            "POST": "complete_multipart_upload",
            "DELETE": "abort_multipart_upload",
            "GET": "list_parts",
        }[method]
    if method == "POST":
        return "create_multipart_upload"
    kind = "object" if key else "bucket"
    return {"GET": "get_", "PUT": "put_", "DELETE": "delete_", "HEAD": "head_"}[method] + kind

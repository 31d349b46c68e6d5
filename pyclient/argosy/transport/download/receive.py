"""A whole file into memory that is there already: over several streams where that helps, hashed as it arrives.

Ranges may arrive in any order; the digest needs them in order. So one thread hashes what has arrived without a gap,
behind the streams, and the file is verified a moment after its last byte came.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from argosy.errors import ArgosyError, CorruptDataError, InternalServiceError
from argosy.transport.content_hash import digest_text, new_hasher
from argosy.transport.download.byte_lanes import ByteLane, ByteStream
from argosy.transport.rpc.retry import Backoff
from argosy.v1.artifact_pb2 import ArtifactFile

R = TypeVar("R")
PARALLEL_BYTES = 64 << 20
"""Smaller files come by one stream."""
_RANGE_BYTES = 32 << 20
_HASH_BYTES = 4 << 20
_ONE_THREAD = 0


def receive_into(
    lanes: Sequence[ByteLane], file: ArtifactFile, target: memoryview, advance: Callable[[int], None]
) -> None:
    """Fill ``target`` with a file, verified.

    Args:
        lanes: ways to the store; each carries one range at a time.
        file: path, digest and size that must come true.
        target: as long as the file.
        advance: told how many bytes more have arrived.

    Raises:
        CorruptDataError: the bytes do not match the recorded digest or size; ``target`` must not be used.
        ArgosyError: the store cannot be reached any more.
    """
    if file.size_bytes < PARALLEL_BYTES:
        lanes = lanes[:1]
    step = _RANGE_BYTES if len(lanes) > 1 else max(file.size_bytes, 1)
    _Reception(file, target, step, advance).run(lanes)


class _Reception:
    """One file on its way in."""

    def __init__(self, file: ArtifactFile, target: memoryview, step: int, advance: Callable[[int], None]) -> None:
        self._file = file
        self._target = target
        self._step = step
        self._advance = advance
        self._changed = threading.Condition()
        self._starts = iter(range(0, file.size_bytes, step))
        self._arrived: dict[int, int] = {}
        self._streams: set[ByteStream] = set()
        self._failure: BaseException | None = None

    def run(self, lanes: Sequence[ByteLane]) -> None:
        """Let the lanes take range after range, and the last thread hash behind them."""
        with ThreadPoolExecutor(len(lanes) + 1, thread_name_prefix="argosy-receive") as pool:
            hashing = pool.submit(self._guarded, self._hash)
            readings = [pool.submit(copy_context().run, self._guarded, partial(self._read, lane)) for lane in lanes[1:]]
            try:
                self._guarded(partial(self._read, lanes[0]))
                for reading in readings:
                    reading.result()
                digest = hashing.result()
            except BaseException as error:
                self._fail(error)
        if self._failure is not None:
            raise self._failure
        if digest != self._file.digest:
            raise self._corrupt(f"arrived as {digest}")

    def _guarded(self, work: Callable[[], R]) -> R:
        """Let the others end as soon as one failed; the first error is the one to tell."""
        try:
            return work()
        except BaseException as error:
            self._fail(error)
            raise

    def _read(self, blobs: ByteLane) -> None:
        while True:
            with self._changed:
                start = None if self._failure else next(self._starts, None)
            if start is None:
                return
            self._read_range(blobs, start, min(start + self._step, self._file.size_bytes))

    def _read_range(self, blobs: ByteLane, start: int, stop: int) -> None:
        backoff = Backoff(f"download of {self._file.path!r}")
        position = start
        while position < stop:
            try:
                with self._stream(blobs, position, stop) as messages:
                    for message in messages:
                        if message.chunk:
                            position = self._take(start, position, stop, message.chunk)
                            backoff.progressed()
                if position < stop:
                    raise self._corrupt(f"ended at byte {position} of the range up to {stop}")
            except ArgosyError as error:
                if self._failure is not None:
                    raise
                backoff.pause(error)

    @contextmanager
    def _stream(self, blobs: ByteLane, position: int, stop: int) -> Iterator[ByteStream]:
        """Open a stream that is cut when another one fails, for it may wait long for its next message."""
        with blobs.read_blob(self._file.digest, offset=position, limit=stop - position) as messages:
            with self._changed:
                self._check_going()
                self._streams.add(messages)
            try:
                yield messages
            finally:
                with self._changed:
                    self._streams.discard(messages)

    def _take(self, start: int, position: int, stop: int, chunk: bytes | memoryview) -> int:
        end = position + len(chunk)
        if end > stop:
            raise self._corrupt(f"goes on after byte {stop}, up to which it was asked for")
        self._target[position:end] = chunk
        with self._changed:
            self._check_going()
            self._arrived[start] = end
            self._changed.notify_all()
        self._advance(len(chunk))
        return end

    def _hash(self) -> str:
        hasher = new_hasher(_ONE_THREAD)
        done = 0
        while done < self._file.size_bytes:
            with self._changed:
                while (end := self._without_gap(done)) == done and self._failure is None:
                    self._changed.wait()
            if end == done:
                return ""
            end = min(end, done + _HASH_BYTES)
            hasher.update(self._target[done:end])
            done = end
        return digest_text(hasher)

    def _without_gap(self, done: int) -> int:
        """Return up to where everything has arrived, within the range in which ``done`` lies."""
        return max(self._arrived.get(done // self._step * self._step, done), done)

    def _check_going(self) -> None:
        if self._failure is not None:
            raise InternalServiceError("another range of the same file failed")

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            if self._failure is not None:
                return
            self._failure = error
            self._changed.notify_all()
            streams = list(self._streams)
        for stream in streams:
            stream.close()

    def _corrupt(self, what: str) -> CorruptDataError:
        file = self._file
        return CorruptDataError(
            f"file {file.path!r} {what}, but {file.digest} with {file.size_bytes} bytes is recorded; "
            "nothing of it was used: load it again, and if that fails restore the store from its backup"
        )

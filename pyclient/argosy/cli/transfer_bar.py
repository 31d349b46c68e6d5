"""A progress bar for transfers, where a person looks at it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

SMALLEST_BYTES = 8 << 20
"""Transfers below this are over before a bar could be read."""


@contextlib.contextmanager
def transfer_bar(label: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show progress on stderr if that is a terminal; call what is yielded with each number of bytes done."""
    if not sys.stderr.isatty() or total_bytes < SMALLEST_BYTES:
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total_bytes)
        yield lambda count: progress.advance(task, count)


class Told:
    """A stream, or a file made of chunks, that tells how much of it was read."""

    def __init__(self, source: Any, advance: Callable[[int], None]) -> None:
        """Stand for ``source``; ``advance`` takes each number of bytes read."""
        self._source = source
        self._advance = advance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, size: int = -1) -> bytes:
        """Read from a stream."""
        part: bytes = self._source.read(size)
        self._advance(len(part))
        return part

    def chunks(self) -> Iterator[memoryview]:
        """Yield the content of a file."""
        for chunk in self._source.chunks():
            yield chunk
            self._advance(chunk.nbytes)

"""Makes entries of a log out of what was written: whole lines, of which progress bars leave only their last state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_LINE_BYTES = 64 << 10
"""Longer lines are cut; an entry has no more either."""
_KEPT_OF_LONG = MAX_LINE_BYTES - 128
_SAFE = MAX_LINE_BYTES // 4
"""A byte that is no UTF-8 becomes a character of three."""


@dataclass
class LineAssembler:
    """Joins the pieces one source writes into lines.

    Attributes:
        rest: the beginning of a line whose end has not come.
        cut: bytes of that line that were left out.
        skipping: whether the beginning of the line under way was dropped, so that the rest of it must be, too.
    """

    rest: bytearray = field(default_factory=bytearray)
    cut: int = 0
    skipping: bool = False

    def feed(self, data: bytes | bytearray) -> Iterator[str]:
        """Yield the lines a piece ends, many in one text as long as it is no longer than an entry may be."""
        if self.skipping:
            end = data.find(b"\n")
            # What follows a carriage return is whole again; one right before the end of a line belongs to that.
            overwritten = data.rfind(b"\r", 0, (end if end >= 0 else len(data)) - 1)
            if end < 0 and overwritten < 0:
                return
            data, self.skipping = data[(overwritten if overwritten >= 0 else end) + 1 :], False
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(data)
            return
        whole = bytes(self.rest) + data[:end]
        cut, self.cut = self.cut, 0
        self.rest.clear()
        self._keep(data[end + 1 :])
        if cut:
            first, newline, whole = whole.partition(b"\n")
            yield _cut_line(first, cut)
            if not newline:
                return
        yield from texts_of(whole)

    def gap(self, size: int, line_ends: int, *, is_open: bool) -> int:
        """Say that what was written next is lost, and return how many lines are missing for it.

        A line that goes on behind it is only cut; one that ended in it is missing, its beginning included.

        Args:
            size: how many bytes are lost.
            line_ends: how many line ends were among them.
            is_open: whether they ended within a line.
        """
        if not line_ends and (self.rest or self.cut):
            self.cut += size
            return 0
        was_skipping, self.skipping = self.skipping, is_open
        self.rest.clear()
        self.cut = 0
        return line_ends + is_open - was_skipping

    def finish(self) -> Iterator[str]:
        """Yield the line under way, if any."""
        rest, cut = bytes(self.rest), self.cut
        self.rest.clear()
        self.cut = 0
        if cut:
            yield _cut_line(rest, cut)
        elif rest:
            yield from _pieces(_last_state(rest))

    def _keep(self, data: bytes | bytearray) -> None:
        """Add the beginning of a line, of which a carriage return begins another state."""
        # The last byte may be the first half of \r\n.
        overwritten = data.rfind(b"\r", 0, -1)
        if overwritten < 0 and data and self.rest.endswith(b"\r"):
            overwritten = 0
        if overwritten >= 0:
            self.rest.clear()
            self.cut = 0
            data = data[overwritten + (data[overwritten : overwritten + 1] == b"\r") :]
        room = MAX_LINE_BYTES - len(self.rest)
        self.rest += data[:room]
        self.cut += max(len(data) - room, 0)


def texts_of(lines: bytes | bytearray) -> Iterator[str]:
    """Yield whole lines in texts that fit into an entry, each line in its last state."""
    if b"\r" in lines:
        lines = b"\n".join([_last_state(line) for line in lines.split(b"\n")])
    yield from _pieces(lines)


def _last_state(line: bytes | bytearray) -> bytes | bytearray:
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _pieces(lines: bytes | bytearray) -> Iterator[str]:
    """Yield lines in texts that fit into an entry."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        most = _SAFE
    else:
        most = MAX_LINE_BYTES
    at = 0
    while len(lines) - at > most:
        end = lines.rfind(b"\n", at, at + most + 1)
        if end < 0:
            end = lines.find(b"\n", at + most)
            end = len(lines) if end < 0 else end
            if end - at <= MAX_LINE_BYTES and most < MAX_LINE_BYTES:
                yield _readable(lines[at:end])
            else:
                yield _cut_line(lines[at : at + MAX_LINE_BYTES], end - at - MAX_LINE_BYTES)
        else:
            yield _readable(lines[at:end])
        at = end + 1
    if at <= len(lines):
        yield _readable(lines[at:])


def _cut_line(line: bytes | bytearray, more: int) -> str:
    """Return the beginning of a line, and how much is missing of it."""
    kept = line[:_KEPT_OF_LONG]
    return f"{kept.decode(errors='ignore')}… [line cut: {more + len(line) - len(kept)} more bytes]"


def _readable(data: bytes | bytearray) -> str:
    text = data.decode(errors="replace")
    if len(data) > _SAFE and len(text.encode()) > MAX_LINE_BYTES:  # one line of bytes that are no text
        return _cut_line(text.encode()[:MAX_LINE_BYTES], len(text.encode()) - MAX_LINE_BYTES)
    return text

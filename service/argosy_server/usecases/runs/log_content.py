"""How the entries of a part of a log become bytes: a table of what is known of each, then all texts, compressed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from argosy_server.domain.step_log import LogEntry, LogSource

LEVEL = 1
"""Logs repeat themselves: more effort takes four times as long for a sixth less."""
_LENGTH = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

Numbered = tuple[int, LogEntry]
"""An entry and the number of its first line."""


def pack(entries: Sequence[Numbered]) -> bytes:
    """Return the content of a part."""
    texts = [entry.text.encode() for _, entry in entries]
    table = [
        [number, (entry.time - _EPOCH) // _MICROSECOND, entry.source.value, entry.level, entry.logger, len(text)]
        for (number, entry), text in zip(entries, texts, strict=True)
    ]
    head = json.dumps(table, separators=(",", ":")).encode()
    return zlib.compress(b"".join([len(head).to_bytes(_LENGTH, "big"), head, *texts]), LEVEL)


def unpack(content: bytes) -> list[Numbered]:
    """Return what :func:`pack` was given."""
    plain = memoryview(zlib.decompress(content))
    at = _LENGTH + int.from_bytes(plain[:_LENGTH], "big")
    entries: list[Numbered] = []
    for number, micros, source, level, logger, size in json.loads(bytes(plain[_LENGTH:at])):
        time = _EPOCH + timedelta(microseconds=micros)
        entries.append((number, LogEntry(time, LogSource(source), str(plain[at : at + size], "utf-8"), level, logger)))
        at += size
    return entries

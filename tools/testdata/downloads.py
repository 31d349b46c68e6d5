"""The downloads of ``resume.json``: streams of ReadBlob that break, and what a client asks for next."""

from __future__ import annotations

from typing import Any

MIB = 1 << 20
SIZE = 3 * MIB + 7
Step = dict[str, Any]


def _read(offset: int, until: int, code: str = "OK", reason: str = "", failed: int = 0, **more: Any) -> Step:
    """Return a call of ReadBlob after so many failures in a row."""
    longest = min(5.0, 0.2 * 2**failed)
    waited = {"pause": [longest / 2, longest]} if failed else {}
    return {
        "call": "ReadBlob",
        "offset": offset,
        **waited,
        "until": until,
        **more,
        "status": {"code": code, "reason": reason},
    }


def downloads() -> list[dict[str, Any]]:
    """Return the vectors."""
    done: dict[str, list[Step]] = {
        "nothing breaks": [_read(0, SIZE)],
        "a stream breaks between chunks": [_read(0, MIB, code="UNAVAILABLE"), _read(MIB, SIZE, failed=1)],
        "a stream breaks before its first byte": [_read(0, 0, code="UNAVAILABLE"), _read(0, SIZE, failed=1)],
        "a stream breaks inside a chunk": [_read(0, 70_001, code="UNAVAILABLE"), _read(70_001, SIZE, failed=1)],
        "a stream breaks twice": [
            _read(0, MIB, code="UNAVAILABLE"),
            _read(MIB, 2 * MIB, failed=1, code="UNAVAILABLE"),
            _read(2 * MIB, SIZE, failed=1),
        ],
        "the server is away for a while": [
            _read(0, MIB, code="UNAVAILABLE"),
            *(_read(MIB, MIB, failed=failed, code="UNAVAILABLE") for failed in range(1, 7)),
            _read(MIB, SIZE, failed=7),
        ],
        "a server drains": [_read(0, MIB, "UNAVAILABLE", "DRAINING"), _read(MIB, SIZE, failed=1)],
        "a stream stands still": [_read(0, MIB, "DEADLINE_EXCEEDED"), _read(MIB, SIZE, failed=1)],
        "a stream is cancelled by others": [_read(0, MIB, "CANCELLED"), _read(MIB, SIZE, failed=1)],
        "a message is cut in its middle": [_read(0, MIB, "INTERNAL"), _read(MIB, SIZE, failed=1)],
    }
    refused: dict[str, tuple[list[Step], str]] = {
        "eight failures without progress": (
            [
                _read(0, 0, code="UNAVAILABLE"),
                *(_read(0, 0, failed=failed, code="UNAVAILABLE") for failed in range(1, 8)),
            ],
            "UNAVAILABLE",
        ),
        "the stored bytes are damaged": ([_read(0, MIB, "DATA_LOSS", "BLOB_CORRUPT")], "BLOB_CORRUPT"),
        "the blob is gone": ([_read(0, 0, "NOT_FOUND", "BLOB_NOT_FOUND")], "BLOB_NOT_FOUND"),
        "a bit changes on its way": ([_read(0, SIZE, flip=MIB + 3)], "CORRUPT"),
        "a bit changes behind a break": (
            [_read(0, MIB, code="UNAVAILABLE"), _read(MIB, SIZE, failed=1, flip=SIZE - 1)],
            "CORRUPT",
        ),
        "more comes than there is": ([_read(0, SIZE + 1)], "CORRUPT"),
    }
    vectors = [{"name": name, "size_bytes": SIZE, "steps": steps, "result": "done"} for name, steps in done.items()]
    vectors += [
        {"name": name, "size_bytes": SIZE, "steps": steps, "result": result}
        for name, (steps, result) in refused.items()
    ]
    # Its end says nothing: a client may take it for a break, or for damage, but never for the whole.
    short = [_read(0, MIB), {**_read(MIB, SIZE), "pause": [0.0, 0.4]}]
    vectors.append(
        {"name": "a stream ends early", "size_bytes": SIZE, "steps": short, "result": "done", "may_stop": True}
    )
    return vectors

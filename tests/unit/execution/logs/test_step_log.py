"""A log that was read: a sequence of lines that costs no more memory than its text."""

from __future__ import annotations

import tracemalloc

from argosy.execution.logs.step_log import LogPiece, StepLog
from argosy.v1.step_logs_pb2 import LogEntry, LogSource


def piece(text: str, dropped_lines: int = 0, level: str = "", logger: str = "") -> LogPiece:
    entry = LogEntry(source=LogSource.LOG_SOURCE_STDOUT, text=text, level=level, logger=logger)
    return LogPiece(entry, "fit", 1, dropped_lines)


LOG = StepLog([piece("a\nb"), piece("c", 7), piece("d\ne\nf", level="INFO", logger="x")], 9)


def test_it_is_a_sequence_of_lines() -> None:
    assert [line.text for line in LOG] == ["a", "b", "c", "d", "e", "f"]
    assert [LOG[index].text for index in range(-6, 6)] == list("abcdefabcdef")
    assert [line.text for line in reversed(LOG)] == list("fedcba")
    assert [line.text for line in LOG[1:4]] == ["b", "c", "d"]
    assert [line.text for line in LOG[::-2]] == ["f", "d", "b"]
    assert ([line.text for line in LOG[-2:]], LOG[4:2]) == (["e", "f"], ())
    assert (LOG[3] in LOG, LOG.index(LOG[4]), len(StepLog([], 0)), list(StepLog([], 0))) == (True, 4, 0, [])


def test_a_line_knows_what_is_missing_before_it_and_the_text_also_what_is_missing_at_the_end() -> None:
    assert [line.dropped_lines for line in LOG] == [0, 0, 7, 0, 0, 0]
    assert str(LOG).splitlines() == [
        "a",
        "b",
        "[… 7 lines missing]",
        "c",
        "INFO:x: d",
        "INFO:x: e",
        "INFO:x: f",
        "[… 2 lines missing]",
    ]
    assert LOG._repr_html_() == f"<div><pre>{LOG}</pre></div>"
    assert repr(LOG) == "<StepLog of 6 lines, 9 more are missing>"


def test_many_short_lines_cost_no_more_than_their_text() -> None:
    tracemalloc.start()
    try:
        log = StepLog([piece("y\n" * 20_000 + "y") for _ in range(10)], 0)
        assert (len(log), log[199_999].text, sum(1 for _ in log)) == (200_010, "y", 200_010)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 << 20

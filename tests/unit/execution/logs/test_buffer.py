"""What waits to be sent: in order, bounded, every line accounted for."""

from __future__ import annotations

import threading
import tracemalloc

from argosy.execution.logs.buffer import HEAD_BYTES, TAIL_BYTES, Batch, LogBuffer
from argosy.v1.step_logs_pb2 import LogSource

OUT, ERR, LOGGED = LogSource.LOG_SOURCE_STDOUT, LogSource.LOG_SOURCE_STDERR, LogSource.LOG_SOURCE_LOGGING


def taken(buffer: LogBuffer) -> list[Batch]:
    batches = []
    while (batch := buffer.take()) is not None:
        batches.append(batch)
    rest = buffer.take_rest()
    return batches if rest is None else [*batches, rest]


def texts(batches: list[Batch]) -> list[str]:
    return [line for batch in batches for entry in batch.entries for line in entry.text.split("\n")]


def dropped(batches: list[Batch]) -> int:
    return sum(batch.dropped_lines for batch in batches)


def test_sources_keep_their_order_and_their_lines_apart() -> None:
    buffer = LogBuffer()
    buffer.add(OUT, b"a")
    buffer.add(ERR, b"error\n")
    buffer.add_record(0.5, "INFO", "my", "logged\ntwice")
    buffer.add(OUT, b"b\n")
    (batch,) = taken(buffer)
    assert [(entry.source, entry.text) for entry in batch.entries] == [
        (ERR, "error"),
        (LOGGED, "logged\ntwice"),
        (OUT, "ab"),
    ]
    logged = batch.entries[1]
    assert (logged.level, logged.logger, logged.log_time.ToMicroseconds()) == ("INFO", "my", 500_000)


def test_many_small_writes_are_few_entries() -> None:
    buffer = LogBuffer()
    for _ in range(1000):
        buffer.add(OUT, b"x")
        buffer.add(OUT, b"\n")
    batches = taken(buffer)
    assert texts(batches) == ["x"] * 1000
    assert sum(len(batch.entries) for batch in batches) < 100


def test_a_batch_fits_into_a_message() -> None:
    buffer = LogBuffer()
    buffer.add(OUT, b"\xff" * (3 << 20) + b"\n")
    for number in range(20_000):
        buffer.add_record(0, "INFO", "l" * 200, f"{number}")
    batches = taken(buffer)
    sizes = [sum(entry.ByteSize() + 8 for entry in batch.entries) for batch in batches]
    assert max(sizes) < 1 << 20
    assert texts(batches)[-1] == "19999"


def test_beginning_and_end_of_too_much_are_kept_and_every_line_is_counted() -> None:
    buffer = LogBuffer()
    block = b"".join(b"%07d\n" % number for number in range(7_777))
    count = 400
    for number in range(count):
        buffer.add(OUT if number % 3 else ERR, block)
    batches = taken(buffer)
    kept = texts(batches)
    assert HEAD_BYTES + TAIL_BYTES - (1 << 20) < sum(map(len, kept)) + len(kept) <= HEAD_BYTES + TAIL_BYTES + len(block)
    assert len(kept) + dropped(batches) == count * 7_777
    assert (kept[0], kept[-1]) == ("0000000", "0007776")


def test_lines_cut_by_what_was_dropped_are_dropped_and_counted_too() -> None:
    buffer = LogBuffer()
    text = b"".join(b"line %d\n" % number for number in range(1_500_000))
    for at in range(0, len(text), 50_001):
        buffer.add(OUT, text[at : at + 50_001])
    batches = taken(buffer)
    kept = texts(batches)
    assert set(kept) <= {f"line {number}" for number in range(1_500_000)}
    assert len(kept) + dropped(batches) == 1_500_000


def test_one_write_of_any_size_is_kept_as_its_ends() -> None:
    buffer = LogBuffer()
    buffer.add(OUT, b"first\n")
    text = b"".join(b"line %d\n" % number for number in range(2_000_000))
    tracemalloc.start()
    buffer.add(OUT, text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    batches = taken(buffer)
    kept = texts(batches)
    assert peak < HEAD_BYTES + TAIL_BYTES + (4 << 20)
    assert (kept[0], kept[1], kept[-1]) == ("first", "line 0", "line 1999999")
    assert len(kept) + dropped(batches) == 2_000_001


def test_what_is_taken_makes_room() -> None:
    buffer = LogBuffer()
    block = b"x" * 99 + b"\n"
    found: list[Batch] = []
    for _ in range(200):
        buffer.add(OUT, block * 1000)
        found += taken(buffer)
    assert dropped(found) == 0
    assert len(texts(found)) == 200_000


def test_threads_may_write_at_once() -> None:
    buffer = LogBuffer()

    def write(name: bytes) -> None:
        for number in range(2000):
            buffer.add(OUT, b"%s %d\n" % (name, number))

    threads = [threading.Thread(target=write, args=(b"abcd"[at : at + 1],)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts(taken(buffer))) == sorted(f"{name} {number}" for name in "abcd" for number in range(2000))


def test_nothing_is_taken_after_the_end() -> None:
    buffer = LogBuffer()
    buffer.close()
    buffer.add(OUT, b"late\n")
    buffer.add_record(0, "INFO", "my", "late")
    assert taken(buffer) == []


def test_what_is_given_up_is_counted() -> None:
    buffer = LogBuffer()
    buffer.add(OUT, b"a\nb\n")
    buffer.add_record(0, "INFO", "my", "c")
    assert buffer.drop_all() == 3
    assert taken(buffer) == []

"""What steps print, over the wire: in order, bounded, by position, and only of the current attempt."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

import grpc
import pytest

from argosy.v1 import pipeline_pb2, step_calls_pb2, step_logs_pb2
from tests.api import calls
from tests.api.conftest import Service
from tests.api.past_the_service import alter, rows

HALF = 4 << 20
Started = step_calls_pb2.StartStepResponse
LOST = timedelta(seconds=6)


@pytest.fixture
def started(stubs: Service, project: str) -> Started:
    """A step that runs."""
    return calls.start_step(stubs, calls.start_run(stubs, project))


def entry(text: str, source: str = "STDOUT", *, level: str = "", logger: str = "") -> step_logs_pb2.LogEntry:
    made = step_logs_pb2.LogEntry(
        source=step_logs_pb2.LogSource.Value(f"LOG_SOURCE_{source}"), text=text, level=level, logger=logger
    )
    made.log_time.FromDatetime(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc))
    return made


def append(
    stubs: Service,
    project: str,
    started: Started,
    batch: int,
    entries: Sequence[str | step_logs_pb2.LogEntry] = (),
    **fields: object,
) -> step_logs_pb2.AppendStepLogsResponse:
    request = step_logs_pb2.AppendStepLogsRequest(
        project=project,
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        batch=batch,
        entries=[entry(item) if isinstance(item, str) else item for item in entries],
        **fields,  # type: ignore[arg-type]  # fields of the request
    )
    return stubs.pipelines.AppendStepLogs(request)


def get(stubs: Service, project: str, started: Started, position: str = "") -> step_logs_pb2.GetStepLogsResponse:
    request = step_logs_pb2.GetStepLogsRequest(project=project, step_run_id=started.step_run.id, position=position)
    return stubs.pipelines.GetStepLogs(request)


def batches(stubs: Service, project: str, started: Started) -> Iterator[step_logs_pb2.LogBatch]:
    """Everything, call by call."""
    position = ""
    while (page := get(stubs, project, started, position)).batches:
        yield from page.batches
        position = page.position


def texts(stubs: Service, project: str, started: Started) -> list[str]:
    return [item.text for batch in batches(stubs, project, started) for item in batch.entries]


def retry(stubs: Service, project: str, started: Started) -> Started:
    """Let the attempt fail and the next one begin."""
    request = step_calls_pb2.FailStepRequest(
        project=project,
        request_id=calls.new_request_id(),
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        state=pipeline_pb2.STEP_STATE_FAILED,
        retry=True,
    )
    failed = stubs.pipelines.FailStep(request)
    return Started(step_run=failed.step_run, attempt_token=failed.attempt_token)


def test_entries_come_back_as_they_were_sent_in_order(stubs: Service, project: str, started: Started) -> None:
    sent = [
        entry("one\ntwo"),
        entry("tä\x00\x1b[1mb", "STDERR"),
        entry("", "LOGGING", level="WARNING", logger="my.module"),
    ]
    append(stubs, project, started, 0, sent[:1])
    append(stubs, project, started, 1, sent[1:])

    page = get(stubs, project, started)
    assert [item for batch in page.batches for item in batch.entries] == sent
    assert {(batch.attempt, batch.dropped_lines) for batch in page.batches} == {(1, 0)}
    assert not page.is_complete


def test_a_batch_that_comes_twice_is_kept_once(stubs: Service, project: str, started: Started) -> None:
    for _ in range(2):
        append(stubs, project, started, 0, ["a"])
    append(stubs, project, started, 1, ["b"])
    append(stubs, project, started, 0, ["a"])

    assert texts(stubs, project, started) == ["a", "b"]


def test_reading_goes_on_behind_a_position_also_where_a_part_has_grown(
    stubs: Service, project: str, started: Started
) -> None:
    append(stubs, project, started, 0, ["a\nb"])
    first = get(stubs, project, started)
    again = get(stubs, project, started, first.position)
    assert (list(again.batches), again.position) == ([], first.position)

    append(stubs, project, started, 1, ["c"])
    second = get(stubs, project, started, first.position)
    assert [(list(b.entries), b.dropped_lines) for b in second.batches] == [([entry("c")], 0)]


def test_lines_the_client_dropped_are_told_where_they_are_missing(
    stubs: Service, project: str, started: Started
) -> None:
    append(stubs, project, started, 0, ["a"])
    append(stubs, project, started, 1, ["b"], dropped_lines=7)
    append(stubs, project, started, 2, dropped_lines=2, is_last=True)

    told = [(batch.dropped_lines, [item.text for item in batch.entries]) for batch in batches(stubs, project, started)]
    assert told == [(0, ["a"]), (7, ["b"]), (2, [])]


def test_beginning_and_end_of_a_large_log_are_kept_and_the_middle_is_counted(
    stubs: Service, project: str, started: Started
) -> None:
    count, size = 40, 16
    sent = [[f"{number:03} " + "x" * 65000 for number in range(at, at + size)] for at in range(0, count * size, size)]
    full = [append(stubs, project, started, number, row[:15]).is_full for number, row in enumerate(sent)]

    found = list(batches(stubs, project, started))
    kept = [item.text for batch in found for item in batch.entries]
    assert full == sorted(full)
    assert (full[0], full[-1]) == (False, True)
    assert kept == [text for row in sent for text in row[:15] if text in set(kept)]
    assert (kept[0], kept[-1]) == (sent[0][0], sent[-1][14])
    assert 2 * HALF - (2 << 20) < sum(map(len, kept)) < 2 * HALF + (2 << 20)
    assert len(kept) + sum(batch.dropped_lines for batch in found) == count * 15


@pytest.mark.kinds("embedded")
def test_a_line_a_second_for_a_day_is_kept_whole_in_few_rows(stubs: Service, project: str, started: Started) -> None:
    for number in range(1500):
        append(stubs, project, started, number, [f"line {number}"])

    assert texts(stubs, project, started) == [f"line {number}" for number in range(1500)]
    (stored,) = rows(stubs, "SELECT count(*) FROM step_logs WHERE step_run_id = :id", id=started.step_run.id)
    assert stored[0] < 10


def test_what_does_not_compress_stays_within_the_limit(stubs: Service, project: str, started: Started) -> None:
    source = random.Random(4)
    for number in range(20):
        append(stubs, project, started, number, [source.randbytes(32000).hex() for _ in range(15)])

    (kept,) = rows(stubs, "SELECT sum(length(content)) FROM step_logs WHERE step_run_id = :id", id=started.step_run.id)
    assert kept[0] < 2 * HALF + (1 << 20)


def test_attempts_stand_one_after_the_other(stubs: Service, project: str, started: Started) -> None:
    append(stubs, project, started, 0, ["first"])
    second = retry(stubs, project, started)
    append(stubs, project, second, 0, ["second"])

    assert [(batch.attempt, batch.entries[0].text) for batch in batches(stubs, project, second)] == [
        (1, "first"),
        (2, "second"),
    ]


def test_lines_of_an_attempt_that_was_replaced_are_refused(stubs: Service, project: str, started: Started) -> None:
    second = retry(stubs, project, started)
    with calls.expect_refusal(grpc.StatusCode.ABORTED, "SUPERSEDED"):
        append(stubs, project, started, 0, ["from a zombie"])
    assert texts(stubs, project, second) == []


def test_lines_that_arrive_after_the_end_of_their_step_are_kept(stubs: Service, project: str, started: Started) -> None:
    calls.complete_step(stubs, project, started)
    append(stubs, project, started, 0, ["late"])
    assert texts(stubs, project, started) == ["late"]


def test_a_log_is_complete_once_its_writer_is_done_and_the_step_has_ended(
    stubs: Service, project: str, started: Started
) -> None:
    append(stubs, project, started, 0, ["a"])
    append(stubs, project, started, 1, is_last=True)
    assert not get(stubs, project, started).is_complete
    calls.complete_step(stubs, project, started)
    assert get(stubs, project, started).is_complete


def test_the_log_of_a_step_whose_writer_died_is_complete_some_seconds_after_its_end(
    stubs: Service, project: str, started: Started
) -> None:
    append(stubs, project, started, 0, ["a"])
    calls.complete_step(stubs, project, started)
    assert not get(stubs, project, started).is_complete
    earlier = (datetime.now(timezone.utc) - LOST).timestamp() * 1_000_000
    alter(stubs, f"UPDATE step_runs SET ended_at = {earlier:.0f} WHERE id = :id", id=started.step_run.id)
    assert get(stubs, project, started).is_complete


@pytest.mark.parametrize(
    ("entries", "fields", "field"),
    [
        pytest.param([entry("x" * 65537)], {}, "entries[0].text", id="long text"),
        pytest.param([entry("x" * 65000)] * 17, {}, "entries", id="large batch"),
        pytest.param([step_logs_pb2.LogEntry(text="x")], {}, "entries[0].source", id="no source"),
        pytest.param([entry("x", level="A\nB")], {}, "entries[0].level", id="level of two lines"),
        pytest.param([], {}, "entries", id="nothing"),
        pytest.param([entry("x")], {"dropped_lines": -1}, "dropped_lines", id="fewer than no lines"),
        pytest.param([entry("x")], {"attempt_token": ""}, "attempt_token", id="no token"),
    ],
)
def test_malformed_batches_are_refused(
    stubs: Service,
    project: str,
    started: Started,
    entries: list[step_logs_pb2.LogEntry],
    fields: dict[str, int],
    field: str,
) -> None:
    request = step_logs_pb2.AppendStepLogsRequest(
        project=project, step_run_id=started.step_run.id, attempt_token=started.attempt_token, entries=entries
    )
    for name, value in fields.items():
        setattr(request, name, value)
    with calls.expect_refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.pipelines.AppendStepLogs(request)
    assert refused.refusal.fields == [field]
    assert texts(stubs, project, started) == []


def test_a_position_of_another_log_is_refused(stubs: Service, project: str, started: Started) -> None:
    append(stubs, project, started, 0, ["a"])
    position = get(stubs, project, started).position
    other = calls.start_step(stubs, calls.start_run(stubs, project))
    with calls.expect_refusal(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"):
        get(stubs, project, other, position)


def test_the_log_of_a_step_is_unknown_in_another_project(stubs: Service, project: str, started: Started) -> None:
    append(stubs, project, started, 0, ["a"])
    with calls.expect_refusal(grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
        get(stubs, f"{project}-other", started)

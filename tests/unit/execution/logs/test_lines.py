"""Lines out of pieces: partial lines, progress bars, long lines, bytes that are no text, and gaps."""

from __future__ import annotations

import pytest

from argosy.execution.logs.lines import MAX_LINE_BYTES, LineAssembler


def assembled(*pieces: bytes) -> list[str]:
    lines = LineAssembler()
    return [text for piece in pieces for text in lines.feed(piece)] + list(lines.finish())


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        pytest.param([b"a\n", b"b\n"], ["a", "b"], id="whole lines"),
        pytest.param([b"a\nb\n\nc\n"], ["a\nb\n\nc"], id="several lines are one text"),
        pytest.param([b"\n"], [""], id="an empty line"),
        pytest.param([b"a", b"b\nc", b"d\n"], ["ab", "cd"], id="partial lines"),
        pytest.param([b"a"], ["a"], id="a line that never ends"),
        pytest.param([], [], id="nothing"),
        pytest.param([b"\r10%", b"\r50%", b"\r100%\n"], ["100%"], id="a progress bar"),
        pytest.param([b"10%\r50%\r100%\nnext\n"], ["100%\nnext"], id="a progress bar in one piece"),
        pytest.param([b"10%\r", b"50%\r"], ["50%"], id="a progress bar that never ends"),
        pytest.param([b"a\r\nb\r\n"], ["a\nb"], id="lines of Windows"),
        pytest.param([b"a\r", b"\nb"], ["a", "b"], id="lines of Windows in pieces"),
        pytest.param(["ä".encode()[:1], "ä\n".encode()[1:]], ["ä"], id="half a character"),
        pytest.param([b"\xff\xfe\n"], ["��"], id="no UTF-8"),
    ],
)
def test_pieces_become_lines(pieces: list[bytes], texts: list[str]) -> None:
    assert assembled(*pieces) == texts


def test_a_progress_bar_without_end_needs_no_memory() -> None:
    lines = LineAssembler()
    for number in range(100_000):
        assert list(lines.feed(b"\r%d of many" % number)) == []
    assert len(lines.rest) < 100
    assert list(lines.finish()) == ["99999 of many"]


def test_many_lines_become_texts_an_entry_can_hold() -> None:
    sent = b"".join(b"line %d\n" % number for number in range(50_000))
    texts = assembled(sent)
    assert max(len(text.encode()) for text in texts) <= MAX_LINE_BYTES
    assert "\n".join(texts).encode() + b"\n" == sent


@pytest.mark.parametrize("piece", [1 << 10, 1 << 20], ids=["in small pieces", "in one piece"])
def test_a_long_line_is_cut_with_a_mark_that_tells_how_much(piece: int) -> None:
    size = 300_000
    line = b"x" * size + b"\nnext\n"
    cut, following = assembled(*[line[at : at + piece] for at in range(0, len(line), piece)])
    kept, _, mark = cut.partition("…")
    assert mark == f" [line cut: {size - len(kept)} more bytes]"
    assert set(kept) == {"x"}
    assert len(cut.encode()) <= MAX_LINE_BYTES
    assert following == "next"


def test_a_long_line_of_bytes_that_are_no_text_fits_too() -> None:
    texts = assembled(b"\xff" * 60_000 + b"\n" + b"\xfe" * 200_000 + b"\nend\n")
    assert max(len(text.encode()) for text in texts) <= MAX_LINE_BYTES
    assert "\n".join(texts).count("\n") == 2
    assert texts[-1].endswith("end")


def test_a_line_that_ends_in_a_gap_is_dropped_as_one_that_begins_there_is() -> None:
    lines = LineAssembler()
    assert list(lines.feed(b"a\nbegin")) == ["a"]
    assert lines.gap(100, 3, is_open=True) == 4
    assert list(lines.feed(b"of another\nb\n")) == ["b"]


def test_nothing_more_is_dropped_after_a_gap_that_ends_with_a_line() -> None:
    lines = LineAssembler()
    assert list(lines.feed(b"begin")) == []
    assert lines.gap(100, 1, is_open=False) == 1
    assert list(lines.feed(b"b\n")) == ["b"]


def test_a_line_that_goes_on_behind_a_gap_is_cut() -> None:
    lines = LineAssembler()
    assert list(lines.feed(b"y" * MAX_LINE_BYTES)) == []
    assert lines.gap(1000, 0, is_open=True) == 0
    (text,) = lines.feed(b"the end\n")
    assert text.startswith("yyy")
    assert text.endswith(f"[line cut: {1000 + len('the end') + 128} more bytes]")


def test_a_line_whose_beginning_is_lost_is_counted_once_however_many_gaps_it_has() -> None:
    lines = LineAssembler()
    assert lines.gap(100, 2, is_open=True) == 3
    assert lines.gap(100, 0, is_open=True) == 0
    assert lines.gap(100, 1, is_open=False) == 0
    assert list(lines.feed(b"b\n")) == ["b"]


def test_the_last_state_of_a_progress_bar_survives_a_gap() -> None:
    lines = LineAssembler()
    assert lines.gap(100, 2, is_open=True) == 3
    assert list(lines.feed(b"98 %\r99 %")) == []
    assert list(lines.feed(b"\r100 %\r\nb\n")) == ["100 %\nb"]

"""How a run looks: what its tree is, and what each line of it says."""

# ruff: noqa: RUF001 - the multiplication sign is what people see

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from argosy.execution.step_traffic import StepTraffic
from argosy.execution.views.run_rows import Look, StepState, draw_rows
from argosy.execution.views.run_tree import PlannedStep, lay_out
from argosy.execution.views.terminal_text import width_of


def planned(*calls: str) -> list[PlannedStep]:
    """Return steps that are written as ``invocation < upstream upstream``; ``fit_2`` is a call of ``fit``."""
    found = []
    for call in calls:
        invocation, _, upstream = call.partition(" < ")
        name = invocation.rpartition(".")[2]
        step = name.rpartition("_")[0] if name.rpartition("_")[2].isdigit() else name
        found.append(PlannedStep(invocation, step, tuple(upstream.split())))
    return found


def drawn(
    steps: Iterable[PlannedStep],
    states: Mapping[str, StepState] | None = None,
    look: Look | None = None,
    now: float = 0,
) -> list[str]:
    steps = list(steps)
    known = {step.invocation: StepState() for step in steps} | dict(states or {})
    return draw_rows(lay_out(steps), known, now, look or Look())


def names(*calls: str) -> list[str]:
    """Return the tree without what is said of the steps."""
    return [line[2:].partition("  waiting")[0].rstrip() for line in drawn(planned(*calls))]


def fan_out(count: int) -> list[PlannedStep]:
    trained = [f"train_{index}" for index in range(2, count + 2)]
    return planned(
        "load",
        *(f"{name} < load" for name in trained),
        *(f"score{name[5:]} < {name}" for name in trained),
        "best < score_2",
    )


def test_a_step_stands_under_what_it_waits_for() -> None:
    assert names("load", "clean < load", "fit < clean", "plot < load", "other") == [
        "load",
        "├─ clean",
        "│  └─ fit",
        "└─ plot",
        "other",
    ]


def test_a_step_that_waits_for_several_stands_once_under_the_last_of_them() -> None:
    assert drawn(planned("a", "b", "c", "join < a b c")) == [
        "  a        waiting",
        "  b        waiting",
        "  c        waiting",
        "  └─ join  waiting      also after a, b",
    ]


def test_why_it_runs_and_what_it_moved_come_before_what_else_it_waited_for() -> None:
    state = StepState("completed", 0.0, 0.5, note="parameter rate changed", traffic=StepTraffic(sent=3 << 20))
    calls = planned("training_part_1", "training_part_2", "training_part_3", "join < training_part_1 training_part_2")
    line = drawn(calls, {"join": state}, Look(79))[-2]
    assert line == "  └─ join          completed  0.50 s  parameter rate changed; ↑ 3.0 MiB; also…"


def test_long_names_keep_the_end_that_tells_them_apart() -> None:
    name = "evaluate_the_model_on_what_it_has_not_seen"
    lines = drawn(planned(name, f"{name}_2", f"{name}_13"), look=Look(40))
    assert [line.split()[0] for line in lines] == [
        "evaluate_the_…t_seen",
        "evaluate_the_…seen_2",
        "evaluate_the_…een_13",
    ]


def test_what_stands_above_or_is_waited_for_there_is_not_named_again() -> None:
    assert drawn(planned("a", "b", "c < a b", "d < a b c", "e < d a")) == [
        "  a           waiting",
        "  b           waiting",
        "  └─ c        waiting      also after a",
        "     └─ d     waiting",
        "        └─ e  waiting",
    ]


def test_up_to_eight_calls_have_a_line_each_and_more_share_one() -> None:
    assert len(drawn(fan_out(8))) == 1 + 8 + 8 + 1
    assert [line.partition("  waiting")[0].rstrip() for line in drawn(fan_out(98))] == [
        "  load",
        "  └─ train ×98",
        "     └─ score ×98",
        "        └─ best",
    ]


def test_a_line_for_many_counts_them_and_names_those_that_failed() -> None:
    steps = planned("load", *(f"train_{index} < load" for index in range(1, 99)))
    states = {f"train_{index}": StepState("completed", 1.0, 3.0) for index in range(1, 41)}
    states |= {f"train_{index}": StepState("cached", 1.0, 1.0) for index in range(41, 51)}
    states |= {"train_60": StepState("running", 4.0), "train_61": StepState("running", 5.0)}
    states |= {"train_70": StepState("failed", 4.0, 5.0), "train_71": StepState("retrying", 4.0, due=30.0)}
    assert drawn(steps, states, now=11.0) == [
        "  load          waiting",
        "  └─ train ×98  failed     10.0 s  "  # noqa: ISC004 - one line of the tree
        "40 done, 10 cached, 1 failed, 2 running, 1 retrying, 44 waiting; failed: train_70",
    ]


def test_the_steps_of_an_inner_pipeline_are_told_apart() -> None:
    calls = [f"a.fit_{index}" for index in range(9)] + [f"b.fit_{index}" for index in range(9)]
    assert names(*calls) == ["a.fit ×9", "b.fit ×9"]


def test_a_loop_of_one_step_over_itself_is_a_chain() -> None:
    calls = ["f", *(f"f_{index} < f{'' if index == 2 else f'_{index - 1}'}" for index in range(2, 13))]
    lines = names(*calls)
    assert len(lines) == 12
    assert lines[-1].strip() == "└─ f_12"


def test_a_name_that_is_not_known_or_comes_later_is_left_out() -> None:
    assert names("a < gone b", "b < a") == ["a", "└─ b"]


STATES = {
    "load": StepState("completed", 0.0, 0.25, note="parameter rate changed", traffic=StepTraffic(sent=3 << 20)),
    "clean": StepState("running", 0.5, attempt=2, attempts=4, traffic=StepTraffic(2048, 512)),
    "fit": StepState("retrying", 0.5, due=4.5, attempt=2, attempts=3, note="attempt 1: OSError"),
    "peek": StepState(note="for an equal step of run monday"),
    "plot": StepState("failed", 0.0, 75.0, note="ValueError"),
    "end": StepState("skipped"),
}
STEPS = planned("load", "clean < load", "fit < load", "peek", "plot", "end < plot")


def test_each_line_says_what_became_of_a_step() -> None:
    assert drawn(STEPS, STATES, now=1.5) == [
        "  load      completed      0.25 s  parameter rate changed; ↑ 3.0 MiB",
        "  ├─ clean  running        1.00 s  attempt 2 of 4; ↓ 2.0 KiB",
        "  └─ fit    retrying       1.00 s  attempt 2 of 3 in 3.00 s; attempt 1: OSError",
        "  peek      waiting                for an equal step of run monday",
        "  plot      failed     1 min 15 s  ValueError",
        "  └─ end    skipped",
    ]


def test_without_unicode_everything_is_ascii() -> None:
    lines = drawn([*STEPS, *fan_out(98)[1:99]], STATES, Look(unicode=False, height=50), now=1.5)
    assert all(line.isascii() for line in lines)
    assert lines[:3] == [
        "  load          completed      0.25 s  parameter rate changed; sent 3.0 MiB",
        "- |- clean      running        1.00 s  attempt 2 of 4; read 2.0 KiB",
        "  |- fit        retrying       1.00 s  attempt 2 of 3 in 3.00 s; attempt 1: OSError",
    ]


def test_colours_are_only_where_they_are_wanted() -> None:
    plain = drawn(STEPS, STATES, now=1.5)
    coloured = drawn(STEPS, STATES, Look(colours=True), now=1.5)
    assert not any("\x1b" in line for line in plain)
    assert coloured[4] == plain[4].replace("failed", "\x1b[1;31mfailed\x1b[0m")


@pytest.mark.parametrize("width", [20, 40, 79])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    chain = planned("f", *(f"f_{index} < f{'' if index == 2 else f'_{index - 1}'}" for index in range(2, 40)))
    long = [PlannedStep("特徴量の読み込み" * 3, "x"), PlannedStep("n" * 200, "n" * 200)]
    lines = drawn([*STEPS, *chain, *long], STATES, Look(width), now=1.5)
    assert max(map(width_of, lines)) <= width


def test_forty_columns_still_tell_what_runs() -> None:
    assert drawn(STEPS, STATES, Look(39), now=1.5)[:2] == [
        "  load      completed      0.25 s  par…",
        "  ├─ clean  running        1.00 s  att…",
    ]


def test_what_does_not_fit_the_height_is_counted_and_what_is_under_way_is_shown() -> None:
    steps = [PlannedStep(f"s{index}", f"s{index}") for index in range(100)]
    states = {f"s{index}": StepState("completed", 0.0, 1.0) for index in range(60)}
    states |= {"s60": StepState("running", 0.0), "s10": StepState("failed", 0.0, 1.0)}
    lines = drawn(steps, states, Look(height=5), now=8.0)
    assert len(lines) == 5
    assert [line.split()[-4 if "running" in line else 0] for line in lines[:2]] == ["s10", "s60"]
    assert lines[-1] == "  … 96 more: 59 done, 37 waiting"


def test_escape_sequences_in_names_and_notes_do_nothing() -> None:
    steps = [PlannedStep("bad\x1b[2J", "bad", ()), PlannedStep("next\u202e", "next", ("bad\x1b[2J",))]
    states = {"bad\x1b[2J": StepState("failed", 0.0, 1.0, note="Error\x1b]0;title\x07\n")}
    lines = drawn(steps, states)
    assert all(line.isprintable() for line in lines)
    assert lines[0] == "  bad\\x1b[2J     failed     1.00 s  Error\\x1b]0;title\\x07\\n"


def test_a_thousand_steps_are_laid_out_and_drawn_in_no_time() -> None:
    steps = fan_out(500)
    assert len(lay_out(steps)) == 4
    wide = [PlannedStep(f"s{index}", f"s{index}", (f"s{index - 1}",) if index % 10 else ()) for index in range(1000)]
    assert len(drawn(wide, look=Look(80, 22))) == 22

"""The lines in which a run is shown to a person: the tree of its steps with what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from argosy.execution.step_traffic import StepTraffic
from argosy.execution.views.amounts import format_bytes, format_seconds
from argosy.execution.views.run_tree import Branch
from argosy.execution.views.terminal_text import cut, cut_inside, one_line, padded, painted, width_of

_SPINNER, _PLAIN_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/"
_TIMES = "\N{MULTIPLICATION SIGN}"
_UNDER_WAY = frozenset({"running", "retrying"})
_NAMED = ("failed", "abandoned", "cancelled")
_COUNTED = ("completed", "cached", *_NAMED, "running", "retrying", "waiting", "skipped")
_WORDS = {"completed": "done"}
_MOST_NAMES = 3
_LEAST_BYTES = 1024
_STATUS_WIDTH = max(map(len, _COUNTED))
_GAP = "  "


@dataclass
class StepState:
    """What is known of a step now.

    Attributes:
        status: as ``StepRunRecord.status``, or ``waiting`` or ``retrying``.
        began: when, by any clock that all steps share; ``None`` before.
        ended: when, by the same clock.
        due: when its next attempt begins.
        attempt: the current attempt, or the one that comes next.
        attempts: how many it may have; 0 where that is not known.
        note: what else a person should know.
        traffic: the bytes that moved.
    """

    status: str = "waiting"
    began: float | None = None
    ended: float | None = None
    due: float | None = None
    attempt: int = 1
    attempts: int = 0
    note: str = ""
    traffic: StepTraffic = field(default_factory=StepTraffic)


@dataclass(frozen=True)
class Look:
    """What the place where rows are shown can do.

    Attributes:
        width: its columns; lines are cut to them. ``None`` cuts nothing.
        height: how many rows there may be. ``None`` for any number.
        unicode: whether it has more than ASCII.
        colours: whether it has colours.
    """

    width: int | None = None
    height: int | None = None
    unicode: bool = True
    colours: bool = False


@dataclass(frozen=True)
class RowTexts:
    """What one line of the tree says.

    Attributes:
        guide: the lines that lead to its name.
        name: of the step, or of several.
        status: of all of them together.
        took: how long.
        note: what else there is to say.
        mark: what turns while it runs.
    """

    guide: str
    name: str
    status: str
    took: str
    note: str
    mark: str = " "


def draw_rows(branches: Sequence[Branch], states: Mapping[str, StepState], now: float, look: Look) -> list[str]:
    """Return the lines that show a run, without line ends.

    Args:
        branches: the tree.
        states: what is known of each step in it.
        now: the moment by the clock of the states.
        look: where it is shown. Where there is not enough height, what is under way is shown first.
    """
    shown = _chosen(branches, states, look.height)
    rows = [row_texts(branch, [states[member] for member in branch.members], now, look) for branch in shown]
    name_width = max((width_of(row.guide) + width_of(row.name) for row in rows), default=0)
    if look.width is not None:
        room = look.width - _STATUS_WIDTH - 2 * len(_GAP)
        name_width = min(name_width, max(room - 12, min(room, look.width // 2), 1))
    took_width = max((len(row.took) for row in rows), default=0)
    lines = [_line(row, name_width, took_width, look) for row in rows]
    if len(shown) < len(branches):
        hidden = {id(branch) for branch in branches} - {id(branch) for branch in shown}
        states_of = [states[member] for branch in branches if id(branch) in hidden for member in branch.members]
        more = f"  {'…' if look.unicode else '...'} {len(states_of)} more: {_counts(states_of)}"
        lines.append(cut(more, look.width, "") if look.width else more)
    return lines


def status_of_all(states: Sequence[StepState]) -> str:
    """Return the status of several steps together."""
    found = {state.status for state in states}
    for status in ("failed", "abandoned", "running", "retrying", "cancelled"):
        if status in found:
            return status
    if "waiting" in found:
        return "waiting" if found == {"waiting"} else "running"
    return next(iter(found)) if len(found) == 1 else "completed" if "completed" in found else "cached"


def _chosen(branches: Sequence[Branch], states: Mapping[str, StepState], height: int | None) -> Sequence[Branch]:
    if height is None or len(branches) <= height:
        return branches
    ranks = [
        (_rank(status_of_all([states[member] for member in branch.members])), index)
        for index, branch in enumerate(branches)
    ]
    kept = {index for _, index in sorted(ranks)[: max(height - 1, 0)]}
    return [branch for index, branch in enumerate(branches) if index in kept]


def _rank(status: str) -> int:
    return 0 if status in _UNDER_WAY else 1 if status in _NAMED else 2 if status == "waiting" else 3


def row_texts(branch: Branch, states: Sequence[StepState], now: float, look: Look | None = None) -> RowTexts:
    """Return what the line of a branch says.

    Args:
        branch: the line.
        states: those of its members.
        now: the moment by the clock of the states.
        look: where it is shown.
    """
    look = look or Look()
    several = len(states) > 1
    status = status_of_all(states)
    name = one_line(branch.name) + (f" {_TIMES if look.unicode else 'x'}{len(states)}" if several else "")
    notes = []
    if several:
        notes.append(_counts(states))
        for word in _NAMED:
            named = [item for item, state in zip(branch.members, states, strict=True) if state.status == word]
            notes += [f"{word}: {_listed(named)}"] if named else []
    else:
        notes += _notes(states[0], now)
    notes.append(_moved(states, look))
    if branch.also_after:  # last: where there is no room for all, it is the tree that says less
        notes.append(f"also after {_listed(branch.also_after)}")
    spinner = _SPINNER if look.unicode else _PLAIN_SPINNER
    mark = spinner[int(now * 8) % len(spinner)] if status == "running" and look.height is not None else " "
    note = "; ".join(one_line(note) for note in notes if note)
    return RowTexts(_guide(branch.levels, look), name, status, _took(states, now), note, mark)


def _notes(state: StepState, now: float) -> list[str]:
    attempt = f"attempt {state.attempt} of {state.attempts}" if state.attempts else f"attempt {state.attempt}"
    if state.status == "retrying" and state.due is not None:
        return [f"{attempt} in {format_seconds(max(state.due - now, 0))}", state.note]
    return [attempt if state.attempt > 1 else "", state.note]


def _took(states: Sequence[StepState], now: float) -> str:
    begun = [state for state in states if state.began is not None]
    if not begun:
        return ""
    began = min(state.began for state in begun if state.began is not None)
    if any(state.status in _UNDER_WAY for state in begun):
        return format_seconds(now - began)
    ends = [state.ended for state in begun if state.ended is not None]
    return format_seconds(max(ends) - began) if ends else ""


def _counts(states: Sequence[StepState]) -> str:
    counted = Counter(state.status for state in states)
    return ", ".join(f"{counted[status]} {_WORDS.get(status, status)}" for status in _COUNTED if counted[status])


def _moved(states: Sequence[StepState], look: Look) -> str:
    received = sum(state.traffic.received for state in states)
    sent = sum(state.traffic.sent for state in states)
    down, up = ("↓", "↑") if look.unicode else ("read", "sent")
    parts = [f"{word} {format_bytes(count)}" for word, count in ((down, received), (up, sent)) if count >= _LEAST_BYTES]
    return " ".join(parts)


def _guide(levels: Sequence[bool], look: Look) -> str:
    bar, tee, end = ("│  ", "├─ ", "└─ ") if look.unicode else ("|  ", "|- ", "`- ")
    if not levels:
        return ""
    guide = "".join(bar if more else "   " for more in levels[:-1]) + (tee if levels[-1] else end)
    # Deep down the levels are no longer told apart.
    return guide if look.width is None else guide[-3 * max(look.width // 10, 2) :]


def _line(row: RowTexts, name_width: int, took_width: int, look: Look) -> str:
    mark = "…" if look.unicode else "~"
    name = cut_inside(row.name, max(name_width - width_of(row.guide), 1), mark)
    before = f"{row.mark} {padded(row.guide + name, name_width)}{_GAP}"
    status = padded(row.status, _STATUS_WIDTH)
    rest = f"{_GAP}{row.took:>{took_width}}{_GAP}{row.note}".rstrip()
    if look.width is not None:
        rest = cut(rest, max(look.width - width_of(before) - _STATUS_WIDTH, 0), mark)
    if look.colours:
        status = painted(status.rstrip(), row.status) + " " * (_STATUS_WIDTH - len(row.status))
    return (before + status + rest).rstrip()


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")

"""Names of runs: a text in which ``{date}`` and ``{time}`` stand for the moment the run is recorded, in UTC."""

from __future__ import annotations

import string
from datetime import datetime, timezone

from argosy.graph.names import name_problem
from argosy.graph.near_matches import did_you_mean, listed

_FORMATS = {"date": "%Y-%m-%d", "time": "%H-%M-%S-%f"}
"""Placeholder -> how it is written; with microseconds, so that two runs of one second have two names."""


def run_name_problem(template: object) -> str | None:
    """Tell what is wrong with a name for runs, as a sentence, or ``None``."""
    if not isinstance(template, str):
        return f"a run_name is a str, not {type(template).__name__}"
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return f"{template!r} has a single brace; write {{{{ or }}}} for a brace, or {listed(_placeholders())}"
    for _, placeholder, form, conversion in parts:
        if placeholder is None:
            continue
        if placeholder not in _FORMATS:
            hint = did_you_mean(placeholder, _FORMATS)
            return (
                f"{template!r} has the unknown placeholder {{{placeholder}}}{hint}; there are "
                f"{listed(_placeholders())}, and {{{{ for a brace"
            )
        if form or conversion:
            return f"{template!r} says how {{{placeholder}}} is written, which is fixed; write {{{placeholder}}} alone"
    return name_problem(make_run_name(template, datetime.now(timezone.utc)))


def make_run_name(template: str, now: datetime) -> str:
    """Return the name of a run that is recorded at ``now``."""
    return template.format_map({name: now.strftime(form) for name, form in _FORMATS.items()})


def _placeholders() -> list[str]:
    return [f"{{{name}}}" for name in _FORMATS]

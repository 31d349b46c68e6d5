"""What ``Annotated[int, Gt(0)]`` asks of a value: the vocabulary of annotated-types, without importing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_PACKAGE = "annotated_types"


def broken_constraint(value: Any, metadata: Iterable[object]) -> str | None:
    """Return what is wrong with a value, in words that follow "expected int", or ``None``.

    Constraints that are not known say nothing.
    """
    for constraint in metadata:
        if type(constraint).__module__.partition(".")[0] != _PACKAGE:
            continue
        if isinstance(constraint, Iterable):  # Interval and Len stand for several
            if problem := broken_constraint(value, constraint):
                return problem
        elif problem := _problem(value, constraint):
            return problem
    return None


def _problem(value: Any, constraint: Any) -> str | None:
    rule = _RULES.get(type(constraint).__name__)
    if rule is None:
        return None
    holds, text = rule
    try:
        return None if holds(value, constraint) else text.format(constraint)
    except TypeError:  # it cannot be compared or measured
        return text.format(constraint)


_RULES: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "Gt": (lambda value, rule: bool(value > rule.gt), "greater than {0.gt}"),
    "Ge": (lambda value, rule: bool(value >= rule.ge), "of at least {0.ge}"),
    "Lt": (lambda value, rule: bool(value < rule.lt), "less than {0.lt}"),
    "Le": (lambda value, rule: bool(value <= rule.le), "of at most {0.le}"),
    "MultipleOf": (lambda value, rule: value % rule.multiple_of == 0, "that is a multiple of {0.multiple_of}"),
    "MinLen": (lambda value, rule: len(value) >= rule.min_length, "with at least {0.min_length} items"),
    "MaxLen": (lambda value, rule: len(value) <= rule.max_length, "with at most {0.max_length} items"),
    "Predicate": (lambda value, rule: bool(rule.func(value)), "for which {0.func.__qualname__} is true"),
    "Not": (lambda value, rule: not rule.func(value), "for which {0.func.__qualname__} is false"),
}

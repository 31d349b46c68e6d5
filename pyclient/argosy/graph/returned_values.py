"""Binds what a step function returned to the outputs it declares."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from argosy.errors import OutputError
from argosy.graph.definitions import StepDefinition
from argosy.graph.outputs import OutputSpec
from argosy.value_types import is_instance_of, names_apart


class OutputTypeWarning(UserWarning):
    """A step returned a value of another type than it declares; the value is kept as it is."""


@dataclass(frozen=True)
class ReturnedValue:
    """One value with the output it belongs to."""

    output: OutputSpec
    value: object


def bind_returned_values(step: StepDefinition, returned: object) -> tuple[ReturnedValue, ...]:
    """Pair the returned values with the declared outputs, in order.

    A value of the wrong type is kept and warned about (:class:`OutputTypeWarning`): hours of
    training are not thrown away for an annotation.

    Raises:
        OutputError: another number of values than declared; the message names both.
    """
    declared = step.outputs
    if declared.is_tuple:
        values = _items(step, returned)
    elif len(declared) == 1:
        values = (returned,)
    elif returned is None:
        values = ()
    else:
        raise OutputError(
            f"step {step.name!r} ({step.location}) declares no outputs (-> None) but returned "
            f"a value of type {type(returned).__name__}; annotate what it returns, or return nothing"
        )
    pairs = tuple(ReturnedValue(output, value) for output, value in zip(declared, values, strict=True))
    for pair in pairs:
        _warn_if_mistyped(step, pair)
    return pairs


def _items(step: StepDefinition, returned: object) -> tuple[object, ...]:
    count = len(step.outputs)
    expected = f"{count} output{'s' if count != 1 else ''} ({', '.join(step.outputs.keys)})"
    cure = "return one value for each, or change the return annotation"
    if not isinstance(returned, (tuple, list)):
        raise OutputError(
            f"step {step.name!r} ({step.location}) declares {expected} but returned one value "
            f"of type {type(returned).__name__}; {cure}"
        )
    if len(returned) != len(step.outputs):
        raise OutputError(
            f"step {step.name!r} ({step.location}) declares {expected} but returned {len(returned)} values; {cure}"
        )
    return tuple(returned)


def _warn_if_mistyped(step: StepDefinition, pair: ReturnedValue) -> None:
    if is_instance_of(pair.value, pair.output.annotation):
        return
    returned, declared = names_apart(type(pair.value), pair.output.annotation)
    warnings.warn_explicit(
        f"step {step.name!r} declares output {pair.output.key!r} as {declared} but returned {returned}; it is saved as "
        f"{returned}: correct the annotation or the value",
        OutputTypeWarning,
        step.location.file,
        step.location.line,
    )

"""What a step receives, against what it says that it takes."""

from __future__ import annotations

import warnings

from argosy.graph.definitions import StepDefinition
from argosy.value_types import is_loaded_as, names_apart


class InputTypeWarning(UserWarning):
    """A step received an artifact of another type than it annotates; it is passed as it is."""


def check_received(step: StepDefinition, name: str, value: object) -> None:
    """Warn of an input that is not what its parameter is annotated as (:class:`InputTypeWarning`).

    An artifact is what it was saved as, and never made into something else on its way: that is for the step to do.
    """
    annotation = step.annotation_of(name)
    if is_loaded_as(value, annotation):
        return
    received, asked = names_apart(type(value), annotation)
    warnings.warn_explicit(
        f"step {step.name!r} takes input {name!r} as {asked} but received {received}, "
        "which is passed as it is: correct the annotation, or convert the value in the step",
        InputTypeWarning,
        step.location.file,
        step.location.line,
    )

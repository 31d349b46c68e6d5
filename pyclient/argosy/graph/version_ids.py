"""Which arguments and annotations mean a stored artifact version, and which one."""

from __future__ import annotations

import inspect
from typing import Any
from uuid import UUID

from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.step_output import StepOutput, StepOutputs
from argosy.value_types import without_none

VERSION_ID_ATTRIBUTE = "__argosy_version_id__"
"""An object with this attribute, the id of an artifact version, is that version."""

_PLAIN = frozenset({type(None), bool, int, float, str})


def version_id_of(value: object) -> UUID | None:
    """Return the id of the artifact version that ``value`` is, ``None`` if it is none."""
    if type(value) in _PLAIN or isinstance(value, (type, StepOutput, StepOutputs, MappedOutputs)):
        return None
    if inspect.getattr_static(value, VERSION_ID_ATTRIBUTE, None) is None:
        return None
    return UUID(str(getattr(value, VERSION_ID_ATTRIBUTE)))


def wants_version(annotation: Any) -> bool:
    """Tell whether an input is annotated as a stored version, instead of its value."""
    wanted = without_none(annotation)
    return isinstance(wanted, type) and inspect.getattr_static(wanted, VERSION_ID_ATTRIBUTE, None) is not None

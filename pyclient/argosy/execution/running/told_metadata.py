"""What the code of a step tells about itself and its outputs while it runs. Newer facts win, key by key.

Threads of a step may tell at once: each only adds to what is there, and never puts back what it has read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from argosy.errors import ParameterError
from argosy.execution.context import StepContext
from argosy.graph.near_matches import did_you_mean, listed
from argosy.graph.user_metadata import checked_metadata, fact_text, refuse_too_much


def tell_of_step(step: StepContext, metadata: Mapping[str, Any]) -> None:
    """Add facts about the step run; they are stored when the attempt ends, however it ends.

    Raises:
        ParameterError: they are not JSON, or too large together with those told before.
    """
    texts = {key: fact_text(fact) for key, fact in checked_metadata(metadata).items()}
    refuse_too_much({**step.metadata, **texts})
    step.metadata.update(texts)


def tell_of_output(step: StepContext, output: str, metadata: Mapping[str, Any]) -> None:
    """Add facts about an output; they are saved with it.

    Raises:
        ParameterError: they are not JSON, or too large together with those told before.
    """
    facts = checked_metadata(metadata)
    told = step.output_metadata.setdefault(output, {})
    checked_metadata({**told, **facts})
    told.update(facts)


def tag_output(step: StepContext, output: str, tags: Iterable[str]) -> None:
    """Add tags to an output; they are saved with it, each once."""
    step.output_tags.setdefault(output, {}).update(dict.fromkeys(tags))


def output_named(step: StepContext, name: str) -> str | None:
    """Return the output of the step that a name means, its own or that of its artifact; ``None`` for no output."""
    if name in step.outputs:
        return name
    return next((output for output, artifact in step.outputs.items() if artifact == name), None)


def unknown_output(caller: str, step: StepContext, name: str) -> ParameterError:
    """Make the error for a name that is neither an output of the step nor saved by it."""
    saved = dict.fromkeys(version.name for version in step.saved)
    known = [*step.outputs, *saved]
    return ParameterError(
        f"{caller}(artifact={name!r}): step {step.invocation!r} has no such output and saved no such artifact"
        f"{did_you_mean(name, known)}; it has {listed(known) or 'none'}. For a version saved elsewhere say which: "
        f"pass version= or alias=, or artifact=argosy.get_artifact({name!r})"
    )

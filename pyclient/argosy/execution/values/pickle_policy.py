"""How outputs will be kept, as far as that can be told before anything runs.

Hours of training shall not end with the news that a result cannot be saved: what a step names as
a materializer must be one, and where pickle is off no output may need it.
"""

from __future__ import annotations

from argosy.config import ClientConfig, pickle_cure
from argosy.errors import PickleRefusedError
from argosy.execution.failure import add_note
from argosy.graph.definitions import StepDefinition
from argosy.graph.model import Graph
from argosy.graph.outputs import OutputSpec
from argosy.materializers.annotations import needs_pickle
from argosy.materializers.registry import is_pickle, resolve
from argosy.value_types import type_name


def pickle_allowed(step: StepDefinition, config: ClientConfig) -> bool:
    """Tell whether a step may save and load pickles: its own word, else that of the settings."""
    return config.allow_pickle if step.allow_pickle is None else step.allow_pickle


def check_pickle_policy(graph: Graph, config: ClientConfig) -> None:
    """Refuse a graph with an output that could not be saved as its step declares it.

    Raises:
        PickleRefusedError: only a pickle could keep it, and pickle is off for the step.
        DefinitionError: the materializer it names is none.
        MaterializerError: the materializer it names is not known here.
    """
    for step in {id(invocation.step): invocation.step for invocation in graph.invocations.values()}.values():
        for output in step.outputs:
            try:
                would_be_pickle = _would_be_pickle(step, output)
            except Exception as error:
                add_note(error, f"{step.location}: output {output.key!r} of step {step.name!r}; nothing has run")
                raise
            if would_be_pickle and not pickle_allowed(step, config):
                raise PickleRefusedError(
                    f"{step.location}: output {output.key!r} of step {step.name!r} is a "
                    f"{type_name(output.annotation)}, which only pickle could keep, and pickle is off; nothing has "
                    f"run. Write @step(allow_pickle=True), {pickle_cure()}, subclass argosy.Materializer "
                    "for the class, or name one in @step(output_materializers=...)"
                )


def _would_be_pickle(step: StepDefinition, output: OutputSpec) -> bool:
    chosen = step.output_materializers.get(output.key)
    if chosen is not None:
        return is_pickle(resolve(chosen))
    return needs_pickle(output.annotation) is True

"""The outputs rule: what a step returns is told by its return annotation alone.

==============================================  =========================================
``-> None``                                     no outputs
nothing, or ``-> ...``                          one untyped output
``-> T``                                        one output
``-> tuple[A, B]``                              two outputs
``-> tuple[int, ...]``                          one output, a tuple
``Annotated[T, "name"]``                        names the output it stands for
``Annotated[T, ArtifactConfig(name=..., ...)]`` names it and says more
==============================================  =========================================

Nothing depends on how ``return`` is written.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any

from argosy.errors import DefinitionError
from argosy.graph.annotations import Unresolved
from argosy.graph.artifact_config import ArtifactConfig
from argosy.graph.names import SEPARATOR, new_name_problem
from argosy.graph.near_matches import did_you_mean, listed
from argosy.value_types import without_alias

_NOTHING: tuple[Any, ...] = (type(None), typing.NoReturn, getattr(typing, "Never", typing.NoReturn))


@dataclass(frozen=True)
class OutputSpec:
    """One declared output of a step.

    Attributes:
        key: its name inside the step: the given one, else ``output`` or ``output_0``, ``output_1``, ….
        annotation: its type without names; ``Any`` when untyped.
        is_named: whether the user named it.
        version: the version to save under, ``None`` for automatic numbers.
        tags: tags every version gets.
        metadata: facts every version gets.
        description: what it is, in words.
        stored_as: the artifact's name where a call of the step chose another one.
    """

    key: str
    annotation: Any = Any
    is_named: bool = False
    version: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    description: str = ""
    stored_as: str | None = None

    def artifact_name(self, pipeline: str, invocation: str) -> str:
        """Return the name it is saved under: the given one, else ``pipeline::step::output``."""
        if self.stored_as is not None:
            return self.stored_as
        return self.key if self.is_named else SEPARATOR.join((pipeline, invocation, self.key))


@dataclass(frozen=True)
class Outputs:
    """Everything a step declares to return.

    Attributes:
        specs: the outputs in order.
        is_tuple: whether the function returns them as a tuple, one item an output.
    """

    specs: tuple[OutputSpec, ...]
    is_tuple: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the outputs in order."""
        return tuple(spec.key for spec in self.specs)

    def __iter__(self) -> Iterator[OutputSpec]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)


def declared_outputs(annotation: Any) -> Outputs:
    """Apply the outputs rule to a resolved return annotation; ``...`` stands for a missing one.

    Raises:
        DefinitionError: the annotation cannot be resolved, or names are malformed or used twice.
    """
    if isinstance(annotation, Unresolved):
        raise DefinitionError(
            f"the return annotation {annotation.text!r} cannot be evaluated ({annotation.reason}); define or import "
            "what it names before the step, at module level"
        )
    if annotation is ...:
        return Outputs((OutputSpec("output"),))
    if annotation is None or any(annotation is nothing for nothing in _NOTHING):
        return Outputs(())
    annotation = without_alias(annotation)
    items = _tuple_items(annotation)
    if items is None:
        return Outputs((_spec(annotation, "output"),))
    unnamed = [f"output_{index}" for index in range(len(items))]
    specs = tuple(_spec(item, key) for item, key in zip(items, unnamed, strict=True))
    _refuse_duplicates([spec.key for spec in specs])
    return Outputs(specs, is_tuple=True)


def renamed_outputs(outputs: Outputs, names: object) -> Outputs:
    """Return outputs that are kept under other artifact names; inside the step they are called what they were.

    Args:
        outputs: what the step declares.
        names: an artifact's name where there is one output, or the names by output.

    Raises:
        DefinitionError: there is no such output, a name is malformed, or two outputs would have one name.
    """
    if isinstance(names, str) and len(outputs) == 1:
        names = {outputs.keys[0]: names}
    if not isinstance(names, Mapping):
        raise DefinitionError(
            f"output_names is a dict of output to artifact name, not {names!r}; the outputs are "
            f"{listed(outputs.keys) or 'none'}"
        )
    for key, name in names.items():
        if key not in outputs.keys:
            near = did_you_mean(key, outputs.keys) if isinstance(key, str) else ""
            raise DefinitionError(
                f"output_names: there is no output {key!r}{near}; the outputs are {listed(outputs.keys) or 'none'}"
            )
        if problem := new_name_problem(name):
            raise DefinitionError(f"output_names[{key!r}]: {problem}")
    specs = tuple(
        replace(spec, stored_as=names[spec.key], is_named=True) if spec.key in names else spec for spec in outputs
    )
    _refuse_duplicates([spec.stored_as or spec.key for spec in specs])
    return replace(outputs, specs=specs)


def _tuple_items(annotation: Any) -> tuple[Any, ...] | None:
    """Return the item types of a tuple of fixed length, ``None`` for everything else."""
    if typing.get_origin(annotation) is not tuple:
        return None
    items = typing.get_args(annotation)
    if not items or items == ((),) or ... in items:
        return None
    return items


def _spec(annotation: Any, unnamed_key: str) -> OutputSpec:
    annotation = without_alias(annotation)
    if typing.get_origin(annotation) is not Annotated:
        return OutputSpec(unnamed_key, annotation)
    names = [extra for extra in annotation.__metadata__ if isinstance(extra, str)]
    configs = [extra for extra in annotation.__metadata__ if isinstance(extra, ArtifactConfig)]
    if any(extra is ArtifactConfig for extra in annotation.__metadata__):
        raise DefinitionError("the return annotation has the class ArtifactConfig; write ArtifactConfig(name=...)")
    config = configs[0] if configs else ArtifactConfig()
    given = [*names, *(config.name for config in configs if config.name is not None)]
    if len(given) > 1 or len(configs) > 1:
        raise DefinitionError(
            f"an output is named or configured twice ({given}); leave one name and one ArtifactConfig"
        )
    if given and (problem := new_name_problem(given[0])):
        raise DefinitionError(f"the name of an output is not allowed: {problem}")
    return OutputSpec(
        key=given[0] if given else unnamed_key,
        annotation=annotation.__origin__,
        is_named=bool(given),
        version=None if config.version is None else str(config.version),
        tags=tuple(config.tags),
        metadata=config.metadata,
        description=config.description,
    )


def _refuse_duplicates(keys: Sequence[str]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise DefinitionError(f"two outputs are named {key!r}; give each output a name of its own")

"""``ArtifactConfig``: what a step says about one of its outputs beyond the type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from argosy.errors import DefinitionError, ParameterError
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.graph.names import new_name_problem, text_problem, version_problem
from argosy.graph.user_metadata import checked_description, checked_metadata


@methods_suggest_keywords
@dataclass(frozen=True)
class ArtifactConfig:
    """Goes into an annotation: ``Annotated[np.ndarray, ArtifactConfig(name="weights", tags=["dev"])]``.

    Attributes:
        name: the artifact's name; without one it is ``pipeline::step::output``.
        version: a number or label to save under; without one numbers are given automatically.
        tags: tags every version gets.
        metadata: searchable facts every version gets; JSON values.
        description: what it is, in words for people.
    """

    name: str | None = None
    version: str | int | None = None
    tags: Iterable[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""

    def __post_init__(self) -> None:
        """Check and freeze what was given.

        Raises:
            DefinitionError: a malformed name, version, tag or description, or metadata that is not JSON.
        """
        if self.name is not None and (problem := new_name_problem(self.name)):
            raise DefinitionError(f"ArtifactConfig(name=...): {problem}")
        if self.version is not None and (problem := version_problem(self.version)):
            raise DefinitionError(f"ArtifactConfig(version=...): {problem}")
        object.__setattr__(self, "version", None if self.version is None else str(self.version))
        object.__setattr__(self, "tags", _checked_tags(self.tags))
        object.__setattr__(self, "metadata", _checked_metadata(self.metadata))
        _check_description(self.description)

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.tags))


def _checked_tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise DefinitionError(f"ArtifactConfig(tags={tags!r}): tags are a list of str; write tags=[...]")
    checked: dict[str, None] = {}
    for tag in tags:
        if not isinstance(tag, str) or text_problem(tag):
            raise DefinitionError(
                f"ArtifactConfig(tags=...): {tag!r} is no tag; a tag is 1 to 255 printable characters"
            )
        checked[tag] = None
    return tuple(checked)


def _check_description(description: str) -> None:
    try:
        checked_description(description)
    except ParameterError as error:
        raise DefinitionError(f"ArtifactConfig(description=...): {error}") from None


def _checked_metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return MappingProxyType(checked_metadata(metadata))
    except ParameterError as error:
        raise DefinitionError(f"ArtifactConfig(metadata=...): {error}") from None

"""``ExternalArtifact``: feeds a step something that no upstream step of the pipeline makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final
from uuid import UUID

from argosy.errors import ParameterError
from argosy.graph.brief import brief
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.graph.names import alias_problem, id_problem, name_problem, version_problem
from argosy.graph.step_output import StepOutput
from argosy.graph.switches import check_switches
from argosy.graph.version_ids import version_id_of


@final
class NotPassed:
    """The type of :data:`NOT_PASSED`."""

    def __repr__(self) -> str:
        return "..."


NOT_PASSED: Final = NotPassed()
"""Tells "was not passed" from every value a user may pass: ``None``, ``0`` and arrays are values."""


@methods_suggest_keywords
@final
class ExternalArtifact:
    """A value, or a stored artifact version, that enters a pipeline from outside.

    Exactly one of ``value``, ``id`` and ``name`` is passed; ``None``, ``0``, ``""`` and empty
    containers are values like any other. The object is immutable and can be used in any number
    of steps, pipelines and runs; a value is uploaded once a run. Type checkers see ``Any``, so
    it fits every parameter.

    Attributes:
        value: the value itself; feeding one switches off caching of the step. ``NOT_PASSED`` if none.
        id: the id of an artifact version, or ``None``.
        name: the name of an artifact, or ``None``; alone it means the latest version, looked up
            when the step starts.
        version: with ``name``: this version, a number or a label.
        alias: with ``name``: the version this alias points to.
        pipeline_name: with ``name``: the version in the most recent completed run of this pipeline.
        materializer: with a value: how it is saved, a ``Materializer`` class or instance.
        extract_metadata: with a value: whether facts about it are recorded.
        include_visualizations: with a value: whether previews are made.
    """

    __slots__ = (
        "alias",
        "extract_metadata",
        "id",
        "include_visualizations",
        "materializer",
        "name",
        "pipeline_name",
        "value",
        "version",
    )

    value: Any
    id: UUID | None
    name: str | None
    version: str | None
    alias: str | None
    pipeline_name: str | None
    materializer: Any
    extract_metadata: bool
    include_visualizations: bool

    if TYPE_CHECKING:

        def __new__(  # noqa: D102 - what type checkers see; __init__ is what runs
            cls,
            value: object = ...,
            *,
            id: UUID | str = ...,
            name: str = ...,
            version: int | str = ...,
            alias: str = ...,
            pipeline_name: str = ...,
            materializer: object = ...,
            extract_metadata: bool = True,
            include_visualizations: bool = True,
        ) -> Any: ...

    else:

        def __init__(
            self,
            value: Any = NOT_PASSED,
            *,
            id: Any = NOT_PASSED,
            name: Any = NOT_PASSED,
            version: Any = NOT_PASSED,
            alias: Any = NOT_PASSED,
            pipeline_name: Any = NOT_PASSED,
            materializer: Any = None,
            extract_metadata: bool = True,
            include_visualizations: bool = True,
        ) -> None:
            """Check the combination, then freeze it.

            Raises:
                ParameterError: not exactly one of value, id and name; a keyword that does not go
                    with it; a malformed id, name, version, alias or option; or a value that is an
                    artifact already.
            """
            given = {"value": value, "id": id, "name": name}
            selectors = {"version": version, "alias": alias, "pipeline_name": pipeline_name}
            _require_exactly_one(given)
            _require_fitting_selectors(selectors, by_name=name is not NOT_PASSED)
            _refuse_artifact(value)
            check_switches(extract_metadata=extract_metadata, include_visualizations=include_visualizations)
            if value is NOT_PASSED:
                _refuse_saving_options(materializer, extract_metadata, include_visualizations)
            _refuse_no_materializer(materializer)
            _require_well_formed(given | selectors)
            fields = {
                "value": value,
                "id": None if id is NOT_PASSED else UUID(str(id)),
                "name": _or_none(name),
                "version": None if version is NOT_PASSED else str(version),
                "alias": _or_none(alias),
                "pipeline_name": _or_none(pipeline_name),
                "materializer": materializer,
                "extract_metadata": extract_metadata,
                "include_visualizations": include_visualizations,
            }
            for field, content in fields.items():
                object.__setattr__(self, field, content)

    @property
    def has_value(self) -> bool:
        """Whether it carries a value, rather than naming a stored version."""
        return self.value is not NOT_PASSED

    def __setattr__(self, field: str, content: object) -> None:
        raise AttributeError(f"an ExternalArtifact cannot be changed ({field}=...); make a new one")

    def __delattr__(self, field: str) -> None:
        raise AttributeError(f"an ExternalArtifact cannot be changed (del {field}); make a new one")

    def __getstate__(self) -> dict[str, object]:
        return {field: getattr(self, field) for field in self.__slots__ if getattr(self, field) is not NOT_PASSED}

    def __setstate__(self, state: dict[str, object]) -> None:
        for field in self.__slots__:
            object.__setattr__(self, field, state.get(field, NOT_PASSED))

    def __repr__(self) -> str:
        if self.has_value:
            return f"ExternalArtifact({brief(self.value)})"
        selectors = ("name", "version", "alias", "pipeline_name")
        if self.id is not None:
            return f"ExternalArtifact(id={str(self.id)!r})"
        return f"ExternalArtifact({', '.join(f'{s}={getattr(self, s)!r}' for s in selectors if getattr(self, s))})"


def _require_exactly_one(given: dict[str, object]) -> None:
    passed = [key for key, content in given.items() if content is not NOT_PASSED]
    if len(passed) == 1:
        return
    cure = "pass exactly one of value, id=... and name=..."
    if not passed:
        raise ParameterError(f"ExternalArtifact() got none of value, id and name; {cure}")
    raise ParameterError(f"ExternalArtifact got {' and '.join(passed)}; {cure}")


def _require_fitting_selectors(selectors: dict[str, object], *, by_name: bool) -> None:
    passed = [key for key, content in selectors.items() if content is not NOT_PASSED]
    if passed and not by_name:
        raise ParameterError(
            f"ExternalArtifact got {' and '.join(passed)} without name; {passed[0]}= selects a version "
            f"of a named artifact: add name=..., or leave {passed[0]}= out"
        )
    if len(passed) > 1:
        raise ParameterError(
            f"ExternalArtifact got {' and '.join(passed)}; each selects a version on its own, so pass one of them"
        )


def _refuse_artifact(value: object) -> None:
    if isinstance(value, (StepOutput, ExternalArtifact)) or version_id_of(value) is not None:
        raise ParameterError(
            f"ExternalArtifact got a {type(value).__name__} as its value, which is an artifact already; pass it to the "
            "step as it is"
        )


def _refuse_no_materializer(materializer: object) -> None:
    """Tell by its shape: declaring imports no materializer."""
    is_one = isinstance(materializer, str) or (
        callable(getattr(materializer, "save", None)) and callable(getattr(materializer, "load", None))
    )
    if materializer is not None and not is_one:
        raise ParameterError(
            f"ExternalArtifact(materializer={brief(materializer)}): it is a subclass of argosy.Materializer, an "
            "instance of one, or its name as 'module:Class'"
        )


def _refuse_saving_options(materializer: object, extract_metadata: bool, include_visualizations: bool) -> None:
    passed = {
        "materializer": materializer is not None,
        "extract_metadata": not extract_metadata,
        "include_visualizations": not include_visualizations,
    }
    for option, was_passed in passed.items():
        if was_passed:
            raise ParameterError(
                f"ExternalArtifact got {option} with an artifact that is stored already; "
                f"{option}= says how a value is saved: pass a value, or leave it out"
            )


def _require_well_formed(arguments: dict[str, object]) -> None:
    rules = {
        "id": id_problem,
        "name": name_problem,
        "version": version_problem,
        "alias": alias_problem,
        "pipeline_name": name_problem,
    }
    for argument, problem_of in rules.items():
        content = arguments[argument]
        if content is not NOT_PASSED and (problem := problem_of(content)):
            raise ParameterError(f"ExternalArtifact({argument}=...): {problem}")


def _or_none(content: Any) -> Any:
    return None if content is NOT_PASSED else content

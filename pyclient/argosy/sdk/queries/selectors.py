"""How users name one stored version, by an id or a name with at most one of version, alias and pipeline; or one run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from argosy.errors import ParameterError
from argosy.graph.names import alias_problem, id_problem, name_problem, version_problem

if TYPE_CHECKING:
    from argosy.v1.artifact_pb2 import VersionSelector


def make_selector(
    name_or_id: str | UUID,
    version: int | str | None = None,
    *,
    alias: str | None = None,
    pipeline_name: str | None = None,
) -> VersionSelector:
    """Return how the service is asked for a version.

    Args:
        name_or_id: an artifact's name; a ``UUID``, or a text of that form, is a version's id.
        version: with a name: this version, a number or a label.
        alias: with a name: the version it points at.
        pipeline_name: with a name: the version in the most recent completed run of this pipeline.

    Raises:
        ParameterError: a malformed part, or parts that do not go together.
    """
    from argosy.v1.artifact_pb2 import VersionSelector

    given = {"version": version, "alias": alias, "pipeline_name": pipeline_name}
    passed = [key for key, value in given.items() if value is not None]
    if isinstance(name_or_id, UUID) or id_problem(name_or_id) is None:
        if passed:
            raise ParameterError(f"{name_or_id} is the id of one version; leave out {' and '.join(passed)}")
        return VersionSelector(id=str(name_or_id))
    if len(passed) > 1:
        raise ParameterError(f"{' and '.join(passed)} each select a version on their own; pass one of them")
    checks = {"name": name_problem(name_or_id)}
    checks |= {"version": version_problem(version)} if version is not None else {}
    checks |= {"alias": alias_problem(alias)} if alias is not None else {}
    checks |= {"pipeline_name": name_problem(pipeline_name)} if pipeline_name is not None else {}
    for part, problem in checks.items():
        if problem:
            raise ParameterError(f"{part}: {problem}")
    return VersionSelector(
        name=name_or_id,
        version="" if version is None else str(version),
        alias=alias or "",
        pipeline_name=pipeline_name or "",
    )


def run_key(call: str, run: object) -> str:
    """Return the name or id of a run that was given itself, by its name or by its id.

    Raises:
        ParameterError: it is something else; names the call.
    """
    if isinstance(run, (str, UUID)):
        return str(run)
    # Loaded only now: records are not needed to name one.
    from argosy.execution.records.run_facts import RunFacts

    if isinstance(run, RunFacts):
        return str(run.id)
    raise ParameterError(f"{call}(run=...): it is a run, its name or its id, not {type(run).__name__}")

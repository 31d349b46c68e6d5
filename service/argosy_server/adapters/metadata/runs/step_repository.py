"""Step runs: started and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from argosy_server.adapters.metadata.connections.session import Insert, Session, upsert
from argosy_server.adapters.metadata.rows.texts import dump, dump_error
from argosy_server.adapters.metadata.rows.times import moment, optional_moment
from argosy_server.adapters.metadata.runs import step_lineage
from argosy_server.adapters.metadata.runs.attempt_rows import with_attempts
from argosy_server.adapters.metadata.runs.run_rows import steps_of, to_run, to_step
from argosy_server.adapters.metadata.schema.tables import runs, step_runs
from argosy_server.domain.errors import IllegalTransition, RunNotFound
from argosy_server.domain.pipeline import InputSpec, LoadedInput, Run, RunError, StepRun, StepState

_THIS = (step_runs.c.project == bindparam("project")) & (step_runs.c.id == bindparam("id"))
_STEP = select(step_runs).where(_THIS)
_RUN_ID_OF_STEP = select(step_runs.c.run_id).where(_THIS)
_RUN = select(runs).where(runs.c.project == bindparam("project"), runs.c.id == bindparam("id"))
_STEPS = (
    select(step_runs)
    .where(step_runs.c.project == bindparam("project"), step_runs.c.run_id == bindparam("run_id"))
    .order_by(step_runs.c.seq)
)
_END = (
    update(step_runs)
    .where(
        step_runs.c.project == bindparam("p_project"),
        step_runs.c.id == bindparam("p_id"),
        step_runs.c.state == StepState.RUNNING.value,
    )
    .values(
        state=bindparam("new_state"),
        error=bindparam("new_error"),
        metadata=bindparam("new_metadata"),
        ended_at=bindparam("now"),
    )
)


@cache
def _insert(dialect: str) -> Insert:
    kept = upsert(dialect, step_runs).on_conflict_do_nothing(
        index_elements=[step_runs.c.project, step_runs.c.run_id, step_runs.c.invocation]
    )
    result: Insert = kept.returning(step_runs.c.seq)  # type: ignore[assignment]  # the same statement
    return result


class SqlStepRepository:
    """The step runs of runs."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def get_step(self, project: str, step_run_id: str) -> tuple[Run, StepRun]:
        """Return and lock a step run (without inputs and outputs) and its run (without steps)."""
        # The run is locked before its step, as everybody does, so two transactions never wait for each other.
        run_id = self._session.execute(_RUN_ID_OF_STEP, {"project": project, "id": step_run_id}).scalar_one_or_none()
        if run_id is None:
            raise _not_found(project, step_run_id)
        run_row = self._session.execute(self._session.locked(_RUN), {"project": project, "id": run_id}).one()
        row = self._session.execute(self._session.locked(_STEP), {"project": project, "id": step_run_id}).one()
        run = to_run(run_row, self._session.now())
        return run, to_step(row, run)

    def add_step(self, run: Run, step: StepRun, inputs: Sequence[InputSpec]) -> StepRun:
        """Insert a step run with its inputs, and return it with its start time and, if it is final, its end time."""
        now = self._session.now()
        ended_at = None if step.state is StepState.RUNNING else now
        seq = self._session.execute(
            _insert(self._session.dialect),
            {
                "id": step.id,
                "project": run.project,
                "run_id": run.id,
                "pipeline_name": run.pipeline_name,
                "invocation": step.invocation,
                "step_name": step.step_name,
                "state": step.state.value,
                "attempt_token": step.attempt_token,
                "parameters": dump(step.parameters),
                "cache_key": step.cache_key,
                "cache_key_parts": dump(step.cache_key_parts),
                "cached_from": step.cached_from,
                "cache_miss": dump(step.cache_miss),
                "error": dump_error(step.error),
                "started_at": now,
                "ended_at": ended_at,
                "attempt": step.attempt,
                "epoch": run.epoch,
                "metadata": dump(step.metadata),
                "upstream": dump(step.upstream),
            },
        ).scalar_one_or_none()
        if seq is None:
            raise IllegalTransition(
                f"step {step.invocation!r} was started before in run {run.name!r}; an invocation starts once in a run",
                resource=f"run {run.id}",
            )
        step_lineage.link_inputs(self._session, run.project, step, inputs)
        return replace(step, started_at=moment(now), ended_at=optional_moment(ended_at), epoch=run.epoch)

    def end_step(
        self, project: str, step: StepRun, state: StepState, error: RunError | None, metadata: Mapping[str, str]
    ) -> None:
        """Change the state of a running step run, set its end, and add to its metadata."""
        result = self._session.execute(
            _END,
            {
                "p_project": project,
                "p_id": step.id,
                "new_state": state.value,
                "new_error": dump_error(error),
                "new_metadata": dump({**step.metadata, **metadata}),
                "now": self._session.now(),
            },
        )
        if result.rowcount == 0:
            raise IllegalTransition(
                f"step {step.invocation!r} does not run and cannot become {state.value}", resource=f"step run {step.id}"
            )

    def add_outputs(self, project: str, step: StepRun, outputs: Sequence[tuple[str, str]]) -> None:
        """Record returned outputs: (output name, version id), in order."""
        if outputs:
            step_lineage.link_outputs(self._session, project, step, outputs)

    def add_saved(self, project: str, step_run_id: str, version_id: str, attempt: int) -> None:
        """Record a version saved inside an attempt of the step."""
        step_lineage.link_saved(self._session, project, step_run_id, version_id, attempt)

    def add_loaded(self, project: str, step: StepRun, loaded: Sequence[LoadedInput]) -> None:
        """Record versions the step's code loaded, with the selectors it used."""
        if loaded:
            step_lineage.link_loaded(self._session, project, step, loaded)

    def load_step(self, project: str, step_run_id: str) -> StepRun:
        """Return a step run with inputs, outputs, saved and loaded versions (all without files)."""
        row = self._session.execute(_STEP, {"project": project, "id": step_run_id}).one_or_none()
        if row is None:
            raise _not_found(project, step_run_id)
        return self._attached(project, self._steps(project, [row]))[0]

    def loads(self, project: str, step_run_id: str) -> list[LoadedInput]:
        """Return what a step's code loaded in its last attempt, with the selectors it used."""
        return step_lineage.loads(self._session, project, step_run_id)

    def _with_steps(self, run: Run) -> Run:
        rows = self._session.execute(_STEPS, {"project": run.project, "run_id": run.id})
        steps = [to_step(row, run) for row in rows]
        return replace(run, steps=tuple(self._attached(run.project, steps)))

    def _attached(self, project: str, steps: Sequence[StepRun]) -> list[StepRun]:
        return step_lineage.attach(self._session, project, with_attempts(self._session, project, steps))

    def _steps(self, project: str, rows: Sequence[Row[Any]]) -> list[StepRun]:
        return steps_of(self._session, project, rows)


def _not_found(project: str, step_run_id: str) -> RunNotFound:
    return RunNotFound(
        f"step run {step_run_id} does not exist in project {project!r}", resource=f"step run {step_run_id}"
    )

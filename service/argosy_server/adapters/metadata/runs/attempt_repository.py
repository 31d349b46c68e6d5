"""Step runs that begin another attempt: at once after a failure, or when their run was resumed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import bindparam, select, update

from argosy_server.adapters.metadata.rows.texts import dump
from argosy_server.adapters.metadata.rows.times import microseconds, moment, optional_moment
from argosy_server.adapters.metadata.runs import step_lineage
from argosy_server.adapters.metadata.runs.attempt_rows import keep_attempt, take_back
from argosy_server.adapters.metadata.runs.run_rows import to_step
from argosy_server.adapters.metadata.runs.step_repository import SqlStepRepository
from argosy_server.adapters.metadata.schema.tables import step_runs
from argosy_server.domain.pipeline import InputSpec, Run, RunError, StepRun, StepState

_THIS = (step_runs.c.project == bindparam("p_project")) & (step_runs.c.id == bindparam("p_id"))
_BY_INVOCATION = select(step_runs).where(
    step_runs.c.project == bindparam("project"),
    step_runs.c.run_id == bindparam("run_id"),
    step_runs.c.invocation == bindparam("invocation"),
)
_INVOCATIONS = (
    select(step_runs.c.invocation)
    .where(step_runs.c.project == bindparam("project"), step_runs.c.run_id == bindparam("run_id"))
    .order_by(step_runs.c.seq)
    .limit(bindparam("rows"))
)
_NEXT_ATTEMPT = (
    update(step_runs)
    .where(_THIS)
    .values(
        attempt=bindparam("new_attempt"),
        attempt_token=bindparam("new_token"),
        metadata=bindparam("new_metadata"),
        started_at=bindparam("began"),
    )
)
_AGAIN = (
    update(step_runs)
    .where(_THIS)
    .values(
        {
            column: bindparam(f"new_{column}")
            for column in (
                "step_name",
                "state",
                "attempt",
                "attempt_token",
                "parameters",
                "cache_key",
                "cache_key_parts",
                "cached_from",
                "cache_miss",
                "started_at",
                "ended_at",
                "epoch",
                "upstream",
            )
        }
        | {"error": None}
    )
)
_ABANDON = (
    update(step_runs)
    .where(
        step_runs.c.project == bindparam("p_project"),
        step_runs.c.run_id == bindparam("p_run_id"),
        step_runs.c.state == StepState.RUNNING.value,
    )
    .values(state=StepState.ABANDONED.value, attempt_token=bindparam("new_token"), ended_at=bindparam("new_ended_at"))
)


class SqlAttemptRepository(SqlStepRepository):
    """Step runs and their attempts."""

    def find_step(self, run: Run, invocation: str) -> StepRun | None:
        """Return and lock the step run of an invocation, without inputs and outputs."""
        key = {"project": run.project, "run_id": run.id, "invocation": invocation}
        row = self._session.execute(self._session.locked(_BY_INVOCATION), key).one_or_none()
        return None if row is None else to_step(row, run)

    def invocations(self, run: Run, limit: int) -> list[str]:
        """Return the first invocations of a run that have a step run, in the order they started."""
        key = {"project": run.project, "run_id": run.id, "rows": limit}
        return list(self._session.execute(_INVOCATIONS, key).scalars())

    def retry_step(self, run: Run, step: StepRun, error: RunError | None, metadata: Mapping[str, str]) -> StepRun:
        """End the attempt of a running step run, and begin the next one with a token of its own."""
        now = self._session.now()
        keep_attempt(self._session, run.project, step, error, moment(now))
        following = replace(
            step,
            attempt=step.attempt + 1,
            attempt_token=secrets.token_hex(16),
            metadata={**step.metadata, **metadata},
            started_at=moment(now),
        )
        self._session.execute(
            _NEXT_ATTEMPT,
            {
                "p_project": run.project,
                "p_id": step.id,
                "new_attempt": following.attempt,
                "new_token": following.attempt_token,
                "new_metadata": dump(following.metadata),
                "began": now,
            },
        )
        step_lineage.give_again(self._session, run.project, step.id, step.attempt)
        return following

    def take_back_attempt(self, run: Run, step: StepRun) -> StepRun | None:
        """Let a running step run be in its attempt before, with the error of that; ``None`` when there is none."""
        before = take_back(self._session, run.project, step)
        if before is None:
            return None
        assert before.started_at is not None
        self._session.execute(
            _NEXT_ATTEMPT,
            {
                "p_project": run.project,
                "p_id": step.id,
                "new_attempt": before.attempt,
                "new_token": before.attempt_token,
                "new_metadata": dump(before.metadata),
                "began": microseconds(before.started_at),
            },
        )
        step_lineage.take_back(self._session, run.project, step.id, step.attempt)
        return before

    def restart_step(self, run: Run, earlier: StepRun, step: StepRun, inputs: Sequence[InputSpec]) -> StepRun:
        """Let a step run that did not complete be what ``step`` says, as its next attempt."""
        now = self._session.now()
        if earlier.attempt > 0:
            keep_attempt(self._session, run.project, earlier, earlier.error, earlier.ended_at or moment(now))
        ended_at = None if step.state is StepState.RUNNING else now
        started = replace(
            step,
            id=earlier.id,
            attempt=earlier.attempt + 1,
            epoch=run.epoch,
            metadata=earlier.metadata,
            started_at=moment(now),
            ended_at=optional_moment(ended_at),
        )
        self._session.execute(
            _AGAIN,
            {
                "p_project": run.project,
                "p_id": earlier.id,
                "new_step_name": started.step_name,
                "new_state": started.state.value,
                "new_attempt": started.attempt,
                "new_attempt_token": started.attempt_token,
                "new_parameters": dump(started.parameters),
                "new_cache_key": started.cache_key,
                "new_cache_key_parts": dump(started.cache_key_parts),
                "new_cached_from": started.cached_from,
                "new_cache_miss": dump(started.cache_miss),
                "new_started_at": now,
                "new_ended_at": ended_at,
                "new_epoch": started.epoch,
                "new_upstream": dump(started.upstream),
            },
        )
        step_lineage.forget_inputs(self._session, run.project, earlier.id)
        step_lineage.link_inputs(self._session, run.project, started, inputs)
        return started

    def _abandon_steps(self, run: Run) -> None:
        """Write down that the running steps of an abandoned run ended with its lease; nobody has their new token."""
        self._session.execute(
            _ABANDON,
            {
                "p_project": run.project,
                "p_run_id": run.id,
                "new_token": secrets.token_hex(16),
                "new_ended_at": microseconds(run.lease_expires_at),
            },
        )

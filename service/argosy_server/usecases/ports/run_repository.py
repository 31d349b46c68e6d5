"""What the use cases ask of the database about runs, step runs and their attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pipeline import (
    EntryPoint,
    InputSpec,
    LoadedInput,
    PipelineSummary,
    Run,
    RunError,
    RunState,
    StepRun,
    StepState,
)


class RunRepository(Protocol):
    """Runs and step runs. States are read as ABANDONED once the lease of the run has expired."""

    def add(
        self,
        project: str,
        pipeline_name: str,
        name: str,
        parameters: Mapping[str, str],
        lease: timedelta,
        entry_point: EntryPoint | None = None,
    ) -> Run:
        """Insert a running run with a new driver token.

        The name of an abandoned run is free: that run keeps its id, and its name for people.

        Raises:
            RunExists: a run of this name exists that was not abandoned.
        """
        ...

    def get(self, project: str, run: str, *, steps: bool = False) -> Run:
        """Return a run by id or name (the newest of that name).

        Raises:
            RunNotFound: no such run in this project.
        """
        ...

    def get_step(self, project: str, step_run_id: str) -> tuple[Run, StepRun]:
        """Return and lock a step run (without inputs and outputs) and its run (without steps).

        Raises:
            RunNotFound: no such step run in this project.
        """
        ...

    def renew(self, run: Run, lease: timedelta) -> Run:
        """Extend the lease of a running run from now on."""
        ...

    def resume(self, run: Run, lease: timedelta) -> Run:
        """Let a run that ended without completing run again, under a new lease, epoch and driver token.

        Its steps that still ran have ended with the lease, and their tokens are void. Returns it with its steps.

        Raises:
            RunExists: the run was abandoned and another one has its name.
        """
        ...

    def request_cancel(self, run: Run) -> Run:
        """Remember that the run shall stop."""
        ...

    def finish(self, run: Run, state: RunState, error: RunError | None) -> Run:
        """End a run; returns it with its steps."""
        ...

    def add_step(self, run: Run, step: StepRun, inputs: Sequence[InputSpec]) -> StepRun:
        """Insert a step run with its inputs, and return it with its start time and, if it is final, its end time.

        Raises:
            IllegalTransition: the invocation was started before in this run.
        """
        ...

    def find_step(self, run: Run, invocation: str) -> StepRun | None:
        """Return and lock the step run of an invocation, without inputs and outputs."""
        ...

    def invocations(self, run: Run, limit: int) -> list[str]:
        """Return the first invocations of a run that have a step run, in the order they started."""
        ...

    def restart_step(self, run: Run, earlier: StepRun, step: StepRun, inputs: Sequence[InputSpec]) -> StepRun:
        """Let a step run that did not complete be what ``step`` says, as its next attempt.

        It keeps its id. Its inputs take the place of those it was given before; these stay in the lineage.
        """
        ...

    def retry_step(self, run: Run, step: StepRun, error: RunError | None, metadata: Mapping[str, str]) -> StepRun:
        """End the attempt of a running step run, and begin the next one with a token of its own."""
        ...

    def take_back_attempt(self, run: Run, step: StepRun) -> StepRun | None:
        """Let a running step run be in its attempt before, with the error of that; ``None`` when there is none."""
        ...

    def end_step(
        self, project: str, step: StepRun, state: StepState, error: RunError | None, metadata: Mapping[str, str]
    ) -> None:
        """Change the state of a running step run, set its end, and add to its metadata."""
        ...

    def add_outputs(self, project: str, step: StepRun, outputs: Sequence[tuple[str, str]]) -> None:
        """Record returned outputs: (output name, version id), in order."""
        ...

    def add_saved(self, project: str, step_run_id: str, version_id: str, attempt: int) -> None:
        """Record a version saved inside an attempt of the step."""
        ...

    def add_loaded(self, project: str, step: StepRun, loaded: Sequence[LoadedInput]) -> None:
        """Record versions the step's code loaded in its attempt now, with the selectors it used."""
        ...

    def load_step(self, project: str, step_run_id: str) -> StepRun:
        """Return a step run with inputs, outputs, saved and loaded versions (all without files)."""
        ...

    def loads(self, project: str, step_run_id: str) -> list[LoadedInput]:
        """Return what a step's code loaded in its last attempt, with the selectors it used."""
        ...

    def list_runs(self, project: str, pipeline_name: str, state: RunState | None, page: PageRequest) -> Page[Run]:
        """Return runs newest first, without steps."""
        ...

    def list_pipelines(self, project: str, page: PageRequest) -> Page[PipelineSummary]:
        """Return a row for each pipeline, sorted by name (bytes of UTF-8)."""
        ...

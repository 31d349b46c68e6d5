"""What the use cases ask of the database about runs, step runs and the cache made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pipeline import (
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

    def add(self, project: str, pipeline_name: str, name: str, parameters: Mapping[str, str], lease: timedelta) -> Run:
        """Insert a running run. The name of an abandoned run is free: that run keeps its id, and its name for people.

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

    def end_step(self, step: StepRun, state: StepState, error: RunError | None) -> None:
        """Change the state of a running step run and set its end."""
        ...

    def add_outputs(self, step: StepRun, outputs: Sequence[tuple[str, str]]) -> None:
        """Record returned outputs: (output name, version id), in order."""
        ...

    def add_saved(self, step_run_id: str, version_id: str) -> None:
        """Record a version saved inside the step."""
        ...

    def add_loaded(self, step: StepRun, loaded: Sequence[LoadedInput]) -> None:
        """Record versions the step's code loaded, with the selectors it used."""
        ...

    def load_step(self, project: str, step_run_id: str) -> StepRun:
        """Return a step run with inputs, outputs, saved and loaded versions (all without files)."""
        ...

    def cache_candidates(self, project: str, cache_key: str, limit: int) -> list[StepRun]:
        """Return the newest completed step runs with this key, newest first, without inputs and outputs."""
        ...

    def loads(self, step_run_id: str) -> list[LoadedInput]:
        """Return what a step's code loaded, with the selectors it used."""
        ...

    def previous_step(self, project: str, pipeline_name: str, step: StepRun) -> StepRun | None:
        """Return the newest completed step run of the same pipeline and step that has a cache key.

        One of the same invocation is preferred. Inputs and outputs are left out.
        """
        ...

    def list_runs(self, project: str, pipeline_name: str, state: RunState | None, page: PageRequest) -> Page[Run]:
        """Return runs newest first, without steps."""
        ...

    def list_pipelines(self, project: str, page: PageRequest) -> Page[PipelineSummary]:
        """Return a row for each pipeline, sorted by name (bytes of UTF-8)."""
        ...

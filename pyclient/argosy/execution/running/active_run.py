"""A run while it happens: what its steps share, and how it ends."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field

from argosy.config import ClientConfig
from argosy.errors import ArgosyError, RunCancelledError
from argosy.execution.failure import add_note, to_run_error
from argosy.execution.running.held_interrupt import held_interrupt
from argosy.execution.running.input_versions import RunVersions
from argosy.execution.running.lease import Lease
from argosy.execution.running.program_signals import ProgramTerminated
from argosy.execution.views.progress import Progress
from argosy.graph.model import Graph
from argosy.transport.clients.pipeline_client import PipelineClient
from argosy.transport.connection import Connection
from argosy.v1.pipeline_pb2 import Run, RunError, RunState
from argosy.v1.pipeline_service_pb2 import SkippedStep


@dataclass
class ActiveRun:
    """What the steps of one run share. Only the thread that runs the pipeline changes it.

    Attributes:
        graph: what runs, as far as it is known.
        connection: the store.
        pipelines: records what happens; waits for a store that is away as long as the lease lasts.
        run: the run as it was created or resumed.
        driver_token: proves that this process runs it.
        lease: tells whether it may go on.
        progress: hears what happens.
        versions: the artifact versions known so far.
        recorded: the invocations that have a step run.
        failed: the invocation that ended the run, empty for none.
        failure: what its code raised, as it was recorded.
        began: when, by ``time.perf_counter``.
    """

    graph: Graph
    connection: Connection
    pipelines: PipelineClient
    run: Run
    driver_token: str
    lease: Lease
    progress: Progress
    versions: RunVersions = field(default_factory=RunVersions)
    recorded: set[str] = field(default_factory=set)
    failed: str = ""
    failure: RunError | None = None
    began: float = field(default_factory=time.perf_counter)

    @property
    def config(self) -> ClientConfig:
        """The settings of the store."""
        return self.connection.config

    def fails_by(self, invocation: str, details: RunError) -> None:
        """Take the failure of a step for what ends the run, unless another one was there before."""
        if not self.failed:
            self.failed, self.failure = invocation, details

    def complete(self) -> Run:
        """Record that every step has ended well.

        Raises:
            ConflictError: the lease expired and the run is abandoned, or another process resumed it.
        """
        return self.pipelines.finish_run(self.run.id, RunState.RUN_STATE_COMPLETED, driver_token=self.driver_token)

    def stop(self, error: BaseException) -> Run | None:
        """Record why the run ends early, and the steps that never started; notes go to ``error``.

        Returns:
            The run with its steps, ``None`` when the store does not take it (the lease expired, or it is away).
        """
        is_cancelled = isinstance(error, (KeyboardInterrupt, ProgramTerminated, RunCancelledError))
        state = RunState.RUN_STATE_CANCELLED if is_cancelled else RunState.RUN_STATE_FAILED
        invocations = [self.graph.invocations[key] for key in self.graph.order() if key not in self.recorded]
        skipped = [
            SkippedStep(invocation=item.id, step_name=item.step.name, upstream=item.upstream) for item in invocations
        ]
        run = f"run {self.run.name!r} ({self.run.id}) of pipeline {self.run.pipeline_name!r}"
        add_note(error, f"step {self.failed!r} ended {run}" if self.failed else f"{run} ended")
        # What ended the run matters more than an error of the store: the lease will end the record.
        with contextlib.suppress(ArgosyError), held_interrupt():
            details = None if is_cancelled else self.failure or to_run_error(error, self.failed)
            ended = self.pipelines.finish_run(
                self.run.id, state, error=details, skipped=skipped, driver_token=self.driver_token
            )
            for step in skipped:
                self.progress.step_ended(step.invocation, "skipped", 0.0)
            return ended
        return None

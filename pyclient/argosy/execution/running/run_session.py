"""A run that grows with the graph that is recorded: it begins with the first step that has to run.

A pipeline whose body asks for values runs as far as that takes each time; one whose body does not is known whole
before anything runs, and what can be refused is refused before anything is stored.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterable, Sequence

from argosy.config import resolve
from argosy.execution.failure_place import without_callers
from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.active_run import ActiveRun
from argosy.execution.running.earlier_steps import EarlierSteps
from argosy.execution.running.external_values import ready_values
from argosy.execution.running.held_interrupt import postponed_interrupt
from argosy.execution.running.hooks import call_hooks
from argosy.execution.running.lease import Lease
from argosy.execution.running.program_signals import heard_signals
from argosy.execution.running.runner import Runner, Workers, open_workers
from argosy.execution.running.scheduler import Scheduler
from argosy.execution.running.summary import closing_lines, early_end_lines, opening_line
from argosy.execution.states import step_status
from argosy.execution.values.pickle_policy import check_pickle_policy
from argosy.execution.values.stored_value import load_from
from argosy.execution.views.progress import choose_progress
from argosy.execution.views.run_tree import PlannedStep
from argosy.graph.model import Graph
from argosy.graph.output_refs import StepOutputRef
from argosy.transport.connection import Connection, connect
from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.pipeline_pb2 import EntryPoint, Run


class RunSession:
    """Runs a graph while it is recorded.

    Use it in three steps: ``values_of`` any number of times, then ``finish``; ``fail`` instead when the body raised.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        connection: Connection | None = None,
        entry_point: EntryPoint | None = None,
        resumed: str | None = None,
    ) -> None:
        """Begin with nothing: no run is created or resumed.

        Args:
            runner: where steps are executed.
            connection: the store; the configured one by default.
            entry_point: where the pipeline is defined, for those who resume the run.
            resumed: the id or name of a run that is to be resumed, instead of a new one.
        """
        self._runner = runner
        self._connection = connection
        self._entry_point = entry_point
        self._resumed = resumed
        self._earlier: EarlierSteps | None = None
        self._opened = contextlib.ExitStack()
        self._active: ActiveRun | None = None
        self._scheduler: Scheduler | None = None
        self._workers: Workers | None = None

    def values_of(self, graph: Graph, refs: Sequence[StepOutputRef]) -> list[object]:
        """Return the values of outputs; the steps they need run now, several at once, unless they have.

        Args:
            graph: what was recorded so far.
            refs: the outputs.

        Raises:
            Exception: as :meth:`finish`.
        """
        active = self._run(graph, list(dict.fromkeys(ref.invocation for ref in refs)))
        return [self._value(active, ref) for ref in refs]

    def _value(self, active: ActiveRun, ref: StepOutputRef) -> object:
        version = active.versions.outputs[ref.invocation, ref.output]
        step = active.graph.invocations[ref.invocation].step
        annotation = active.graph.output(ref).annotation
        selector = VersionSelector(id=version.id)
        return load_from(active.connection, selector, annotation=annotation, allow_pickle=step.allow_pickle)

    def finish(self, graph: Graph) -> PipelineRun:
        """Run what has not run yet and return the record of the run.

        Raises:
            PickleRefusedError: an output could only be a pickle and pickle is off.
            DefinitionError: a step names what is no materializer for an output, or the runner is none.
            MaterializerError: a value given to the pipeline cannot be kept.
            AlreadyExistsError: a run of this name exists.
            RunCancelledError: somebody asked the run to stop.
            ConflictError: the lease expired and the run is abandoned, or another process resumed it.
            SaveOutputError: what a step returned could not be saved; the text says where it is.
            Exception: what a step raised, with a note that names the step and the run.
        """
        try:
            active = self._run(graph, graph.invocations, is_whole=True)
            message = active.complete()
        except BaseException as error:
            self.fail(error)
            # Whoever reads it looks for the step: what led there is the same every time.
            raise error.with_traceback(without_callers(error.__traceback__))  # noqa: B904 - it is the same one
        self._opened.close()
        record = PipelineRun(message, active.connection)
        active.progress.run_ended(closing_lines(record, time.perf_counter() - active.began, active.connection))
        call_hooks(graph.pipeline.hooks.on_success, "on_success", f"pipeline {graph.pipeline.name!r}", record)
        return record

    def fail(self, error: BaseException) -> None:
        """Record that the run ends early, if it has begun: a step failed, or the body of the pipeline raised."""
        active, self._active = self._active, None
        if active is None:
            self._opened.close()
            return
        try:
            ended = active.stop(error)
        finally:
            self._opened.close()
        record = None if ended is None else PipelineRun(ended, active.connection)
        active.progress.run_ended(early_end_lines(active, record, error, time.perf_counter() - active.began))
        pipeline = active.graph.pipeline
        if isinstance(error, Exception) and (record is None or record.status == "failed"):
            call_hooks(pipeline.hooks.on_failure, "on_failure", f"pipeline {pipeline.name!r}", error, record)

    def _run(self, graph: Graph, invocations: Iterable[str], *, is_whole: bool = False) -> ActiveRun:
        connection = self._connection = self._connection or connect(resolve())
        check_pickle_policy(graph, connection.config)
        if self._resumed is not None:
            self._earlier = self._earlier or EarlierSteps(connection.pipelines.get_run(self._resumed))
            self._earlier.check(graph, is_whole=is_whole)
        ended = self._scheduler.ended if self._scheduler else self._earlier.invocations if self._earlier else ()
        known = self._active.versions.values if self._active is not None else {}
        if self._workers is None:
            self._workers = open_workers(self._runner, graph.pipeline.max_parallel)
            self._opened.callback(self._workers.close)
        with ready_values(graph, connection.config, known=known, ended=ended) as values:
            with postponed_interrupt():  # a run that was created is known here, and so its end can be recorded
                active = self._active or self._begin(graph, connection)
            if active.graph is not graph:
                active.graph = graph
                active.progress.steps_known(self._planned(graph))
            for value in values:
                active.versions.values[id(value.artifact)] = value.upload(connection)
        assert self._scheduler is not None
        self._scheduler.run(invocations)
        return active

    def _begin(self, graph: Graph, connection: Connection) -> ActiveRun:
        if self._earlier is not None:
            return self._resume(graph, connection, self._earlier.run.id)
        parameters = {name: parameter.json for name, parameter in graph.parameters.items()}
        created = connection.pipelines.create_run(
            graph.pipeline.name, name=graph.run_name or "", parameters=parameters, entry_point=self._entry_point
        )
        seconds = created.lease.ToTimedelta().total_seconds()
        return self._take(graph, connection, created.run, created.driver_token, seconds)

    def _resume(self, graph: Graph, connection: Connection, run_id: str) -> ActiveRun:
        resumed = connection.pipelines.resume_run(run_id)
        seconds = resumed.lease.ToTimedelta().total_seconds()
        active = self._take(graph, connection, resumed.run, resumed.driver_token, seconds)
        earlier = self._earlier = EarlierSteps(resumed.run)  # another one may have run more of it since it was read
        active.recorded |= earlier.invocations
        active.versions.outputs.update(earlier.outputs())
        assert self._scheduler is not None
        self._scheduler.ended |= earlier.invocations
        return active

    def _take(self, graph: Graph, connection: Connection, run: Run, token: str, seconds: float) -> ActiveRun:
        """Keep a run alive that was created or resumed, and get workers for it."""
        renew = functools.partial(connection.pipelines.renew_run, run.id, driver_token=token)
        lease = Lease(renew, seconds, self._wake)
        progress = choose_progress(quiet=connection.config.quiet)
        progress.run_started(opening_line(run), self._planned(graph))
        patient = connection.patient_pipelines(lease.remaining)
        active = self._active = ActiveRun(graph, connection, patient, run, token, lease, progress)
        pipeline = graph.pipeline
        self._opened.enter_context(lease)
        self._opened.enter_context(heard_signals())
        assert self._workers is not None
        self._scheduler = Scheduler(active, self._workers, keep_going=pipeline.execution_mode == "continue")
        record = PipelineRun(run, connection)
        call_hooks(pipeline.hooks.on_start, "on_start", f"pipeline {pipeline.name!r}", record)
        return active

    def _planned(self, graph: Graph) -> list[PlannedStep]:
        """Return the steps for people to see, those that a run completed before it was resumed as they are."""
        before = {step.invocation: step_status(step.state) for step in self._earlier.run.steps} if self._earlier else {}
        completed = self._earlier.invocations if self._earlier else ()
        return [
            PlannedStep(key, item.step.name, item.upstream, before[key] if key in completed else "waiting")
            for key, item in ((key, graph.invocations[key]) for key in graph.order())
        ]

    def _wake(self) -> None:
        if self._scheduler is not None:
            self._scheduler.wake()

"""Runs the steps of a graph: each as soon as what it waits for has ended, as many at once as allowed.

One thread, that which called the pipeline, decides everything: it starts steps, hears from the workers how attempts
ended, begins further attempts and stops what takes too long. Only the attempts themselves run elsewhere, and even
these not when there is just one that could run.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable

from argosy.errors import ArgosyError, ConflictError, RunCancelledError, StepTimeoutError
from argosy.execution.failure import add_note
from argosy.execution.records.run_record import StepRunRecord
from argosy.execution.running.active_run import ActiveRun
from argosy.execution.running.attempts import Attempt, AttemptEvent, UnderWay, seconds_until
from argosy.execution.running.end_step import end_attempt, is_cancelled, next_attempt
from argosy.execution.running.execute_step import execute, failed
from argosy.execution.running.held_interrupt import postponed_interrupt
from argosy.execution.running.hooks import call_hooks
from argosy.execution.running.plan import Plan
from argosy.execution.running.runner import Workers
from argosy.execution.running.start_step import start_step
from argosy.execution.running.step_task import Completed, Failed, Outcome, StepTask
from argosy.execution.running.stop_signal import StopSignal
from argosy.execution.running.stoppable_call import GRACE
from argosy.graph.model import Invocation
from argosy.v1.pipeline_pb2 import StepRun
from argosy.v1.step_calls_pb2 import StepWait

LONGEST_WAIT = 2.0
"""Seconds between two questions whether a step of another run has ended."""


class Scheduler:
    """Runs invocations of one run; may be asked several times, while the graph grows.

    Attributes:
        ended: the invocations whose outputs are known.
        errors: what ended invocations that did not end well, in that order.
    """

    def __init__(self, run: ActiveRun, workers: Workers, *, keep_going: bool = False) -> None:
        """Begin with nothing done.

        Args:
            run: the run.
            workers: execute the attempts.
            keep_going: whether steps that do not depend on a failed one still start.
        """
        self.ended: set[str] = set()
        self.errors: dict[str, BaseException] = {}
        self._run = run
        self._workers = workers
        self._keep_going = keep_going
        self._plan = Plan(run.graph, (), (), ())
        self._now = UnderWay()
        self._halted: BaseException | None = None
        self._begun: Attempt | None = None
        """What the store knows to be running, until it is handed over to the workers or has ended."""
        self._here: StopSignal | None = None
        self._events: queue.SimpleQueue[AttemptEvent | None] = queue.SimpleQueue()

    def run(self, invocations: Iterable[str]) -> None:
        """Run these and whatever they wait for, as far as it has not ended yet.

        Raises:
            RunCancelledError: the run was asked to stop.
            ConflictError: the lease expired, or another process resumed the run.
            Exception: what the first step that failed raised; the others are named in notes. Where independent steps
                go on after a failure, only if one of those that are wanted did not end well.
        """
        wanted = set(invocations)
        self._plan = Plan(self._run.graph, wanted, self.ended, self.errors)
        try:
            while self._goes_on():
                self._start_what_can()
                if self._now.running or (self._now and not self._is_over()):
                    self._take_event()
        except BaseException as error:
            self._stop_everything(error)
            raise
        if not (self._keep_going and self._halted is None and self.ended >= wanted):
            self._raise_what_went_wrong()

    def wake(self) -> None:
        """Look soon whether the run may go on; called from any thread."""
        here, why = self._here, self._why_to_stop()
        if here is not None and why is not None:
            here.request(why)
        self._events.put(None)

    def _goes_on(self) -> bool:
        """Tell whether anything is left to do, or to wait for."""
        if self._halted is None and self._now:  # else whoever starts the next step hears it, with the step's name
            why = self._why_to_stop() or self._why_to_start_nothing()
            if why is not None:
                self._halt(why)
        if self._is_over():
            self._plan.clear()
            self._now.waiting.clear()
            self._drop_further_attempts()
        return bool(self._now) or self._plan.next() is not None

    def _why_to_stop(self) -> BaseException | None:
        """Return why steps that run shall stop: somebody wants it, or another process runs them now."""
        try:
            self._run.lease.check()
        except RunCancelledError:
            return RunCancelledError(f"run {self._run.run.name!r} was asked to stop")
        except ConflictError as error:
            return error if error.reason == "SUPERSEDED" else None
        except ArgosyError:
            return None
        return None

    def _why_to_start_nothing(self) -> BaseException | None:
        """Return why no step may start; what runs goes on, so that its results can be rescued."""
        try:
            self._run.lease.check()
        except ArgosyError as error:
            return error
        return None

    def _start_what_can(self) -> None:
        now = self._now
        for invocation, (when, attempt) in list(now.delayed.items()):
            if when <= time.monotonic() and self._may_start():
                del now.delayed[invocation]
                self._begun = attempt
                self._execute(attempt)
        for invocation, (when, waited) in list(now.waiting.items()):
            if when <= time.monotonic() and self._may_start():
                del now.waiting[invocation]
                self._start(invocation, waited)
        while self._plan.next() is not None and self._may_start():
            self._start(self._plan.take())

    def _has_room(self) -> bool:
        return len(self._now.running) < self._workers.max_parallel

    def _may_start(self) -> bool:
        return self._has_room() and not self._is_over()

    def _is_over(self) -> bool:
        """Tell whether no further attempt begins: what waits for one does not keep the run."""
        return self._halted is not None or (bool(self.errors) and not self._keep_going)

    def _start(self, invocation: str, waited: float = 0.0) -> None:
        with postponed_interrupt():  # whatever the store has been told of is known here too
            self._begun = attempt = self._begin(self._run.graph.invocations[invocation], waited)
        if attempt is not None:
            self._call_hooks(attempt.invocation, "on_start", StepRunRecord(attempt.step_run, self._run.connection))
            self._execute(attempt)

    def _begin(self, item: Invocation, waited: float) -> Attempt | None:
        """Start a step and return its first attempt, ``None`` when nothing is to be executed now."""
        began = time.perf_counter()
        try:
            started = start_step(self._run, item)
        except Exception as error:
            if item.id in self._run.recorded:
                self._note_failure(item, error, began)
                self._call_hooks(item, "on_failure", error)
            else:  # the store takes the run no further
                self._halt(error)
            return None
        if isinstance(started, StepWait):
            pause = min(max(started.retry_after.ToTimedelta().total_seconds(), waited * 1.5), LONGEST_WAIT)
            self._now.waiting[item.id] = (time.monotonic() + pause, pause)
            self._run.progress.step_waits(item.id, started.run_name)
            return None
        step_run, task = started
        if task is None:
            self._note_end(item, step_run, "cached", began)
            return None
        return Attempt(item, step_run, task, began)

    def _execute(self, attempt: Attempt) -> None:
        """Execute an attempt: in this thread when nothing else could be done meanwhile, else by the workers."""
        attempt.tries += 1
        retry = attempt.invocation.step.retry
        self._run.progress.step_started(
            attempt.invocation.id, attempt.task.step_run_id, attempt.tries, 1 + (retry.retries if retry else 0)
        )
        attempt.stopping = attempt.deadline = attempt.last = None
        timeout = attempt.invocation.step.timeout
        if timeout is None and self._workers.are_here and self._is_alone():
            self._end(attempt, self._execute_here(attempt.task))
            return
        self._now.running[attempt.invocation.id], self._begun = attempt, None
        tries = attempt.tries
        attempt.running = self._workers.start(
            attempt.task,
            lambda: self._events.put(AttemptEvent(attempt, tries)),
            lambda outcome: self._events.put(AttemptEvent(attempt, tries, outcome)),
        )

    def _is_alone(self) -> bool:
        return self._workers.max_parallel == 1 or (not self._now and self._plan.next() is None)

    def _execute_here(self, task: StepTask) -> Outcome:
        self._here = StopSignal()
        try:
            why = self._why_to_stop()
            if why is not None:  # nobody could be told before
                self._here.request(why)
            return execute(task, self._here)
        finally:
            self._here = None

    def _take_event(self) -> None:
        """Wait until an attempt ends, or something else is due."""
        moment = self._now.next_moment(has_room=self._has_room())
        try:
            event = self._events.get(timeout=None if moment is None else seconds_until(moment))
        except queue.Empty:
            event = None
        if event is not None and not event.is_late:
            if event.outcome is None:
                self._note_begin(event.attempt)
            else:
                del self._now.running[event.attempt.invocation.id]
                self._end(event.attempt, event.outcome)
        for attempt in list(self._now.running.values()):
            if attempt.deadline is not None and attempt.deadline <= time.monotonic():
                self._overdue(attempt)

    def _note_begin(self, attempt: Attempt) -> None:
        timeout = attempt.invocation.step.timeout
        if timeout is not None and attempt.deadline is None:
            attempt.deadline = time.monotonic() + timeout

    def _overdue(self, attempt: Attempt) -> None:
        if attempt.stopping is not None:
            self._give_up(attempt)
            return
        item = attempt.invocation
        self._stop(
            attempt, StepTimeoutError(f"step {item.id!r} took longer than its timeout of {item.step.timeout:g} s")
        )

    def _stop(self, attempt: Attempt, error: BaseException) -> None:
        assert attempt.running is not None
        if attempt.stopping is None:
            attempt.stopping = error
            attempt.deadline = time.monotonic() + GRACE
            attempt.running.stop(error)

    def _give_up(self, attempt: Attempt) -> None:
        assert attempt.stopping is not None
        del self._now.running[attempt.invocation.id]
        running, attempt.running = attempt.running, None
        self._end(attempt, failed(attempt.task, attempt.stopping))
        if running is not None:  # else it was interrupted before the workers had it
            running.abandon()

    def _halt(self, error: BaseException) -> None:
        """Let no step start any more; those that run end by themselves, unless somebody wants them to stop."""
        self._halted = self._halted or error
        superseded = isinstance(error, ConflictError) and error.reason == "SUPERSEDED"
        if is_cancelled(error) or superseded or not isinstance(error, Exception):
            self._ask_to_stop(error if isinstance(error, ArgosyError) else _ends_by(error))

    def _ask_to_stop(self, error: BaseException) -> None:
        for attempt in list(self._now.running.values()):
            if attempt.running is None:  # interrupted before the workers had it
                del self._now.running[attempt.invocation.id]
                self._end(attempt, failed(attempt.task, error))
            else:
                self._stop(attempt, error)
        for attempt in self._now.take_delayed():
            self._end(attempt, failed(attempt.task, error))

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Take what became of an attempt: the step has ended, or another attempt follows."""
        item, attempt.running = attempt.invocation, None
        self._begun = attempt
        if isinstance(outcome, Completed):
            self._note_success(attempt, outcome.step_run)
            return
        if self._begins_again(attempt, outcome):
            return
        completed = end_attempt(self._run, attempt.task, outcome, never_began=attempt.last is not None)
        if completed is not None:
            self._note_success(attempt, completed)
            return
        self._run.fails_by(item.id, outcome.details)
        self._note_failure(item, outcome.error, attempt.began)
        if is_cancelled(outcome.error) or not isinstance(outcome.error, Exception):
            self._halt(outcome.error)
        else:
            self._call_hooks(item, "on_failure", outcome.error)

    def _begins_again(self, attempt: Attempt, outcome: Failed) -> bool:
        item, retry = attempt.invocation, attempt.invocation.step.retry
        if retry is None or not outcome.may_retry or attempt.tries > retry.retries or self._is_over():
            return False
        delay = retry.delay_before(attempt.tries + 1)
        with postponed_interrupt():  # an attempt that the store has begun is known here too
            try:
                following = next_attempt(self._run, attempt.task, outcome)
            except ArgosyError as problem:
                add_note(outcome.error, f"step {item.id!r} was not tried again: {problem}")
                return False
            if isinstance(following, StepTask):
                attempt.task, attempt.last = following, outcome
                self._now.delayed[item.id] = (time.monotonic() + delay, attempt)
                self._begun = None
        if isinstance(following, StepRun):
            self._note_success(attempt, following)
            return True
        note = f"attempt {attempt.tries}: {type(outcome.error).__name__}"
        self._run.progress.step_retries(item.id, time.perf_counter() - attempt.began, note, delay)
        return True

    def _drop_further_attempts(self) -> None:
        """Let steps that wait to be tried again end with what they have raised: the run does not go on."""
        for attempt in self._now.take_delayed():
            assert attempt.last is not None
            add_note(attempt.last.error, f"step {attempt.invocation.id!r} was not tried again: the run has failed")
            self._end(attempt, attempt.last)

    def _note_success(self, attempt: Attempt, step_run: StepRun) -> None:
        self._note_end(attempt.invocation, step_run, "completed", attempt.began, attempt.note)
        self._call_hooks(attempt.invocation, "on_success", StepRunRecord(step_run, self._run.connection))

    def _note_end(self, item: Invocation, step_run: StepRun, status: str, began: float, note: str = "") -> None:
        self._begun = None  # from here on it has ended, whatever a hook raises
        for output in step_run.outputs:
            self._run.versions.outputs[item.id, output.name] = output.version
        self.ended.add(item.id)
        self._plan.end(item.id)
        size = sum(output.version.size_bytes for output in step_run.outputs)
        self._run.progress.step_ended(item.id, status, time.perf_counter() - began, note, size)

    def _note_failure(self, item: Invocation, error: BaseException, began: float) -> None:
        self._begun = None
        self.errors[item.id] = error
        self._plan.fail(item.id)
        status = "cancelled" if is_cancelled(error) else "failed"
        self._run.progress.step_ended(item.id, status, time.perf_counter() - began, type(error).__name__)

    def _call_hooks(self, item: Invocation, kind: str, *arguments: object) -> None:
        call_hooks(getattr(item.step.hooks, kind), kind, f"step {item.id!r}", *arguments)

    def _stop_everything(self, error: BaseException) -> None:
        """Stop what runs because the run cannot go on, and wait for it a moment; Ctrl-C ends the waiting."""
        why = error if is_cancelled(error) else _ends_by(error)
        self._halted = self._halted or why
        try:
            if self._begun is not None:
                attempt, self._begun = self._begun, None
                self._end(attempt, failed(attempt.task, why))
            self._ask_to_stop(why)
            while self._now.running:
                self._take_event()
        except KeyboardInterrupt:
            while self._now.running:
                _, attempt = self._now.running.popitem()
                self._now.running[attempt.invocation.id] = attempt
                attempt.stopping = attempt.stopping or why
                self._give_up(attempt)

    def _raise_what_went_wrong(self) -> None:
        halted, errors = self._halted, list(self.errors.items())
        if halted is None and not errors:
            return
        first = errors[0][1] if errors and (halted is None or not is_cancelled(halted)) else halted
        assert first is not None
        if halted is not None and halted is not first:
            add_note(first, f"the run could not go on: {type(halted).__name__}: {halted}")
        for invocation, error in errors:
            if error is not first and not is_cancelled(error):
                add_note(first, f"step {invocation!r} failed too: {type(error).__name__}: {error}")
        raise first


def _ends_by(error: BaseException) -> RunCancelledError:
    """Return what other steps are stopped with: what ended the run is no failure of theirs."""
    return RunCancelledError(f"the run ended: {type(error).__name__}")

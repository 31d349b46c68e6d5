"""Runners that fail, retry, die and resume each other's runs on one store: who is refused, who waits, what counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_cache_pb2, step_calls_pb2
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy_server.embedded import EmbeddedChannel
from tests.api.calls import Refusal, new_request_id
from tests.stateful.places import FolderPlace
from tests.stateful.run_model import VOID, ModelRun, ModelStep, RunModel

PROJECT = "default"
T = TypeVar("T")
clients = st.integers(0, 1)
INVOCATIONS = ["load", "fit", "score"]
keys = st.sampled_from(["", "a", "a", "a", "b"])
WEIGHTS = {
    "start_a_step": 4,
    "complete_a_step": 4,
    "fail_a_step": 5,
    "finish_a_run": 4,
    "resume_a_run": 3,
    "create_a_run": 1,
    "renew_a_run": 1,
    "cancel_a_run": 1,
    "a_runner_dies": 1,
    "evict_a_step": 1,
}
"""How often each call is made: those that begin or end something more often than those that only disturb."""
MOST_RUNS = 3
"""That are not over for good: few, so that what happens to one happens to the others."""


class RunMachine(RuleBasedStateMachine):
    """Each step does one call on one of two clients and compares with the model.

    There is one rule for all calls. Of many rules Hypothesis leaves a random part out of each example, and what goes
    wrong here takes several kinds of calls: most examples would only be refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = self.new_place()
        self.model = RunModel()
        self.channels: list[EmbeddedChannel] = []

    def new_place(self) -> FolderPlace:
        """Return where the store shall be."""
        return FolderPlace()

    @initialize()
    def open_two_clients(self) -> None:
        self.channels = [self.place.open(), self.place.open()]
        for client in range(2):
            self.create_a_run(client)

    @rule(client=clients, data=st.data())
    def call(self, client: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name, weight in WEIGHTS.items() for _ in range(weight)]), "call")
        getattr(self, name)(client, data)

    def teardown(self) -> None:
        for channel in self.channels:
            channel.close()
        self.place.remove()

    def stub(self, client: int) -> PipelineServiceStub:
        return PipelineServiceStub(self.channels[client])

    def create_a_run(self, client: int, _: st.DataObject | None = None) -> None:
        if sum(run.state != "COMPLETED" for run in self.model.runs) == MOST_RUNS:
            return
        created = self.stub(client).CreateRun(
            pipelines.CreateRunRequest(project=PROJECT, request_id=new_request_id(), pipeline_name="training")
        )
        self.model.runs.append(ModelRun(created.run.id, [created.driver_token]))

    def start_a_step(self, client: int, data: st.DataObject) -> None:
        run, token = self.some_driver(data)
        invocation = data.draw(mostly([name for name in INVOCATIONS if name not in run.steps], INVOCATIONS))
        key, may_wait = data.draw(st.tuples(keys, st.sampled_from([True, True, False])))
        expected = self.model.start(run, invocation, key, may_wait, token)
        request = step_calls_pb2.StartStepRequest(
            project=PROJECT,
            request_id=new_request_id(),
            run_id=run.id,
            invocation=invocation,
            step_name=invocation,
            cache_key=key,
            may_wait=may_wait,
            driver_token=token,
        )
        answer, refusal = attempt(self.stub(client).StartStep, request)
        assert refusal == (expected if expected not in {"WAIT", "CACHED", "RUNNING"} else "")
        if refusal:
            return
        assert answer.HasField("wait") == (expected == "WAIT")
        if expected == "WAIT":
            assert answer.wait.step_run_id == self.model.holder(key)
            return
        self.started(run, invocation, key, expected, answer)

    def started(self, run: ModelRun, invocation: str, key: str, expected: str, answer: Any) -> None:
        shown = answer.step_run
        assert word(states.StepState, shown.state) == expected
        earlier = run.steps.get(invocation)
        if expected == "CACHED":
            assert shown.cached_from in self.model.reusable(key)
        if earlier is not None:
            assert (shown.id, shown.attempt) == (earlier.id, earlier.attempt + 1)
        had_no_holder = not self.model.holder(key)
        run.steps[invocation] = ModelStep(
            shown.id,
            expected,
            key,
            run.epoch,
            answer.attempt_token,
            shown.attempt,
            [*(earlier.tokens if earlier else []), answer.attempt_token],
        )
        if expected == "RUNNING" and key and had_no_holder:
            self.model.holders[key] = (run, invocation)

    def complete_a_step(self, client: int, data: st.DataObject) -> None:
        if not self.model.steps():
            return
        run, step, token = self.some_attempt(data)
        request = step_calls_pb2.CompleteStepRequest(
            project=PROJECT, request_id=new_request_id(), step_run_id=step.id, attempt_token=token
        )
        expected = self.model.end(run, step, token)
        _, refusal = attempt(self.stub(client).CompleteStep, request)
        assert refusal == expected
        if not refusal:
            step.state = "COMPLETED"

    def fail_a_step(self, client: int, data: st.DataObject) -> None:
        if not self.model.steps():
            return
        run, step, token = self.some_attempt(data)
        retry = data.draw(st.sampled_from([False, False, True]), "retry")
        request = step_calls_pb2.FailStepRequest(
            project=PROJECT,
            request_id=new_request_id(),
            step_run_id=step.id,
            attempt_token=token,
            state=states.STEP_STATE_FAILED,
            retry=retry,
        )
        expected = self.model.end(run, step, token)
        answer, refusal = attempt(self.stub(client).FailStep, request)
        assert refusal == expected
        if refusal:
            return
        assert bool(answer.attempt_token) == retry
        if retry:
            step.token = answer.attempt_token
            step.tokens.append(step.token)
            step.attempt += 1
        else:
            step.state = "FAILED"

    def some_driver(self, data: st.DataObject) -> tuple[ModelRun, str]:
        run = data.draw(mostly([run for run in self.model.runs if run.may_start_steps], self.model.runs))
        return run, data.draw(some_token(run.tokens))

    def some_attempt(self, data: st.DataObject) -> tuple[ModelRun, ModelStep, str]:
        steps = self.model.steps()
        under_way = [(run, name) for run, name in steps if run.state == "RUNNING" and not run.steps[name].is_over]
        run, invocation = data.draw(mostly(under_way, steps))
        step = run.steps[invocation]
        return run, step, data.draw(some_token(step.tokens))

    def finish_a_run(self, client: int, data: st.DataObject) -> None:
        idle = [run for run in self.model.runs if run.state == "RUNNING" and run.all_steps_ended]
        run = data.draw(mostly(idle, self.model.runs))
        token = data.draw(some_token(run.tokens))
        state = data.draw(st.sampled_from(["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELLED"]), "state")
        request = pipelines.FinishRunRequest(
            project=PROJECT,
            request_id=new_request_id(),
            run_id=run.id,
            state=states.RunState.Value(f"RUN_STATE_{state}"),
            driver_token=token,
        )
        expected = self.model.finish(run, state, token)
        _, refusal = attempt(self.stub(client).FinishRun, request)
        assert refusal == expected
        if not refusal:
            run.state = state

    def renew_a_run(self, client: int, data: st.DataObject) -> None:
        run, token = self.some_driver(data)
        request = pipelines.RenewRunRequest(
            project=PROJECT, request_id=new_request_id(), run_id=run.id, driver_token=token
        )
        answer, refusal = attempt(self.stub(client).RenewRun, request)
        assert refusal == run.refusal(token)
        assert refusal or answer.run.cancel_requested == run.cancelling

    def cancel_a_run(self, client: int, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        request = pipelines.CancelRunRequest(project=PROJECT, request_id=new_request_id(), run_id=run.id)
        _, refusal = attempt(self.stub(client).CancelRun, request)
        assert refusal == ("" if run.state == "RUNNING" else "ILLEGAL_TRANSITION")
        run.cancelling = run.cancelling or not refusal

    def a_runner_dies(self, _: int, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        if run.state != "RUNNING":
            return
        self.place.alter(f"UPDATE runs SET lease_expires_at = created_at WHERE id = '{run.id}'")
        run.state = "ABANDONED"
        for step in run.steps.values():
            step.state = "ABANDONED" if step.state == "RUNNING" else step.state

    def resume_a_run(self, client: int, data: st.DataObject) -> None:
        over = [run for run in self.model.runs if run.may_be_resumed]
        run = data.draw(mostly(over, self.model.runs))
        request = pipelines.ResumeRunRequest(project=PROJECT, request_id=new_request_id(), run_id=run.id)
        answer, refusal = attempt(self.stub(client).ResumeRun, request)
        assert refusal == ("" if run.may_be_resumed else "ILLEGAL_TRANSITION")
        if refusal:
            return
        run.state, run.epoch, run.cancelling = "RUNNING", run.epoch + 1, False
        run.tokens.append(answer.driver_token)
        for step in run.steps.values():
            step.token = VOID if step.state == "ABANDONED" else step.token

    def evict_a_step(self, client: int, data: st.DataObject) -> None:
        invocation = data.draw(st.sampled_from(INVOCATIONS))
        request = step_cache_pb2.EvictCacheRequest(project=PROJECT, request_id=new_request_id(), step_name=invocation)
        hit = [
            run.steps[name]
            for run, name in self.model.steps()
            if name == invocation and run.steps[name].id in self.model.reusable(run.steps[name].key)
        ]
        assert self.stub(client).EvictCache(request).evicted_count == len(hit)
        for step in hit:
            step.evicted = True

    @invariant()
    def runs_read_as_they_are(self) -> None:
        for run in self.model.runs:
            shown = self.stub(0).GetRun(pipelines.GetRunRequest(project=PROJECT, run=run.id)).run
            assert (word(states.RunState, shown.state), shown.epoch) == (run.state, run.epoch)
            assert {
                step.invocation: (step.id, word(states.StepState, step.state), step.attempt, len(step.attempts))
                for step in shown.steps
            } == {name: (step.id, step.state, step.attempt, step.attempt - 1) for name, step in run.steps.items()}

    @invariant()
    def the_cache_lists_what_may_be_reused(self) -> None:
        if not self.channels:
            return
        request = step_cache_pb2.ListCacheEntriesRequest(project=PROJECT, page_size=1000)
        listed = {entry.step_run_id for entry in self.stub(1).ListCacheEntries(request).entries}
        assert listed == self.model.reusable("a") | self.model.reusable("b")


def some_token(tokens: list[str]) -> st.SearchStrategy[str]:
    """The last one, which is good, or seldom another one."""
    return mostly(tokens[-1:], ["", *tokens])


def mostly(likely: Sequence[T], all_of_them: Sequence[T]) -> st.SearchStrategy[T]:
    """One of those something is likely to come of, or seldom any other."""
    times = 3 * len(all_of_them) // len(likely) if likely else 0
    return st.sampled_from([*([*likely] * times), *all_of_them])


def attempt(call: Callable[[Any], Any], request: Any) -> tuple[Any, str]:
    """Return the answer, or else the reason of the refusal."""
    try:
        return call(request), ""
    except grpc.RpcError as error:
        return None, Refusal(error).reason


def word(enum: Any, value: int) -> str:
    """The name of a state without its prefix."""
    name: str = enum.Name(value)
    return name.split("_STATE_")[1]

"""Runners that fail, retry, die and resume each other's runs on one store: who is refused, who waits, what counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_cache_pb2, step_calls_pb2
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy_server.embedded import EmbeddedChannel
from tests.api.calls import Refusal, new_request_id
from tests.stateful.places import FolderPlace
from tests.stateful.run_model import VOID, ModelRun, ModelStep, RunModel

PROJECT = "default"
clients = st.integers(0, 1)
invocations = st.sampled_from(["load", "fit"])
keys = st.sampled_from(["", "a", "a", "a", "b"])
data = st.data()
MOST_RUNS = 3
"""Few, so that what happens to one happens to the others."""


class RunMachine(RuleBasedStateMachine):
    """Every rule does one call on one of two clients and compares with the model."""

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
            self.create_a_run_of(client)

    def teardown(self) -> None:
        for channel in self.channels:
            channel.close()
        self.place.remove()

    def stub(self, client: int) -> PipelineServiceStub:
        return PipelineServiceStub(self.channels[client])

    @precondition(lambda self: len(self.model.runs) < MOST_RUNS)
    @rule(client=clients)
    def create_a_run(self, client: int) -> None:
        self.create_a_run_of(client)

    def create_a_run_of(self, client: int) -> None:
        created = self.stub(client).CreateRun(
            pipelines.CreateRunRequest(project=PROJECT, request_id=new_request_id(), pipeline_name="training")
        )
        self.model.runs.append(ModelRun(created.run.id, [created.driver_token]))

    @precondition(lambda self: self.model.runs)
    @rule(client=clients, data=data, invocation=invocations, key=keys, may_wait=st.sampled_from([True, True, False]))
    def start_a_step(self, client: int, data: st.DataObject, invocation: str, key: str, may_wait: bool) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        token = data.draw(some_token(run.tokens))
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

    @precondition(lambda self: self.model.steps())
    @rule(client=clients, data=data)
    def complete_a_step(self, client: int, data: st.DataObject) -> None:
        run, step, token = self.some_attempt(data)
        request = step_calls_pb2.CompleteStepRequest(
            project=PROJECT, request_id=new_request_id(), step_run_id=step.id, attempt_token=token
        )
        expected = self.model.end(run, step, token)
        _, refusal = attempt(self.stub(client).CompleteStep, request)
        assert refusal == expected
        if not refusal:
            step.state = "COMPLETED"

    @precondition(lambda self: self.model.steps())
    @rule(client=clients, data=data, retry=st.booleans())
    def fail_a_step(self, client: int, data: st.DataObject, retry: bool) -> None:
        run, step, token = self.some_attempt(data)
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

    def some_attempt(self, data: st.DataObject) -> tuple[ModelRun, ModelStep, str]:
        run, invocation = data.draw(st.sampled_from(self.model.steps()))
        step = run.steps[invocation]
        return run, step, data.draw(some_token(step.tokens))

    @precondition(lambda self: self.model.runs)
    @rule(client=clients, data=data, state=st.sampled_from(["COMPLETED", "FAILED", "CANCELLED"]))
    def finish_a_run(self, client: int, data: st.DataObject, state: str) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        token = data.draw(some_token(run.tokens))
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

    @precondition(lambda self: self.model.runs)
    @rule(client=clients, data=data)
    def renew_a_run(self, client: int, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        token = data.draw(some_token(run.tokens))
        request = pipelines.RenewRunRequest(
            project=PROJECT, request_id=new_request_id(), run_id=run.id, driver_token=token
        )
        answer, refusal = attempt(self.stub(client).RenewRun, request)
        assert refusal == run.refusal(token)
        assert refusal or answer.run.cancel_requested == run.cancelling

    @precondition(lambda self: self.model.runs)
    @rule(client=clients, data=data)
    def cancel_a_run(self, client: int, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        request = pipelines.CancelRunRequest(project=PROJECT, request_id=new_request_id(), run_id=run.id)
        _, refusal = attempt(self.stub(client).CancelRun, request)
        assert refusal == ("" if run.state == "RUNNING" else "ILLEGAL_TRANSITION")
        run.cancelling = run.cancelling or not refusal

    @precondition(lambda self: any(run.state == "RUNNING" for run in self.model.runs))
    @rule(data=data)
    def a_runner_dies(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from([run for run in self.model.runs if run.state == "RUNNING"]))
        self.place.alter(f"UPDATE runs SET lease_expires_at = created_at WHERE id = '{run.id}'")
        run.state = "ABANDONED"
        for step in run.steps.values():
            step.state = "ABANDONED" if step.state == "RUNNING" else step.state

    @precondition(lambda self: self.model.runs)
    @rule(client=clients, data=data)
    def resume_a_run(self, client: int, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.model.runs))
        request = pipelines.ResumeRunRequest(project=PROJECT, request_id=new_request_id(), run_id=run.id)
        answer, refusal = attempt(self.stub(client).ResumeRun, request)
        assert refusal == ("ILLEGAL_TRANSITION" if run.state in {"RUNNING", "COMPLETED"} else "")
        if refusal:
            return
        run.state, run.epoch, run.cancelling = "RUNNING", run.epoch + 1, False
        run.tokens.append(answer.driver_token)
        for step in run.steps.values():
            step.token = VOID if step.state == "ABANDONED" else step.token

    @rule(client=clients, invocation=invocations)
    def evict_a_step(self, client: int, invocation: str) -> None:
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
    return st.one_of(st.just(tokens[-1]), st.just(tokens[-1]), st.sampled_from(["", *tokens]))


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

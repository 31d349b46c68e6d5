"""What completed before in a run that is resumed, and whether it fits the pipeline of today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from argosy.errors import GraphError
from argosy.execution.running.earlier_call import changed_argument
from argosy.graph.model import Graph
from argosy.v1.artifact_pb2 import ArtifactVersion
from argosy.v1.pipeline_pb2 import Run, StepRun, StepState

_DONE = (StepState.STEP_STATE_COMPLETED, StepState.STEP_STATE_CACHED)


class EarlierSteps:
    """The steps of a run that need not run again, by invocation."""

    def __init__(self, run: Run) -> None:
        """Take them from the record of a run."""
        self.run = run
        self._done: dict[str, StepRun] = {step.invocation: step for step in run.steps if step.state in _DONE}

    @property
    def invocations(self) -> frozenset[str]:
        """The invocations that completed or were taken from cache."""
        return frozenset(self._done)

    def outputs(self) -> Iterator[tuple[tuple[str, str], ArtifactVersion]]:
        """Yield the version of each output, by invocation and name."""
        for invocation, step in self._done.items():
            for output in step.outputs:
                yield (invocation, output.name), output.version

    def check(self, graph: Graph, *, is_whole: bool) -> None:
        """Refuse a pipeline that is not the one the run is of.

        Args:
            graph: what was recorded of it.
            is_whole: whether its body has been recorded to its end.

        Raises:
            GraphError: names what differs.
        """
        run = f"run {self.run.name!r} cannot be resumed"
        if graph.pipeline.name != self.run.pipeline_name:
            raise GraphError(
                f"{graph.pipeline.location}: {run} with pipeline {graph.pipeline.name!r}: it is a run of "
                f"{self.run.pipeline_name!r}; resume it with that one"
            )
        cure = "undo the change, pass the arguments of then, or start a new run, which takes from cache what it can"
        made = dict(self.outputs())
        for invocation, step in self._done.items():
            now = graph.invocations.get(invocation)
            if now is None:
                if is_whole:
                    raise GraphError(
                        f"{graph.pipeline.location}: {run}: step {invocation!r} completed in it and is not called any "
                        f"more; {cure}"
                    )
                continue
            outputs = [output.name for output in step.outputs]
            if now.step.name != step.step_name or list(now.step.outputs.keys) != outputs:
                then, today = _described(step.step_name, outputs), _described(now.step.name, now.step.outputs.keys)
                raise GraphError(
                    f"{now.location}: {run}: step {invocation!r} completed in it as {then} and is {today} now; {cure}"
                )
            if (changed := changed_argument(now, step, made)) is not None:
                raise GraphError(f"{now.location}: {run}: step {invocation!r} completed in it with {changed}; {cure}")


def _described(step: str, outputs: Iterable[str]) -> str:
    names = ", ".join(map(repr, outputs))
    return f"a call of {step!r} with {f'the outputs {names}' if names else 'no outputs'}"

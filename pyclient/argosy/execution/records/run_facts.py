"""What is known of a run and of its steps, however their artifact versions are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from argosy.execution.failure import error_text
from argosy.execution.records.named import named
from argosy.execution.states import run_status, step_status
from argosy.graph.canonical_json import from_canonical
from argosy.v1 import pipeline_pb2

V = TypeVar("V")
S = TypeVar("S")


@dataclass(frozen=True)
class RecordedError:
    """Why a run or a step failed.

    Attributes:
        type: the exception's class, ``module:qualname``.
        message: its text.
        invocation: the step that failed; empty when the run failed outside of a step.
    """

    type: str
    message: str
    invocation: str = ""

    def __str__(self) -> str:
        return error_text(self.type, self.message, self.invocation)


@dataclass(frozen=True)
class RecordedAttempt:
    """An attempt of a step that was followed by another one.

    Attributes:
        attempt: 1 for the first.
        error: what went wrong; ``None`` when the process that ran it was lost.
        started: when it started, in UTC.
        ended: when it ended, in UTC.
    """

    attempt: int
    error: RecordedError | None
    started: datetime
    ended: datetime


class _Timed:
    """What runs and step runs have in common: when they began and ended."""

    _message: pipeline_pb2.Run | pipeline_pb2.StepRun

    @property
    def error(self) -> RecordedError | None:
        """What went wrong, ``None`` unless it failed."""
        return _error(self._message)

    @property
    def started(self) -> datetime | None:
        """When it started, by the store's clock, in UTC; ``None`` if it never did."""
        message = self._message
        if isinstance(message, pipeline_pb2.Run):
            return _moment(message.create_time)
        return _moment(message.start_time) if message.HasField("start_time") else None

    @property
    def ended(self) -> datetime | None:
        """When it ended, by the store's clock, in UTC; ``None`` while it runs."""
        return _moment(self._message.end_time) if self._message.HasField("end_time") else None

    @property
    def duration(self) -> float | None:
        """How long it took, in seconds; ``None`` while it runs."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its parameters as JSON values, and floats without end, defaults included."""
        return MappingProxyType({name: from_canonical(text) for name, text in sorted(self._message.parameters.items())})


class StepRunFacts(_Timed, Generic[V]):
    """One step of a run, as it was recorded; ``V`` is how its artifact versions are shown."""

    _message: pipeline_pb2.StepRun

    def __init__(self, message: pipeline_pb2.StepRun, show: Callable[[Any], V]) -> None:
        """Show ``message``, with the artifact versions in it as ``show`` does."""
        self._message = message
        self._version = show

    @property
    def id(self) -> str:
        """The id of this step run."""
        return self._message.id

    @property
    def invocation(self) -> str:
        """Its name in the run: the step's name, or ``name_2``, ``name_3``, …."""
        return self._message.invocation

    @property
    def name(self) -> str:
        """The step's name."""
        return self._message.step_name

    @property
    def status(self) -> str:
        """``running``, ``completed``, ``cached``, ``failed``, ``skipped``, ``cancelled`` or ``abandoned``."""
        return step_status(self._message.state)

    @cached_property
    def outputs(self) -> Mapping[str, V]:
        """What it returned, by output name, in order."""
        found = ((output.name, self._version(output.version)) for output in self._message.outputs)
        return named(self._described, "output", found)

    @property
    def output(self) -> V:
        """Its only output.

        Raises:
            ValueError: it has none, or more than one; the message lists the names.
        """
        if len(self.outputs) == 1:
            return next(iter(self.outputs.values()))
        if not self.outputs:
            raise ValueError(f"{self._described} has no outputs")
        names = ", ".join(map(repr, self.outputs))
        raise ValueError(
            f"step {self.invocation!r} has {len(self.outputs)} outputs ({names}); choose one: "
            f".outputs[{next(iter(self.outputs))!r}]"
        )

    @cached_property
    def inputs(self) -> Mapping[str, Any]:
        """The versions it was given, by input name: each a version, or a tuple of them where it was given a list.

        Type checkers see ``Any``, so that ``step.inputs["model"].version`` needs no check of what the call shows.
        """
        found: dict[str, V | tuple[V, ...]] = {}
        for item in self._message.inputs:
            versions = tuple(map(self._version, item.versions))
            found[item.name] = versions if item.is_list else versions[0]
        return named(self._described, "input", found.items())

    @cached_property
    def saved(self) -> tuple[V, ...]:
        """The versions its own code saved, in all attempts: ``version.producer_attempt`` tells in which."""
        return tuple(map(self._version, self._message.saved))

    @cached_property
    def loaded(self) -> tuple[V, ...]:
        """The versions its own code loaded, each once."""
        return tuple(dict.fromkeys(map(self._version, self._message.loaded)))

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """What its code told about it with ``log_metadata``, by name; of all its attempts."""
        return MappingProxyType({key: json.loads(text) for key, text in sorted(self._message.metadata.items())})

    @property
    def cache_miss(self) -> tuple[str, ...]:
        """Why nothing was taken from cache; empty for a cached step.

        The parts that differ from the nearest earlier run (``code``, ``parameter:rate``,
        ``input:data``, ``loaded:name``), or ``disabled``, ``first_run``, ``outputs_deleted``, ``evicted`` or
        ``expired``. ``Client.explain_cache`` puts them in words.
        """
        return tuple(self._message.cache_miss)

    @property
    def cached_from(self) -> str | None:
        """For a cached step, the id of the step run which made its outputs."""
        return self._message.cached_from or None

    @property
    def attempt(self) -> int:
        """Its current or last attempt, 1 for the first; 0 when it never started."""
        return self._message.attempt

    @property
    def attempts(self) -> tuple[RecordedAttempt, ...]:
        """The attempts before the current or last one: those that failed, or whose process was lost."""
        return tuple(
            RecordedAttempt(item.attempt, _error(item), _moment(item.start_time), _moment(item.end_time))
            for item in self._message.attempts
        )

    @property
    def upstream(self) -> tuple[str, ...]:
        """The invocations it had to wait for."""
        return tuple(self._message.upstream)

    @property
    def _described(self) -> str:
        return f"step {self.invocation!r} ({self.status})"

    def __repr__(self) -> str:
        return f"<StepRunRecord {self.invocation!r} {self.status}>"


class RunFacts(_Timed, Generic[S]):
    """One run of a pipeline, as it was recorded when it was read; ``S`` is how its steps are shown."""

    _message: pipeline_pb2.Run

    def __init__(
        self, message: pipeline_pb2.Run, show: Callable[[pipeline_pb2.StepRun], S], *, has_steps: bool = True
    ) -> None:
        """Show ``message``, with its steps as ``show`` does; ``has_steps`` is false for one out of a list."""
        self._message = message
        self._step = show
        self._has_steps = has_steps

    @property
    def id(self) -> str:
        """The run's id."""
        return self._message.id

    @property
    def name(self) -> str:
        """The run's name."""
        return self._message.name

    @property
    def pipeline_name(self) -> str:
        """The pipeline's name."""
        return self._message.pipeline_name

    @property
    def project(self) -> str:
        """The project it belongs to."""
        return self._message.project

    @property
    def status(self) -> str:
        """``running``, ``completed``, ``failed``, ``cancelled`` or ``abandoned``."""
        return run_status(self._message.state)

    @property
    def resumed(self) -> int:
        """How often it was resumed."""
        return max(0, self._message.epoch - 1)

    @cached_property
    def steps(self) -> Mapping[str, S]:
        """The steps by invocation, in the order they started; skipped ones last.

        Those of a run out of a list are asked for when they are read first, and are what they are then. An asyncio
        client cannot ask here: it has them after ``await run.reload()``.

        Raises:
            NotFoundError: a run out of a list is gone.
            PreconditionError: a run of an asyncio client came out of a list.
        """
        records = ((step.invocation, self._step(step)) for step in self._read().steps)
        return named(f"run {self.name!r}", "step", records)

    def _read(self) -> pipeline_pb2.Run:
        """Return the record with its steps."""
        return self._message

    def __repr__(self) -> str:
        counted = f", {len(self._message.steps)} steps" if self._has_steps else ""
        return f"<PipelineRun {self.name!r} {self.status}{counted}>"


def _error(message: pipeline_pb2.Run | pipeline_pb2.StepRun | pipeline_pb2.StepAttempt) -> RecordedError | None:
    if not message.HasField("error"):
        return None
    return RecordedError(message.error.type, message.error.message, message.error.invocation)


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=timezone.utc)

"""What is promised of runs, attempts and reservations, as plain objects. It knows nothing of how it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

VOID = "void"


@dataclass
class ModelStep:
    """A step run; its token is ``VOID`` when nobody has it."""

    id: str
    state: str
    key: str
    epoch: int
    token: str = ""
    attempt: int = 1
    tokens: list[str] = field(default_factory=list)
    evicted: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nobody computes it, not even for a runner that was taken for dead."""
        return self.state not in {"RUNNING", "ABANDONED"}


@dataclass
class ModelRun:
    """A run; ``tokens`` are all its drivers ever had, the last one is good."""

    id: str
    tokens: list[str]
    state: str = "RUNNING"
    epoch: int = 1
    cancelling: bool = False
    steps: dict[str, ModelStep] = field(default_factory=dict)

    @property
    def may_start_steps(self) -> bool:
        """Whether it runs and shall go on."""
        return self.state == "RUNNING" and not self.cancelling

    @property
    def all_steps_ended(self) -> bool:
        """Whether there were some, and none is computed."""
        return bool(self.steps) and all(step.is_over for step in self.steps.values())

    @property
    def may_be_resumed(self) -> bool:
        """Whether it ended, and did not reach its end."""
        return self.state not in {"RUNNING", "COMPLETED"}

    def refusal(self, token: str) -> str:
        """Tell why a driver is refused, ``""`` when it is not."""
        if token and token != self.tokens[-1]:
            return "SUPERSEDED"
        if self.state == "ABANDONED":
            return "LEASE_EXPIRED"
        return "" if self.state == "RUNNING" else "ILLEGAL_TRANSITION"


class RunModel:
    """The perfect record of runs."""

    def __init__(self) -> None:
        self.runs: list[ModelRun] = []
        self.holders: dict[str, tuple[ModelRun, str]] = {}

    def steps(self) -> list[tuple[ModelRun, str]]:
        """All step runs, each as its run and its invocation."""
        return [(run, invocation) for run in self.runs for invocation in run.steps]

    def reusable(self, key: str) -> set[str]:
        """Return the ids of the step runs whose outputs a step with this key may take."""
        steps = (run.steps[invocation] for run, invocation in self.steps())
        return {step.id for step in steps if key and step.key == key and step.state == "COMPLETED" and not step.evicted}

    def holder(self, key: str) -> str:
        """Return the id of the step run that computes a key now, ``""`` for none."""
        if key not in self.holders:
            return ""
        run, invocation = self.holders[key]
        step = run.steps[invocation]
        return step.id if run.state == "RUNNING" and step.state == "RUNNING" and step.key == key else ""

    def start(self, run: ModelRun, invocation: str, key: str, may_wait: bool, token: str) -> str:
        """Return what starting a step must lead to: a refusal, WAIT, CACHED or RUNNING."""
        if refusal := run.refusal(token):
            return refusal
        if run.cancelling:
            return "ILLEGAL_TRANSITION"
        earlier = run.steps.get(invocation)
        holder = self.holder(key)
        if may_wait and holder and not self.reusable(key) and holder != (earlier.id if earlier else ""):
            return "WAIT"
        if earlier and (earlier.state in {"COMPLETED", "CACHED"} or earlier.epoch == run.epoch):
            return "ILLEGAL_TRANSITION"
        return "CACHED" if self.reusable(key) else "RUNNING"

    def end(self, run: ModelRun, step: ModelStep, token: str) -> str:
        """Return why an attempt is not ended, ``""`` when it is."""
        if token != step.token:
            return "SUPERSEDED"
        return run.refusal("") or ("" if step.state == "RUNNING" else "ILLEGAL_TRANSITION")

    def finish(self, run: ModelRun, state: str, token: str) -> str:
        """Return why a run is not ended, ``""`` when it is."""
        if refusal := run.refusal(token):
            return refusal
        states = {step.state for step in run.steps.values() if step.epoch == run.epoch}
        if "RUNNING" in states or (state == "COMPLETED" and states & {"FAILED", "CANCELLED"}):
            return "ILLEGAL_TRANSITION"
        return ""

"""What steps returned, and where things came from."""

from __future__ import annotations

from collections.abc import Iterator

from tests.soak.actors.running import JOINED, LEFT, RIGHT
from tests.soak.evidence import Evidence, FoundStep, ProjectTruth, Violation
from tests.soak.journal import of_kind

OUTPUTS = {"pair": {LEFT, RIGHT}, "cached_pair": {LEFT, RIGHT}, "join": {JOINED}}


def outputs_come_together(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 5: what a step returned is there when it completed, all of it, and nothing of it otherwise."""
    for look in of_kind(evidence.history, "inspect"):
        others = {found["step"] for found in look.result.get(RIGHT, ())}
        for found in look.result.get(LEFT, ()):
            if found["step"] not in others:
                told = f"{LEFT} {found['id']} was there, and the other output of its step was not"
                yield Violation("outputs-come-together", told, [look])
    for truth in evidence.truths:
        for step in truth.steps:
            yield from _incomplete(truth, step)
        yield from _outputs_of_no_step(truth)
    for run in of_kind(evidence.history, "run"):
        if run.outcome != "ok":
            continue
        if run.result["status"] != "completed" or set(run.result["outputs"]) != {LEFT, RIGHT, JOINED}:
            yield Violation("outputs-come-together", "a run ended well without all of its outputs", [run])
        for truth in evidence.truths:
            gone = [name for name, found in run.result["outputs"].items() if found not in truth.versions]
            if truth.project == run.project and gone:
                yield Violation("outputs-come-together", f"{truth.replica} has not {gone} of a completed run", [run])


def lineage_points_at_what_was_there(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 6: every version in a lineage was there, and a lineage has all that something was made from."""
    for asked in of_kind(evidence.history, "lineage"):
        if asked.outcome != "ok":
            continue
        made_from = {version for name, version in asked.arguments["of"].items() if name != JOINED}
        missing = made_from - set(asked.result["versions"])
        if missing:
            yield Violation("lineage-points-at-what-was-there", f"{missing} are not in the lineage", [asked])
        for truth in evidence.truths:
            absent = [one for one in asked.result["versions"] if truth.known.get(one) == "absent"]
            if truth.project == asked.project and absent:
                yield Violation("lineage-points-at-what-was-there", f"{absent} were never there", [asked])


def _incomplete(truth: ProjectTruth, step: FoundStep) -> Iterator[Violation]:
    expected = OUTPUTS.get(step.invocation, set()) if step.status in {"completed", "cached"} else set()
    if set(step.outputs) != expected:
        told = f"{truth.replica}: step {step.invocation} of {step.run} is {step.status} with {sorted(step.outputs)}"
        yield Violation("outputs-come-together", told)
    absent = [name for name, version_id in step.outputs.items() if version_id not in truth.versions]
    if absent:
        told = f"{truth.replica}: {absent} of step {step.invocation} of {step.run} are not there"
        yield Violation("outputs-come-together", told)


def _outputs_of_no_step(truth: ProjectTruth) -> Iterator[Violation]:
    returned = {version_id for step in truth.steps for version_id in step.outputs.values()}
    for version in truth.versions.values():
        if version.step is not None and version.id not in returned:
            told = f"{truth.replica}: {version} is an output of step run {version.step}, which did not return it"
            yield Violation("outputs-come-together", told)

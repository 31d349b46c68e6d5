"""Runs and step runs between the wire and the domain: parse checks everything, render cannot fail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from argosy.v1 import pipeline_pb2, step_calls_pb2
from argosy_server.api.messages.artifacts import parse_selector, render_version
from argosy_server.api.messages.field_parsing import MAX_KEYS, parse_enum, parse_text, render_timestamp
from argosy_server.domain.errors import InvalidField, LimitExceeded
from argosy_server.domain.identifiers import is_id, parse_id, parse_name
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import (
    EntryPoint,
    InputKind,
    InputSpec,
    LoadedInput,
    PipelineSummary,
    Run,
    RunError,
    RunState,
    StepAttempt,
    StepRun,
    StepState,
)

RUN_STATES = {
    pipeline_pb2.RUN_STATE_RUNNING: RunState.RUNNING,
    pipeline_pb2.RUN_STATE_COMPLETED: RunState.COMPLETED,
    pipeline_pb2.RUN_STATE_FAILED: RunState.FAILED,
    pipeline_pb2.RUN_STATE_CANCELLED: RunState.CANCELLED,
    pipeline_pb2.RUN_STATE_ABANDONED: RunState.ABANDONED,
}
STEP_STATES = {
    pipeline_pb2.STEP_STATE_RUNNING: StepState.RUNNING,
    pipeline_pb2.STEP_STATE_COMPLETED: StepState.COMPLETED,
    pipeline_pb2.STEP_STATE_CACHED: StepState.CACHED,
    pipeline_pb2.STEP_STATE_FAILED: StepState.FAILED,
    pipeline_pb2.STEP_STATE_SKIPPED: StepState.SKIPPED,
    pipeline_pb2.STEP_STATE_CANCELLED: StepState.CANCELLED,
    pipeline_pb2.STEP_STATE_ABANDONED: StepState.ABANDONED,
}
INPUT_KINDS = {
    pipeline_pb2.INPUT_KIND_STEP_OUTPUT: InputKind.STEP_OUTPUT,
    pipeline_pb2.INPUT_KIND_EXTERNAL: InputKind.EXTERNAL,
    pipeline_pb2.INPUT_KIND_LOADED: InputKind.LOADED,
}
WIRE_RUN_STATES = {state: number for number, state in RUN_STATES.items()}
WIRE_STEP_STATES = {state: number for number, state in STEP_STATES.items()}
WIRE_INPUT_KINDS = {kind: number for number, kind in INPUT_KINDS.items()}
STARTABLE_KINDS = {number: kind for number, kind in INPUT_KINDS.items() if kind is not InputKind.LOADED}
MAX_ERROR_BYTES = 4096
MAX_ERROR_TYPE = 255
MAX_PATH = 4096
MAX_ARGUMENTS = 16_384


def parse_run_key(field: str, text: str) -> str:
    """Return the id or the name of a run.

    Raises:
        InvalidField: it is neither.
    """
    return parse_id(field, text) if is_id(text) else parse_name(field, text)


def parse_inputs(field: str, inputs: Iterable[step_calls_pb2.StepInputSpec], limits: Limits) -> list[InputSpec]:
    """Return what a step is given.

    Raises:
        InvalidField: a name, kind or id is malformed, a name stands twice, or the number of versions is not one.
        LimitExceeded: more inputs or versions than a call may name.
    """
    parsed = [_parse_input(f"{field}[{index}]", spec) for index, spec in enumerate(inputs)]
    if len(parsed) > MAX_KEYS:
        raise LimitExceeded(f"{field}: {len(parsed)} inputs; at most {MAX_KEYS}", limit=MAX_KEYS)
    names: set[str] = set()
    for index, spec in enumerate(parsed):
        if spec.name in names:
            raise InvalidField(f"{field}[{index}].name", f"{spec.name!r} stands twice; a parameter is given once")
        names.add(spec.name)
    count = sum(len(spec.version_ids) for spec in parsed)
    if count > limits.max_files:
        raise LimitExceeded(f"{field}: {count} versions; at most {limits.max_files}", limit=limits.max_files)
    return parsed


def parse_loaded(field: str, loaded: Iterable[step_calls_pb2.LoadedInput]) -> list[LoadedInput]:
    """Return what a step's code loaded.

    Raises:
        InvalidField: a selector or id is malformed.
    """
    return [
        LoadedInput(
            parse_selector(f"{field}[{index}].selector", item.selector),
            parse_id(f"{field}[{index}].version_id", item.version_id),
        )
        for index, item in enumerate(loaded)
    ]


def parse_upstream(field: str, invocations: Sequence[str], limits: Limits) -> tuple[str, ...]:
    """Return the invocations a step had to wait for, each once.

    Raises:
        InvalidField: one is malformed.
        LimitExceeded: they are too many.
    """
    if len(invocations) > limits.max_files:
        raise LimitExceeded(
            f"{field}: {len(invocations)} invocations; at most {limits.max_files}", limit=limits.max_files
        )
    return tuple(dict.fromkeys(parse_name(f"{field}[{index}]", name) for index, name in enumerate(invocations)))


def parse_entry_point(field: str, entry_point: pipeline_pb2.EntryPoint) -> EntryPoint | None:
    """Return where a pipeline is defined; ``None`` when nothing is said.

    Raises:
        InvalidField: module or name are missing or malformed, or the path of the file or its arguments are too long.
    """
    if not (entry_point.module or entry_point.qualname or entry_point.file):
        return None
    if len(entry_point.file) > MAX_PATH:
        raise InvalidField(f"{field}.file", f"has {len(entry_point.file)} characters; at most {MAX_PATH} are allowed")
    size = sum(map(len, entry_point.arguments)) + len(entry_point.arguments)
    if size > MAX_ARGUMENTS:
        raise InvalidField(f"{field}.arguments", f"have {size} characters; at most {MAX_ARGUMENTS} are allowed")
    return EntryPoint(
        parse_text(f"{field}.module", entry_point.module, required=True),
        parse_text(f"{field}.qualname", entry_point.qualname, required=True),
        entry_point.file,
        tuple(entry_point.arguments),
    )


def parse_error(field: str, error: pipeline_pb2.RunError) -> RunError | None:
    """Return what went wrong, its text cut to 4 KiB; ``None`` when nothing is said.

    Raises:
        InvalidField: the invocation is malformed.
    """
    if not (error.type or error.message or error.invocation):
        return None
    message = error.message.encode()[:MAX_ERROR_BYTES].decode(errors="ignore")
    return RunError(error.type[:MAX_ERROR_TYPE], message, parse_text(f"{field}.invocation", error.invocation))


def render_run(run: Run) -> pipeline_pb2.Run:
    """Return a run as a message, with the steps it has."""
    return pipeline_pb2.Run(
        id=run.id,
        project=run.project,
        pipeline_name=run.pipeline_name,
        name=run.name,
        state=WIRE_RUN_STATES[run.state],
        parameters=run.parameters,
        error=_render_error(run.error),
        create_time=render_timestamp(run.created_at),
        end_time=render_timestamp(run.ended_at) if run.ended_at else None,
        lease_expire_time=render_timestamp(run.lease_expires_at),
        cancel_requested=run.cancel_requested,
        steps=[render_step(step) for step in run.steps],
        entry_point=_render_entry_point(run.entry_point),
        epoch=run.epoch,
    )


def render_step(step: StepRun, *, output_files: bool = False) -> pipeline_pb2.StepRun:
    """Return a step run as a message; its attempt token is for the runner alone and stays out."""
    return pipeline_pb2.StepRun(
        id=step.id,
        run_id=step.run_id,
        invocation=step.invocation,
        step_name=step.step_name,
        state=WIRE_STEP_STATES[step.state],
        parameters=step.parameters,
        inputs=[
            pipeline_pb2.StepInput(
                name=item.name,
                kind=WIRE_INPUT_KINDS[item.kind],
                is_list=item.is_list,
                versions=[render_version(version, files=False) for version in item.versions],
                kinds=[WIRE_INPUT_KINDS[kind] for kind in item.kinds],
            )
            for item in step.inputs
        ],
        outputs=[
            pipeline_pb2.StepOutput(name=item.name, version=render_version(item.version, files=output_files))
            for item in step.outputs
        ],
        saved=[render_version(version, files=False) for version in step.saved],
        loaded=[render_version(version, files=False) for version in step.loaded],
        cache_key=step.cache_key,
        cached_from=step.cached_from,
        cache_miss=step.cache_miss,
        error=_render_error(step.error),
        start_time=render_timestamp(step.started_at) if step.started_at else None,
        end_time=render_timestamp(step.ended_at) if step.ended_at else None,
        attempt=step.attempt,
        attempts=[_render_attempt(attempt) for attempt in step.attempts],
        metadata=step.metadata,
        upstream=step.upstream,
    )


def render_pipeline(summary: PipelineSummary) -> pipeline_pb2.PipelineSummary:
    """Return a row of ListPipelines."""
    return pipeline_pb2.PipelineSummary(
        name=summary.name, latest_run=render_run(summary.latest_run), run_count=summary.run_count
    )


def _parse_input(field: str, spec: step_calls_pb2.StepInputSpec) -> InputSpec:
    if not spec.is_list and len(spec.version_ids) != 1:
        raise InvalidField(f"{field}.version_ids", f"has {len(spec.version_ids)} ids; one input has one unless is_list")
    if spec.kinds and len(spec.kinds) != len(spec.version_ids):
        raise InvalidField(
            f"{field}.kinds",
            f"has {len(spec.kinds)} kinds for {len(spec.version_ids)} versions; give each one, or none",
        )
    kind = parse_enum(f"{field}.kind", spec.kind, STARTABLE_KINDS)
    kinds = tuple(parse_enum(f"{field}.kinds", one, STARTABLE_KINDS) for one in spec.kinds)
    return InputSpec(
        name=parse_text(f"{field}.name", spec.name, required=True),
        kind=kind,
        is_list=spec.is_list,
        version_ids=tuple(parse_id(f"{field}.version_ids", version_id) for version_id in spec.version_ids),
        kinds=() if all(one is kind for one in kinds) else kinds,
    )


def _render_attempt(attempt: StepAttempt) -> pipeline_pb2.StepAttempt:
    return pipeline_pb2.StepAttempt(
        attempt=attempt.attempt,
        error=_render_error(attempt.error),
        start_time=render_timestamp(attempt.started_at),
        end_time=render_timestamp(attempt.ended_at),
    )


def _render_entry_point(entry_point: EntryPoint | None) -> pipeline_pb2.EntryPoint | None:
    if entry_point is None:
        return None
    return pipeline_pb2.EntryPoint(
        module=entry_point.module,
        qualname=entry_point.qualname,
        file=entry_point.file,
        arguments=entry_point.arguments,
    )


def _render_error(error: RunError | None) -> pipeline_pb2.RunError | None:
    if error is None:
        return None
    return pipeline_pb2.RunError(type=error.type, message=error.message, invocation=error.invocation)

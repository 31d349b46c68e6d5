"""How a step that completed was called, against how it is called now: by what differs its result is of another call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import ArtifactInput, ArtifactList, ArtifactSource, Invocation, VersionRef
from argosy.graph.output_refs import ItemRef, StepOutputRef
from argosy.v1.artifact_pb2 import ArtifactVersion
from argosy.v1.pipeline_pb2 import InputKind, StepInput, StepRun

Outputs = Mapping[tuple[str, str], ArtifactVersion]
"""The version of each output that was made, by invocation and name."""


def changed_argument(now: Invocation, then: StepRun, outputs: Outputs) -> str | None:
    """Say which argument of a step is another one now, ``None`` if none is.

    Only what both have is compared: parameters come and go with the function's code, which may change. A name without
    a version means what it meant then, whatever it means now, and a value given as ``ExternalArtifact`` is taken for
    the one of then: only what made it is known without storing it.

    Args:
        now: how the step is called.
        then: its record.
        outputs: what the steps that completed have made.
    """
    inputs = {item.name: item for item in then.inputs}
    for name in now.step.signature.parameters:
        parameter, source = now.parameters.get(name), now.artifacts.get(name)
        recorded, given = then.parameters.get(name), inputs.get(name)
        if recorded is None and given is None:
            continue
        if parameter is not None and parameter.json == recorded:
            continue
        if source is not None and given is not None and _is_same(source, given, outputs):
            continue
        before = recorded if given is None else _versions(given, outputs)
        today = parameter.json if parameter is not None else _sources(source)
        return f"{name}={before} and is called with {name}={today} now"
    return None


def _is_same(source: ArtifactInput, given: StepInput, outputs: Outputs) -> bool:
    sources = source.items if isinstance(source, ArtifactList) else (source,)
    return (
        isinstance(source, ArtifactList) == given.is_list
        and len(sources) == len(given.versions)
        and all(
            _is_version(item, version, kind, outputs)
            for item, version, kind in zip(sources, given.versions, _kinds(given, outputs), strict=True)
        )
    )


def _kinds(given: StepInput, outputs: Outputs) -> Sequence[InputKind.ValueType]:
    if given.kinds or not given.is_list:
        return given.kinds or (given.kind,)
    # Runs of earlier releases have the kind of a list's first version only.
    made_here = {output.id for output in outputs.values()}
    return [given.kind if one.id in made_here else InputKind.INPUT_KIND_EXTERNAL for one in given.versions]


def _is_version(source: ArtifactSource, version: ArtifactVersion, kind: InputKind.ValueType, outputs: Outputs) -> bool:
    if isinstance(source, (StepOutputRef, ItemRef)):
        made = outputs.get((source.invocation, source.output))
        return made is not None and made.id == version.id
    if isinstance(source, VersionRef) or source.id is not None:
        return str(source.id) == version.id
    if source.has_value:
        return kind == InputKind.INPUT_KIND_EXTERNAL
    return source.name == version.name and source.version in (None, version.version)


def _versions(given: StepInput, outputs: Outputs) -> str:
    made = {version.id: StepOutputRef(*key) for key, version in outputs.items()}
    names = [str(made.get(one.id) or f"version {one.version!r} of {one.name!r}") for one in given.versions]
    return f"[{', '.join(names)}]" if given.is_list else names[0]


def _sources(source: ArtifactInput | None) -> str:
    if isinstance(source, ArtifactList):
        return f"[{', '.join(map(_sources, source.items))}]"
    return repr(source) if isinstance(source, ExternalArtifact) else str(source)

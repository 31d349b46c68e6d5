"""Artifacts between the wire and the domain: parse checks everything, render cannot fail."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.v1 import artifact_pb2
from argosy_server.api.messages.field_parsing import (
    parse_count,
    parse_description,
    parse_enum,
    parse_json_map,
    parse_optional,
    parse_tags,
    parse_text,
    render_timestamp,
    require_message,
)
from argosy_server.domain.artifact import (
    ArtifactKind,
    ArtifactSpec,
    ArtifactSummary,
    ArtifactVersion,
    VersionSelector,
)
from argosy_server.domain.errors import InvalidField, LimitExceeded
from argosy_server.domain.identifiers import (
    Digest,
    parse_alias,
    parse_format,
    parse_id,
    parse_name,
    parse_path,
    parse_version,
)
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.staging import NewFile

KINDS = {
    artifact_pb2.ARTIFACT_KIND_MANUAL: ArtifactKind.MANUAL,
    artifact_pb2.ARTIFACT_KIND_STEP_OUTPUT: ArtifactKind.STEP_OUTPUT,
    artifact_pb2.ARTIFACT_KIND_EXTERNAL: ArtifactKind.EXTERNAL,
}
WIRE_KINDS = {kind: number for number, kind in KINDS.items()}
MAX_ALIASES = 100


def parse_spec(field: str, spec: artifact_pb2.ArtifactSpec, limits: Limits) -> ArtifactSpec:
    """Return what a caller says about a new version.

    Raises:
        InvalidField: a name, label, alias, tag or metadata value is malformed, or the format is missing.
        LimitExceeded: too much metadata or description, or too many tags or aliases.
    """
    if len(spec.aliases) > MAX_ALIASES:
        raise LimitExceeded(f"{field}.aliases: {len(spec.aliases)} aliases; at most {MAX_ALIASES}", limit=MAX_ALIASES)
    unspecified = spec.kind == artifact_pb2.ARTIFACT_KIND_UNSPECIFIED
    return ArtifactSpec(
        name=parse_name(f"{field}.name", spec.name),
        format=parse_format(f"{field}.format", spec.format),
        version=parse_optional(parse_version, f"{field}.version", spec.version),
        data_type=parse_text(f"{field}.data_type", spec.data_type),
        materializer=parse_text(f"{field}.materializer", spec.materializer),
        kind=ArtifactKind.MANUAL if unspecified else parse_enum(f"{field}.kind", spec.kind, KINDS),
        metadata=parse_json_map(f"{field}.metadata", spec.metadata, limits),
        tags=parse_tags(f"{field}.tags", spec.tags, limits),
        aliases=tuple(sorted({parse_alias(f"{field}.aliases", alias) for alias in spec.aliases})),
        step_run_id=parse_optional(parse_id, f"{field}.step_run_id", spec.step_run_id),
        step_attempt=parse_count(f"{field}.step_attempt", spec.step_attempt),
        named=not spec.unnamed,
        description=parse_description(f"{field}.description", spec.description),
    )


def parse_new_files(field: str, files: Sequence[artifact_pb2.NewArtifactFile]) -> list[NewFile]:
    """Return the files of a new version.

    Raises:
        InvalidField: there is no file, a path or digest is malformed, or a file has neither digest nor bytes.
    """
    if not files:
        raise InvalidField(field, "is empty; a version has at least one file")
    return [_parse_new_file(f"{field}[{index}]", file) for index, file in enumerate(files)]


def parse_selector(field: str, selector: artifact_pb2.VersionSelector) -> VersionSelector:
    """Return which version is meant.

    Raises:
        InvalidField: not exactly one of id and name is set, more than one of version, alias and pipeline_name,
            one of these goes with an id, or one of them is malformed.
    """
    if bool(selector.id) == bool(selector.name):
        state = "both are" if selector.id else "none is"
        raise InvalidField(field, f"set exactly one of id and name; {state} set")
    refinements = [name for name in ("version", "alias", "pipeline_name") if getattr(selector, name)]
    if selector.id and refinements:
        raise InvalidField(f"{field}.{refinements[0]}", "goes with a name, not with an id; leave it out")
    if len(refinements) > 1:
        raise InvalidField(
            field, f"set at most one of version, alias and pipeline_name, not {' and '.join(refinements)}"
        )
    return VersionSelector(
        id=parse_optional(parse_id, f"{field}.id", selector.id),
        name=parse_optional(parse_name, f"{field}.name", selector.name),
        version=parse_optional(parse_version, f"{field}.version", selector.version),
        alias=parse_optional(parse_alias, f"{field}.alias", selector.alias),
        pipeline_name=parse_optional(parse_name, f"{field}.pipeline_name", selector.pipeline_name),
    )


def render_version(version: ArtifactVersion, *, files: bool = True) -> artifact_pb2.ArtifactVersion:
    """Return a version as a message, in lists without ``files``."""
    message = artifact_pb2.ArtifactVersion(
        id=version.id,
        project=version.project,
        name=version.name,
        version=version.version,
        ordinal=version.ordinal,
        data_type=version.data_type,
        format=version.format,
        materializer=version.materializer,
        kind=WIRE_KINDS[version.kind],
        metadata=version.metadata,
        tags=version.tags,
        aliases=version.aliases,
        file_count=version.file_count,
        size_bytes=version.size,
        content_digest=version.content_digest.text,
        create_time=render_timestamp(version.created_at),
        etag=version.etag,
        deleted=version.deleted,
        named=version.named,
        description=version.description,
    )
    if files:
        for file in version.files:
            message.files.add(path=file.path, digest=file.digest.text, size_bytes=file.size)
    if version.producer is not None:
        message.producer.run_id = version.producer.run_id
        message.producer.step_run_id = version.producer.step_run_id
        message.producer.pipeline_name = version.producer.pipeline_name
        message.producer.invocation = version.producer.invocation
        message.producer.output_name = version.producer.output_name
        message.producer.attempt = version.producer.attempt
    return message


def render_summary(summary: ArtifactSummary) -> artifact_pb2.ArtifactSummary:
    """Return a row of ListArtifacts."""
    return artifact_pb2.ArtifactSummary(
        name=summary.name,
        latest=render_version(summary.latest, files=False),
        version_count=summary.version_count,
    )


def _parse_new_file(field: str, file: artifact_pb2.NewArtifactFile) -> NewFile:
    path = parse_path(f"{field}.path", file.path)
    if file.WhichOneof("content") == "digest":
        return NewFile(path, Digest.parse(f"{field}.digest", file.digest), None)
    require_message(f"{field}.inline_content", file, "inline_content")
    declared = Digest.parse(f"{field}.inline_digest", file.inline_digest) if file.inline_digest else None
    return NewFile(path, None, file.inline_content, declared)

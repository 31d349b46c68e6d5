"""``save_artifact`` and ``load_artifact``: any value, by name, in one line.

Inside a step both are linked to it: what is saved is recorded at once, whatever the step's end,
and what is loaded is recorded as an input when the step ends.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, overload
from uuid import UUID

from argosy.config import resolve
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.values.prepared_value import PreparedValue, prepare_value
from argosy.execution.values.sent_values import send_values
from argosy.execution.values.stored_value import load_from, recording_step
from argosy.execution.views.transfer_progress import OnProgress, shown
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.graph.user_metadata import checked_description, checked_metadata, checked_tags
from argosy.materializers.registry import MaterializerChoice
from argosy.sdk.queries.selectors import make_selector
from argosy.sdk.save_arguments import SaveArguments, check_names, check_value, link_to_step
from argosy.transport.connection import Connection, connect
from argosy.transport.upload.save_version import create_version
from argosy.v1.artifact_pb2 import ArtifactVersion as ArtifactVersionMessage

T = TypeVar("T")


@suggests_keywords
def save_artifact(
    value: object,
    name: str,
    *,
    version: int | str | None = None,
    alias: str | None = None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    materializer: MaterializerChoice | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    allow_pickle: bool | None = None,
    on_progress: OnProgress | None = None,
) -> ArtifactVersion:
    """Save a value as a new version of an artifact; all of it is stored, or nothing.

    Args:
        value: anything a materializer can keep faithfully.
        name: the artifact's name.
        version: the version's label; by default the next number.
        alias: a name that shall point at this version from now on (``"prod"``).
        tags: labels, shared by any number of versions.
        metadata: facts, JSON values by name; they win over those found in the value.
        description: what it is, in words for people; at most 4 KiB.
        materializer: keeps the value, instead of the one its type would choose.
        extract_metadata: whether facts are found in the value (shape, columns, ...).
        include_visualizations: whether previews are made.
        allow_pickle: whether the value, or a part of it, may be pickled; by default as the running step
            says, else as configured.
        on_progress: called with a ``TransferProgress`` now and then, from any thread, instead of the bar that a
            terminal shows when it takes longer than a second.

    Raises:
        ParameterError: a malformed name, version, alias, tag, option or metadata, or a value that is an
            artifact already; the message names it.
        MaterializerError: the value cannot be kept faithfully.
        PickleRefusedError: only pickle could keep it, and pickle is off.
        AlreadyExistsError: the artifact has a version with this label.
        UnavailableError: the store cannot be reached.
    """
    return save_to(
        connect(resolve()),
        value,
        name,
        SaveArguments(
            version=version,
            alias=alias,
            tags=tags,
            metadata=metadata,
            description=description,
            materializer=materializer,
            extract_metadata=extract_metadata,
            include_visualizations=include_visualizations,
            allow_pickle=allow_pickle,
            on_progress=on_progress,
        ),
    )


@overload
def load_artifact(
    name_or_id: str | UUID,
    version: int | str | None = ...,
    *,
    alias: str | None = ...,
    pipeline_name: str | None = ...,
    as_type: type[T],
    allow_pickle: bool | None = ...,
    materializer: MaterializerChoice | None = ...,
    columns: Sequence[Hashable] | None = ...,
    rows: slice | None = ...,
    on_progress: OnProgress | None = ...,
) -> T: ...
@overload
def load_artifact(
    name_or_id: str | UUID,
    version: int | str | None = ...,
    *,
    alias: str | None = ...,
    pipeline_name: str | None = ...,
    as_type: None = ...,
    allow_pickle: bool | None = ...,
    materializer: MaterializerChoice | None = ...,
    columns: Sequence[Hashable] | None = ...,
    rows: slice | None = ...,
    on_progress: OnProgress | None = ...,
) -> Any: ...
@suggests_keywords
def load_artifact(
    name_or_id: str | UUID,
    version: int | str | None = None,
    *,
    alias: str | None = None,
    pipeline_name: str | None = None,
    as_type: type[T] | None = None,
    allow_pickle: bool | None = None,
    materializer: MaterializerChoice | None = None,
    columns: Sequence[Hashable] | None = None,
    rows: slice | None = None,
    on_progress: OnProgress | None = None,
) -> T | Any:
    """Load the value of a stored version: the latest one, unless told otherwise.

    Args:
        name_or_id: an artifact's name; a ``UUID``, or a text of that form, is a version's id.
        version: this version, a number or a label.
        alias: the version this name points at.
        pipeline_name: the version in the most recent completed run of this pipeline.
        as_type: what the value shall be: a class or an annotation. It is also the class to make where
            the recorded name finds none (classes of a script).
        allow_pickle: whether a pickle may be loaded, which runs code; by default as the running step
            says, else as configured.
        materializer: reads the files, whatever was recorded.
        columns: of a DataFrame only these columns, in this order, with their index.
        rows: of an array, a DataFrame or a Series only these rows, ``slice(1000, 2000)`` or with a step. With
            ``columns`` or ``rows`` only the parts of the files are moved which they need.
        on_progress: as for :func:`save_artifact`.

    Raises:
        ParameterError: malformed arguments, some that do not go together, or ``columns`` or ``rows`` which the
            value does not have.
        NotFoundError: nothing matches (also a ``LookupError``); the message lists similar names.
        MaterializerError: the value cannot be read here, or is not what ``as_type`` says.
        PickleRefusedError: it is a pickle, and pickle is off.
        CorruptDataError: stored bytes do not match their checksum.
        UnavailableError: the store cannot be reached.
    """
    selector = make_selector(name_or_id, version, alias=alias, pipeline_name=pipeline_name)
    return load_from(
        connect(resolve()),
        selector,
        as_type=as_type,
        allow_pickle=allow_pickle,
        materializer=materializer,
        columns=columns,
        rows=rows,
        on_progress=on_progress,
    )


def save_to(connection: Connection, value: object, name: str, arguments: SaveArguments) -> ArtifactVersion:
    """Do what :func:`save_artifact` promises, through ``connection``."""
    with (
        prepare_save(connection, value, name, arguments) as prepared,
        shown(name, arguments.on_progress) as progress,
    ):
        (files,) = send_values(connection, [prepared], progress)
        saved = create_version(connection, prepared.spec, files)
    return record_saved(saved, connection)


def prepare_save(connection: Connection, value: object, name: str, arguments: SaveArguments) -> PreparedValue:
    """Check what :func:`save_artifact` was given, and turn it into what is sent; nothing is asked of the store.

    Raises:
        ParameterError: an argument is malformed.
        MaterializerError: the value cannot be kept faithfully.
    """
    check_value("save_artifact", value)
    check_names("save_artifact", name, arguments.version, arguments.alias)
    prepared = prepare_value(
        value,
        name,
        arguments.options(connection, arguments.materializer),
        version="" if arguments.version is None else str(arguments.version),
        tags=checked_tags(arguments.tags),
        aliases=() if arguments.alias is None else (arguments.alias,),
        metadata=checked_metadata(arguments.metadata),
        description=checked_description(arguments.description),
    )
    link_to_step(prepared.spec, connection)
    return prepared


def record_saved(message: ArtifactVersionMessage, connection: Connection) -> ArtifactVersion:
    """Return a version that was just saved; the running step, if any, hears of it."""
    made = ArtifactVersion(message, connection)
    step = recording_step(connection)
    if step is not None:
        step.saved.append(made)
    return made

"""From a stored version to its value; inside a step, what is loaded counts as an input of it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from argosy.config import resolve
from argosy.errors import ParameterError
from argosy.execution.context import StepContext, current_step
from argosy.execution.step_traffic import receiving
from argosy.execution.values.asked_type import check_asked_type, check_loaded_type
from argosy.execution.values.partial_value import asked_part, load_part_from
from argosy.execution.values.version_drift import libraries_of
from argosy.execution.views.transfer_progress import OnProgress, Show, shown
from argosy.graph.switches import check_switches
from argosy.materializers.list_items import load_item
from argosy.materializers.registry import MaterializerChoice, load_value
from argosy.transport.connection import Connection
from argosy.transport.download.open_version import open_version
from argosy.transport.progress import UNSEEN
from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.artifact_service_pb2 import GetArtifactVersionResponse
from argosy.v1.step_calls_pb2 import LoadedInput
from argosy.value_types import plain_annotation


def load_from(
    connection: Connection,
    selector: VersionSelector,
    *,
    as_type: Any = None,
    annotation: Any = None,
    allow_pickle: bool | None = None,
    materializer: MaterializerChoice | None = None,
    columns: Sequence[Hashable] | None = None,
    rows: slice | None = None,
    on_progress: OnProgress | None = None,
    show: Show = shown,
    found: GetArtifactVersionResponse | None = None,
) -> Any:
    """Load the value a selector means, in one round trip when it is small, or only a part of it.

    Args:
        connection: the store.
        selector: which version.
        as_type: the class or annotation the value shall be of; also for classes which cannot be found by
            their recorded name.
        annotation: what an input is annotated as, a hint for such classes; ``Any`` says nothing.
        allow_pickle: whether a pickle may be loaded; by default as the running step says, else as configured.
        materializer: reads the files, whatever was recorded.
        columns: load only these columns.
        rows: load only these rows.
        on_progress: told how far it is, instead of the bar a terminal shows.
        show: lets the transfer be seen.
        found: the answer to the first call, where that was made already.

    Raises:
        ParameterError: ``as_type`` is no type, ``allow_pickle`` is neither ``True`` nor ``False`` nor ``None``, or
            the value has no such columns or rows.
        NotFoundError: nothing matches.
        MaterializerError: the value cannot be read here, or is not of the type that was asked for.
        PickleRefusedError: it is a pickle, and pickle is off.
        CorruptDataError: stored bytes do not match their checksum.
    """
    may_unpickle = pickle_allowed_here(allow_pickle, connection)
    check_asked_type(as_type)
    part = asked_part(columns, rows)
    if part is not None:
        if on_progress is not None:
            raise ParameterError("on_progress= tells of whole values; leave it out with columns= or rows=")
        value, recorded = load_part_from(connection, selector, part, materializer)
    else:
        hint = plain_annotation(annotation if as_type is None else as_type)
        name = selector.name or selector.id
        with (
            show(name, on_progress) as progress,
            open_version(connection, selector, receiving(progress), found) as files,
        ):
            recorded = files.version
            with libraries_of(recorded):
                value = load_value(
                    files,
                    materializer=materializer or recorded.materializer,
                    data_type=recorded.data_type,
                    format=recorded.format,
                    as_type=None if hint is Any or hint is ... else hint,
                    allow_pickle=may_unpickle,
                )
    check_loaded_type(value, as_type, f"{recorded.name!r} version {recorded.version}")
    step = recording_step(connection)
    if step is not None:
        step.loaded.append(LoadedInput(selector=selector, version_id=recorded.id))
    return value


def load_item_from(
    connection: Connection, version_id: str, index: int, *, annotation: Any, allow_pickle: bool | None
) -> Any:
    """Load one item of a stored list, and little more than its files.

    Args:
        connection: the store.
        version_id: the version that is the list.
        index: which item.
        annotation: what the item is annotated as; ``Any`` says nothing.
        allow_pickle: as for :func:`load_from`.

    Raises:
        MaterializerError: the item cannot be read here.
        PickleRefusedError: it is a pickle, and pickle is off.
        CorruptDataError: stored bytes do not match their checksum.
    """
    may_unpickle = pickle_allowed_here(allow_pickle, connection)
    hint = plain_annotation(annotation)
    with open_version(connection, VersionSelector(id=version_id), receiving(UNSEEN)) as files:
        recorded = files.version
        with libraries_of(recorded):
            return load_item(
                files,
                index,
                materializer=recorded.materializer,
                data_type=recorded.data_type,
                format=recorded.format,
                as_type=None if hint is Any or hint is ... else hint,
                allow_pickle=may_unpickle,
            )


def pickle_allowed_here(argument: bool | None, connection: Connection) -> bool:
    """Tell whether pickles are allowed now: the first word of an argument, the running step and the settings.

    Raises:
        ParameterError: the argument is neither ``True`` nor ``False`` nor ``None``.
    """
    if argument is not None:
        check_switches(allow_pickle=argument)
        return argument
    step = current_step()
    if step is not None and step.allow_pickle is not None:
        return step.allow_pickle
    return connection.config.allow_pickle


def recording_step(connection: Connection) -> StepContext | None:
    """Return the running step if its records are where this connection leads."""
    step = current_step()
    if step is None:
        return None
    here, configured = connection.config, resolve()
    same_store = (here.server, here.store_directory) == (configured.server, configured.store_directory)
    return step if same_store and here.project == configured.project else None

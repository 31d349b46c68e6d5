"""``register_artifact``: a file or directory that exists already becomes a version, by copy or by reference."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from argosy.config import resolve
from argosy.errors import NotFoundError, ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.values.placed_folder import placed_folder
from argosy.execution.views.transfer_progress import OnProgress, shown
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.graph.switches import check_switches
from argosy.graph.user_metadata import checked_description, checked_metadata, checked_tags, fact_text
from argosy.materializers.base import type_name
from argosy.materializers.files import FileSink
from argosy.materializers.reference import FORMAT, Reference, ReferenceMaterializer, refer_to, write_reference
from argosy.materializers.reference_uris import is_uri, look_at
from argosy.sdk.artifacts import record_saved, save_to
from argosy.sdk.save_arguments import SaveArguments, check_names, link_to_step
from argosy.transport.connection import Connection, connect
from argosy.transport.upload.save_version import save_version
from argosy.v1.artifact_pb2 import ArtifactSpec


@suggests_keywords
def register_artifact(
    path_or_uri: str | os.PathLike[str],
    name: str,
    *,
    copy: bool = True,
    version: int | str | None = None,
    alias: str | None = None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    on_progress: OnProgress | None = None,
) -> ArtifactVersion:
    """Make a version of a file or directory that exists already. It loads as a ``pathlib.Path``.

    By copy the bytes come into the store. By reference they stay where they are: their digests are taken now, and
    loading copies them from there and fails when they are others or gone. Keep what you register by reference where
    it is, unchanged, and where everybody who loads it can read it.

    Args:
        path_or_uri: a path, or a URI (``file:///data/x.csv``, ``s3://bucket/x.csv``) whose scheme is among those of
            ``ARGOSY_REFERENCE_SCHEMES`` (default ``file``); all but ``file`` need fsspec and what it needs for them.
        name: the artifact's name.
        copy: whether the bytes come into the store.
        version: the version's label; by default the next number.
        alias: a name that shall point at this version from now on.
        tags: labels, shared by any number of versions.
        metadata: facts, JSON values by name.
        description: what it is, in words for people.
        on_progress: called with a ``TransferProgress`` now and then.

    Raises:
        ParameterError: a malformed argument; the message names it.
        MaterializerError: it is a link or special file or holds some, its scheme is not allowed, or its URI has
            credentials or ``..``.
        NotFoundError: nothing lies there.
        AlreadyExistsError: the artifact has a version with this label.
        UnavailableError: the store cannot be reached.
    """
    return register_in(
        connect(resolve()),
        path_or_uri,
        name,
        SaveArguments(
            version=version,
            alias=alias,
            tags=tags,
            metadata=metadata,
            description=description,
            on_progress=on_progress,
        ),
        copy=copy,
    )


def register_in(
    connection: Connection,
    path_or_uri: str | os.PathLike[str],
    name: str,
    arguments: SaveArguments,
    *,
    copy: bool,
) -> ArtifactVersion:
    """Do what :func:`register_artifact` promises, through ``connection``."""
    given: object = path_or_uri
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise ParameterError(f"register_artifact takes a path or URI, got {given!r}")
    if "\0" in str(given):
        raise ParameterError(f"register_artifact({given!r}): no path has a NUL character; leave it out")
    check_switches(copy=copy)
    check_names("register_artifact", name, arguments.version, arguments.alias)
    arguments = replace(arguments, tags=checked_tags(arguments.tags))  # an iterator yields them once
    spec = ArtifactSpec(
        name=name,
        version="" if arguments.version is None else str(arguments.version),
        tags=arguments.tags,
        aliases=() if arguments.alias is None else (arguments.alias,),
        metadata={key: fact_text(fact) for key, fact in checked_metadata(arguments.metadata).items()},
        description=checked_description(arguments.description),
    )
    if not copy:
        return _register(connection, refer_to(look_at(path_or_uri)), spec, arguments.on_progress)
    with tempfile.TemporaryDirectory(prefix="argosy-") as scratch:
        source = _copied(path_or_uri, Path(scratch)) if is_uri(path_or_uri) else Path(path_or_uri)
        if not os.path.lexists(source):
            raise NotFoundError(f"{source} does not exist; register_artifact takes the path or URI of what is there")
        return save_to(connection, source, name, arguments)


def _register(
    connection: Connection, reference: Reference, spec: ArtifactSpec, on_progress: OnProgress | None
) -> ArtifactVersion:
    facts = {"files": len(reference.entries), "size_bytes": reference.size, "by_reference": True}
    for key, fact in facts.items():
        if key not in spec.metadata:
            spec.metadata[key] = fact_text(fact)
    spec.data_type, spec.format, spec.materializer = type_name(type(Path())), FORMAT, ReferenceMaterializer.id
    link_to_step(spec, connection)
    sink = FileSink()
    write_reference(reference, sink)
    with shown(spec.name, on_progress) as progress:
        return record_saved(save_version(connection, spec, sink.files, progress), connection)


def _copied(uri: str | os.PathLike[str], scratch: Path) -> Path:
    """Bring what lies at a URI here, to be saved as any other path."""
    reference = refer_to(look_at(uri))
    target = scratch / reference.name
    with placed_folder(target if reference.is_directory else scratch, overwrite=False) as folder:
        for entry in reference.entries:
            with entry.opened() as stream:
                folder.write(entry.path, stream)
        for path in reference.empty_directories:
            folder.make_directory(path)
    return target

"""``ArtifactVersion``: one stored version as users see it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, overload

from argosy.errors import ConflictError, ParameterError
from argosy.execution.records.version_lineage import VersionLineage
from argosy.execution.values.stored_value import load_from
from argosy.execution.views.transfer_progress import OnProgress
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.graph.switches import check_switches
from argosy.graph.user_metadata import checked_description, checked_metadata, checked_tags, fact_text
from argosy.v1 import artifact_pb2

if TYPE_CHECKING:
    from argosy.execution.values.preview import Preview
    from argosy.transport.connection import Connection

    _FitsEveryParameter = Any
else:
    _FitsEveryParameter = object

T = TypeVar("T")

_ATTEMPTS = 10
_MOST_NAMED = 20


@methods_suggest_keywords
class ArtifactVersion(VersionLineage, _FitsEveryParameter):  # type: ignore[misc]  # Any is the point: see below
    """One stored version of an artifact, as it was when it was read. It can be passed to a step.

    Nothing of it changes; methods that change the store return the version as it is then.
    Type checkers accept it for every parameter of a step or pipeline, as they do ``ExternalArtifact``.
    """

    def __init__(self, message: artifact_pb2.ArtifactVersion, connection: Connection) -> None:
        """Show ``message``, which came through ``connection``."""
        super().__init__(message)
        self._connection = connection

    @overload
    def load(
        self,
        as_type: type[T],
        *,
        allow_pickle: bool | None = ...,
        columns: Sequence[Hashable] | None = ...,
        rows: slice | None = ...,
        on_progress: OnProgress | None = ...,
    ) -> T: ...
    @overload
    def load(
        self,
        as_type: None = ...,
        *,
        allow_pickle: bool | None = ...,
        columns: Sequence[Hashable] | None = ...,
        rows: slice | None = ...,
        on_progress: OnProgress | None = ...,
    ) -> Any: ...
    def load(
        self,
        as_type: type[T] | None = None,
        *,
        allow_pickle: bool | None = None,
        columns: Sequence[Hashable] | None = None,
        rows: slice | None = None,
        on_progress: OnProgress | None = None,
    ) -> T | Any:
        """Return the value, or with ``columns`` or ``rows`` a part of it, for which little more than that is moved.

        Args:
            as_type: what the value shall be; also the class to make where the recorded name finds none.
            allow_pickle: whether a pickle may be loaded, which runs code; by default as configured.
            columns: of a DataFrame only these columns, in this order, with their index.
            rows: of an array, a DataFrame or a Series only these rows, ``slice(1000, 2000)`` or with a step.
            on_progress: called with a ``TransferProgress`` now and then.

        Raises:
            ParameterError: the value has no such columns or rows.
            NotFoundError: the version was deleted.
            MaterializerError: the value cannot be read here, or is not what ``as_type`` says.
            CorruptDataError: stored bytes do not match their checksum.
        """
        return load_from(
            self._connection,
            self._selector(),
            as_type=as_type,
            allow_pickle=allow_pickle,
            columns=columns,
            rows=rows,
            on_progress=on_progress,
        )

    def open(self, path: str | None = None) -> BinaryIO:
        """Open one of its files for reading, wherever the store is; only what is read of it is moved.

        The file seeks, so whatever reads a local file reads this one::

            with version.open("data.parquet") as file:
                print(pyarrow.parquet.ParquetFile(file).schema)

        Every byte is verified by the store; a file that is read from its beginning to its end, here too.
        Opening a file does not make it an input of a step; loading a value does.

        Args:
            path: the file; may be left out when there is just one, not counting previews.

        Raises:
            ParameterError: there are several files, or none, and no path says which; the message lists them.
            NotFoundError: there is no such file, or the version was deleted.
            CorruptDataError: by a read: stored bytes do not match their checksum.
            UnavailableError: also by a read: the store cannot be reached.
        """
        from argosy.transport.download.open_version import find_version

        files = find_version(self._connection, self._selector())
        if path is None:
            if len(files.paths) != 1:
                shown = ", ".join(map(repr, files.paths[:_MOST_NAMED])) or "none"
                raise ParameterError(
                    f"{self.name!r} version {self.version} has {len(files.paths)} files ({shown}); "
                    "say which: open(path)"
                )
            path = files.paths[0]
        return files.open_file(path).buffered()

    @property
    def previews(self) -> tuple[str, ...]:
        """The paths of its previews, the one to look at first first: images, pages, then other texts.

        Raises:
            NotFoundError: the version was deleted.
        """
        from argosy.execution.values.stored_previews import previews_of

        return previews_of(self._connection, self._selector())

    def preview(self, path: str | None = None) -> Preview:
        """Return a small picture of the value, which a notebook shows; of the value itself little or nothing is moved.

        Args:
            path: one of ``previews``; by default the first.

        Raises:
            NotFoundError: it has no preview, or none of this path, and the message lists those it has; or the version
                was deleted.
            CorruptDataError: stored bytes do not match their checksum.
        """
        from argosy.execution.values.stored_previews import preview_of

        return preview_of(self._connection, self._selector(), path)

    def _repr_html_(self) -> str:
        from argosy.execution.values.stored_previews import preview_or_note
        from argosy.execution.views.version_html import version_html

        return version_html(self, "" if self.deleted else preview_or_note(self._connection, self._selector()))

    def download(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write its files below a directory, verified, and return the directory.

        A directory that was saved comes back as it was, what was registered by reference is copied from where it lies,
        everything else comes as the files of its format. They are complete before the first of them is seen there.

        Args:
            directory: where to; made when it is not there.
            overwrite: whether files of the same names are replaced.

        Raises:
            ParameterError: ``directory`` is no path, or an empty one.
            FileExistsError: a file of the same name is there; nothing of this version is left behind.
            NotFoundError: the version was deleted, or what was registered by reference is gone.
            CorruptDataError: bytes do not match their checksum.
        """
        from argosy.execution.values.download_version import checked_directory, download_version

        check_switches(overwrite=overwrite)
        target = checked_directory(directory)
        download_version(self._connection, self._selector(), target, overwrite=overwrite, label=self.name)
        return target

    def set_alias(self, alias: str) -> ArtifactVersion:
        """Let ``alias`` point at this version from now on; return the version as it is then."""
        return self._now(self._connection.artifacts.set_alias(alias, self._selector()))

    def add_tags(self, *tags: str) -> ArtifactVersion:
        """Add tags, also while others change them; return the version as it is then."""
        return self._change_tags(lambda current: current | set(tags))

    def remove_tags(self, *tags: str) -> ArtifactVersion:
        """Remove tags, also while others change them; return the version as it is then."""
        return self._change_tags(lambda current: current - set(tags))

    def update(
        self,
        *,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> ArtifactVersion:
        """Replace all tags or the description, or set single facts of the metadata; what is not given stays.

        Raises:
            ParameterError: nothing is given, ``tags`` is one text, ``metadata`` is not JSON, or ``description`` is too
                long.
            NotFoundError: the version was deleted.
        """
        if tags is None and metadata is None and description is None:
            raise ParameterError("update was given nothing to change; pass tags=, metadata= or description=")
        facts = {key: fact_text(fact) for key, fact in checked_metadata(metadata).items()}
        changed = self._connection.artifacts.update_artifact_version(
            self.id,
            tags=None if tags is None else checked_tags(tags),
            metadata=None if metadata is None else facts,
            description=None if description is None else checked_description(description),
        )
        return self._now(changed)

    def delete(self, *, force: bool = False) -> None:
        """Delete it. Its label stays taken and its lineage still answers.

        Raises:
            PreconditionError: a run made or used it, or an alias points at it, and ``force`` is not set.
        """
        self._connection.artifacts.delete_artifact_version(self.id, force=force)

    def _change_tags(self, change: Callable[[set[str]], set[str]], attempts: int = _ATTEMPTS) -> ArtifactVersion:
        artifacts, tags = self._connection.artifacts, sorted(change(set(self.tags)))
        try:
            return self._now(artifacts.update_artifact_version(self.id, tags=tags, etag=self._message.etag))
        except ConflictError:  # somebody changed it since it was read
            if attempts == 1:
                raise
        now = artifacts.get_artifact_version(self._selector()).artifact_version
        return self._now(now)._change_tags(change, attempts - 1)

    def _selector(self) -> artifact_pb2.VersionSelector:
        return artifact_pb2.VersionSelector(id=self.id)

    def _now(self, message: artifact_pb2.ArtifactVersion) -> ArtifactVersion:
        return ArtifactVersion(message, self._connection)

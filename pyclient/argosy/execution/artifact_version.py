"""``ArtifactVersion``: one stored version as users see it."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, overload

from argosy.errors import ConflictError, ParameterError
from argosy.execution.stored_value import load_from
from argosy.execution.transfer_progress import OnProgress, shown
from argosy.graph.user_metadata import checked_metadata, checked_tags, fact_text
from argosy.v1 import artifact_pb2

if TYPE_CHECKING:
    from argosy.transport.connection import Connection

    _FitsEveryParameter = Any
else:
    _FitsEveryParameter = object

T = TypeVar("T")

_ATTEMPTS = 10
_MOST_NAMED = 20
_KINDS = {
    artifact_pb2.ArtifactKind.ARTIFACT_KIND_STEP_OUTPUT: "step_output",
    artifact_pb2.ArtifactKind.ARTIFACT_KIND_EXTERNAL: "external",
}


class ArtifactVersion(_FitsEveryParameter):  # type: ignore[misc]  # Any is the point: see below
    """One stored version of an artifact, as it was when it was read. It can be passed to a step.

    Nothing of it changes; methods that change the store return the version as it is then.
    Type checkers accept it for every parameter of a step or pipeline, as they do ``ExternalArtifact``.
    """

    def __init__(self, message: artifact_pb2.ArtifactVersion, connection: Connection) -> None:
        """Show ``message``, which came through ``connection``."""
        self._message = message
        self._connection = connection

    @property
    def __argosy_version_id__(self) -> str:
        """Tells steps that this object stands for a stored version."""
        return self._message.id

    @property
    def id(self) -> str:
        """Its UUID."""
        return self._message.id

    @property
    def project(self) -> str:
        """The project it lives in."""
        return self._message.project

    @property
    def name(self) -> str:
        """The artifact it is a version of."""
        return self._message.name

    @property
    def version(self) -> str:
        """Its label: ``"1"``, ``"2"``, ... or the one it was given."""
        return self._message.version

    @property
    def data_type(self) -> str:
        """The type of the value, ``module:qualname``."""
        return self._message.data_type

    @property
    def format(self) -> str:
        """The layout of its files: ``npy``, ``parquet``, ``json``, ..."""
        return self._message.format

    @property
    def materializer(self) -> str:
        """What wrote its files."""
        return self._message.materializer

    @property
    def kind(self) -> str:
        """How it came to be: ``manual``, ``step_output`` or ``external``."""
        return _KINDS.get(self._message.kind, "manual")

    @property
    def named(self) -> bool:
        """Whether its name was chosen, not made up (``pipeline::step::output``)."""
        return self._message.named

    @property
    def deleted(self) -> bool:
        """Whether its value is gone and only its place in the lineage is left."""
        return self._message.deleted

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """Facts about the value, by name."""
        return MappingProxyType({key: json.loads(text) for key, text in sorted(self._message.metadata.items())})

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags, sorted."""
        return tuple(self._message.tags)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that pointed at it when it was read, sorted."""
        return tuple(self._message.aliases)

    @property
    def size_bytes(self) -> int:
        """The size of all its files."""
        return self._message.size_bytes

    @property
    def file_count(self) -> int:
        """How many files it has."""
        return self._message.file_count

    @property
    def content_digest(self) -> str:
        """The digest of its content as a whole; equal content has equal digests."""
        return self._message.content_digest

    @property
    def created(self) -> datetime:
        """When it became visible, in UTC."""
        return self._message.create_time.ToDatetime(tzinfo=timezone.utc)

    @property
    def producer_run_id(self) -> str | None:
        """The pipeline run that made it, ``None`` for one made outside of a run."""
        return self._message.producer.run_id or None

    @property
    def producer_step_run_id(self) -> str | None:
        """The step run that made it, ``None`` for one made outside of a step."""
        return self._message.producer.step_run_id or None

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
        from argosy.transport.download import find_version

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

    def download(self, directory: str | Path) -> Path:
        """Write its files below a directory, as they are stored; return the directory.

        Raises:
            FileExistsError: a file of the same name is there; nothing of this version is left behind.
            CorruptDataError: stored bytes do not match their checksum.
        """
        from argosy.transport.download import open_version

        target = Path(directory)
        with (
            shown(self.name) as progress,
            open_version(self._connection, self._selector(), progress) as files,
        ):
            files.fetch(target)
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
        self, *, tags: Iterable[str] | None = None, metadata: Mapping[str, Any] | None = None
    ) -> ArtifactVersion:
        """Replace all tags, or set single facts of the metadata; what is not given stays.

        Raises:
            ParameterError: ``tags`` is one text, or ``metadata`` is not JSON.
            NotFoundError: the version was deleted.
        """
        facts = {key: fact_text(fact) for key, fact in checked_metadata(metadata).items()}
        changed = self._connection.artifacts.update_artifact_version(
            self.id,
            tags=None if tags is None else checked_tags(tags),
            metadata=None if metadata is None else facts,
        )
        return self._now(changed)

    def delete(self, *, force: bool = False) -> None:
        """Delete it. Its label stays taken and its lineage still answers.

        Raises:
            PreconditionError: a run made or used it and ``force`` is not set.
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactVersion) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<ArtifactVersion {self.data_type or self.format}: {self.load_line}>"

    @property
    def load_line(self) -> str:
        """The call that loads exactly this version, to be copied."""
        label = self.version if self.version.isdecimal() else repr(self.version)
        return f"argosy.load_artifact({self.name!r}, version={label})"

    def _repr_html_(self) -> str:
        facts = {
            "version": self.version,
            "aliases": ", ".join(self.aliases),
            "tags": ", ".join(self.tags),
            "type": self.data_type,
            "format": self.format,
            "size": f"{self.size_bytes:,} bytes in {self.file_count} files",
            "created": self.created.isoformat(timespec="seconds"),
            **{key: json.dumps(value, ensure_ascii=False) for key, value in self.metadata.items()},
        }
        rows = "".join(
            f"<tr><th>{html.escape(key)}</th><td>{html.escape(text)}</td></tr>" for key, text in facts.items() if text
        )
        line = html.escape(self.load_line)
        return f"<div><p><b>{html.escape(self.name)}</b></p><table>{rows}</table><code>{line}</code></div>"

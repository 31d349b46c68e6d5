"""What is recorded of one stored version. Nothing here asks the store, so every kind of client shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cached_property
from types import MappingProxyType
from typing import Any

from argosy.v1 import artifact_pb2

_KINDS = {
    artifact_pb2.ArtifactKind.ARTIFACT_KIND_STEP_OUTPUT: "step_output",
    artifact_pb2.ArtifactKind.ARTIFACT_KIND_EXTERNAL: "external",
}


class ArtifactFacts:
    """One stored version as it was when it was read; nothing of it changes."""

    def __init__(self, message: artifact_pb2.ArtifactVersion) -> None:
        """Show ``message``."""
        self._message = message

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
    def description(self) -> str:
        """What the value is, in words for people."""
        return self._message.description

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

    @property
    def producer_attempt(self) -> int | None:
        """The attempt of the step run that made it, 1 for the first, ``None`` for one made outside of a step."""
        return self._message.producer.attempt or None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactFacts) and other.id == self.id

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
        from argosy.execution.views.version_html import version_html

        return version_html(self)

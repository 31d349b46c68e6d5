"""Watches between the wire and the domain: what is asked for, and the messages that answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from argosy.v1 import watch_pb2 as wire
from argosy_server.api.messages.artifacts import render_version
from argosy_server.api.messages.field_parsing import parse_enum, parse_optional, parse_text, render_timestamp
from argosy_server.api.watching.cursor import Cursors
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.event import ArtifactEventKind, ArtifactFilter, Event, Position, artifact_kind
from argosy_server.domain.identifiers import parse_alias, parse_name, parse_tag

KINDS = {
    wire.ARTIFACT_EVENT_KIND_VERSION_CREATED: ArtifactEventKind.VERSION_CREATED,
    wire.ARTIFACT_EVENT_KIND_ALIAS_MOVED: ArtifactEventKind.ALIAS_MOVED,
    wire.ARTIFACT_EVENT_KIND_ALIAS_REMOVED: ArtifactEventKind.ALIAS_REMOVED,
    wire.ARTIFACT_EVENT_KIND_VERSION_UPDATED: ArtifactEventKind.VERSION_UPDATED,
    wire.ARTIFACT_EVENT_KIND_VERSION_DELETED: ArtifactEventKind.VERSION_DELETED,
}
WIRE_KINDS = {kind: number for number, kind in KINDS.items()}


def parse_filter(request: wire.WatchArtifactsRequest) -> ArtifactFilter:
    """Return which events a client wants.

    Raises:
        InvalidField: a name, alias or tag is malformed, or a kind is not known.
    """
    return ArtifactFilter(
        name=parse_optional(parse_name, "name", request.name),
        alias=parse_optional(parse_alias, "alias", request.alias),
        tag=parse_optional(parse_tag, "tag", request.tag),
        kinds=frozenset(parse_enum(f"kinds[{index}]", kind, KINDS) for index, kind in enumerate(request.kinds)),
        include_unnamed=request.include_unnamed,
    )


def parse_cursor(request: wire.WatchArtifactsRequest) -> str:
    """Return the cursor as it was sent.

    Raises:
        InvalidField: it is no text.
    """
    return parse_text("cursor", request.cursor)


def cursor_message(cursors: Cursors, position: Position) -> wire.WatchArtifactsResponse:
    """Return the message that tells nothing but where its reader is."""
    return wire.WatchArtifactsResponse(cursor=cursors.write(position))


def event_message(cursors: Cursors, event: Event, version: ArtifactVersion | None) -> wire.WatchArtifactsResponse:
    """Return the message of an event of an artifact; ``version`` is the one it is about unless that is gone."""
    kind = artifact_kind(event)
    assert kind is not None
    message = wire.WatchArtifactsResponse(
        cursor=cursors.write(event.position),
        event=wire.ArtifactEvent(
            kind=WIRE_KINDS[kind],
            event_time=render_timestamp(event.created_at),
            name=event.text("name"),
            version=event.text("version"),
            version_id=event.text("id"),
            alias=event.text("alias"),
            previous_version_id=event.text("previous"),
            tags=event.names("tags"),
        ),
    )
    if version is not None:
        message.event.artifact_version.CopyFrom(render_version(version, files=False))
    return message


@dataclass(frozen=True)
class Entry:
    """An event on its way to many watchers.

    Attributes:
        event: what happened.
        version: the version it is about, ``None`` when it is gone or the event is none of an artifact.
        epoch: the order of events its position is of.
    """

    event: Event
    version: ArtifactVersion | None
    epoch: str

    @cached_property
    def encoded(self) -> bytes:
        """The message, serialized once for all who watch artifacts of its project."""
        cursors = Cursors(self.epoch, self.event.project)
        return event_message(cursors, self.event, self.version).SerializeToString()


class News:
    """What has just happened in all projects, for watchers of whom many have the same filter.

    Attributes:
        head: position of the last of it.
    """

    def __init__(self, entries: Sequence[Entry], head: Position) -> None:
        """Sort the entries by project."""
        self.head = head
        self._entries: dict[str, list[Entry]] = {}
        self._wanted: dict[tuple[str, ArtifactFilter], bool] = {}
        for entry in entries:
            self._entries.setdefault(entry.event.project, []).append(entry)

    def of(self, project: str) -> Sequence[Entry]:
        """Return what happened in a project."""
        return self._entries.get(project, ())

    def is_wanted(self, project: str, wanted: ArtifactFilter) -> bool:
        """Tell whether any of it is for a filter; asked once for all that have the same."""
        key = project, wanted
        if key not in self._wanted:
            self._wanted[key] = any(wanted.takes(entry.event) for entry in self.of(project))
        return self._wanted[key]


def encode_response(message: wire.WatchArtifactsResponse | bytes) -> bytes:
    """Serialize a message that is not yet."""
    return message if isinstance(message, bytes) else message.SerializeToString()

"""``watch_artifacts``: what becomes of artifacts, as it happens and across every break."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import TracebackType
from typing import TYPE_CHECKING, Any

from argosy.errors import ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.graph.names import alias_problem, name_problem, text_problem
from argosy.graph.near_matches import did_you_mean, listed
from argosy.graph.switches import check_switches
from argosy.sdk.queries.filters import check_texts
from argosy.transport.watching import ArtifactWatching
from argosy.v1.watch_pb2 import ArtifactEventKind, WatchArtifactsResponse

if TYPE_CHECKING:
    from typing_extensions import Self

    from argosy.transport.connection import Connection

_PREFIX = "ARTIFACT_EVENT_KIND_"
_KINDS = {name.removeprefix(_PREFIX).lower(): number for name, number in ArtifactEventKind.items() if number}
_WORDS = {number: word for word, number in _KINDS.items()}
_OF_ALIASES = ("alias_moved", "alias_removed")
_LONGEST_CURSOR = 1000
_LONGEST_TIMEOUT = 1e9
"""About 30 years. Clocks of some platforms and event loops cannot count much more."""


@dataclass(frozen=True)
class EventFacts:
    """What is known of something that happened to an artifact, for every kind of client.

    Attributes:
        kind: ``version_created``, ``alias_moved``, ``alias_removed``, ``version_updated`` (its tags, metadata or
            description) or ``version_deleted``.
        time: when, by the store's clock, in UTC.
        name: the artifact's name.
        version: the version it is about; for ``alias_removed`` the one the alias pointed at.
        version_id: its id.
        alias: the alias that moved or was removed, else ``None``.
        previous: for ``alias_moved`` the id of the version it pointed at before, ``None`` for none.
        tags: the version's tags right after the event; before it when it was deleted.
        cursor: goes on after this event when it is given to ``watch_artifacts``.
    """

    kind: str
    time: datetime
    name: str
    version: str
    version_id: str
    alias: str | None
    previous: str | None
    tags: tuple[str, ...]
    cursor: str

    @classmethod
    def read_from(cls, message: WatchArtifactsResponse, **more: object) -> Self:
        """Return the event of a message that has one, with ``more`` attributes that a subclass has."""
        event = message.event
        return cls(
            kind=_WORDS.get(event.kind, "unknown"),
            time=event.event_time.ToDatetime(tzinfo=timezone.utc),
            name=event.name,
            version=event.version,
            version_id=event.version_id,
            alias=event.alias or None,
            previous=event.previous_version_id or None,
            tags=tuple(event.tags),
            cursor=message.cursor,
            **more,
        )


@dataclass(frozen=True)
class ArtifactEvent(EventFacts):
    """Something that happened to an artifact.

    Attributes:
        artifact: the version as it was when the event was sent, to be loaded; ``None`` when it is gone.
    """

    artifact: ArtifactVersion | None


class ArtifactEvents(Iterator[ArtifactEvent]):
    """An open watch: an iterator of events, and a context manager that closes it.

    Threads that ask at the same time get different events. Any thread may close it, which ends the iteration.
    """

    def __init__(self, connection: Connection, cursor: str, wanted: Mapping[str, Any], timeout: float | None) -> None:
        """Begin after ``cursor``, or now.

        Raises:
            ArgosyError: the watch cannot begin.
        """
        self._connection = connection
        self._wanted = wanted
        self._timeout = timeout
        self._watching = ArtifactWatching(connection, cursor, wanted)

    @property
    def cursor(self) -> str:
        """Where the watch is: goes on here when it is given to ``watch_artifacts``, also in another process."""
        return self._watching.cursor

    def close(self) -> None:
        """End the watch; the thread that waits for an event is told at once. Closing twice is fine."""
        self._watching.close()

    def __next__(self) -> ArtifactEvent:
        """Wait for the next event.

        Raises:
            CursorExpiredError: the watch was interrupted for so long that events were forgotten.
            ArgosyError: it cannot go on.
        """
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while not self._watching.is_closed:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            message = self._watching.read(left)
            if message is not None and message.HasField("event"):
                return event_of(message, self._connection)
        raise StopIteration

    def __enter__(self) -> ArtifactEvents:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the watch."""
        self.close()

    def __repr__(self) -> str:
        return watch_text(self._wanted, is_closed=self._watching.is_closed)


def watch_in(
    connection: Connection,
    name: str | None,
    alias: str | None,
    tag: str | None,
    kinds: str | Iterable[str] | None,
    include_unnamed: bool,
    cursor: str | None,
    timeout: float | None,
) -> ArtifactEvents:
    """Do as :func:`argosy.watch_artifacts` in one store and project."""
    wanted = wanted_events(name, alias, tag, kinds, include_unnamed)
    check_cursor(cursor)
    check_timeout(timeout)
    return ArtifactEvents(connection, cursor or "", wanted, timeout)


def wanted_events(
    name: str | None, alias: str | None, tag: str | None, kinds: str | Iterable[str] | None, include_unnamed: bool
) -> dict[str, Any]:
    """Return the filters of a watch as ``ArtifactClient.watch_artifacts`` takes them.

    Raises:
        ParameterError: one of them is malformed.
    """
    given = {part: text for part, text in {"name": name, "alias": alias, "tag": tag}.items() if text is not None}
    check_texts("watch_artifacts", **given)
    checks = {"name": name_problem, "alias": alias_problem, "tag": text_problem}
    for part, text in given.items():
        if problem := checks[part](text):
            raise ParameterError(f"watch_artifacts({part}={text!r}): {problem}")
    check_switches(include_unnamed=include_unnamed)
    words = _kinds(kinds)
    never = [word for word in words if alias is not None and word not in _OF_ALIASES]
    if never:
        raise ParameterError(
            f"watch_artifacts(alias={alias!r}, kinds=...): only {listed(_OF_ALIASES)} are events of an alias; "
            f"leave alias out to hear of {listed(never)}, or leave these kinds out"
        )
    return {**given, "kinds": [_KINDS[word] for word in words], "include_unnamed": include_unnamed}


def watch_text(wanted: Mapping[str, Any], *, is_closed: bool) -> str:
    """Return how a watch with these filters is shown."""
    shown = {**wanted, "kinds": [_WORDS[kind] for kind in wanted["kinds"]]}
    chosen = ", ".join(f"{part}={value!r}" for part, value in shown.items() if value)
    return f"<ArtifactEvents({chosen}), {'closed' if is_closed else 'open'}>"


def event_of(message: WatchArtifactsResponse, connection: Connection) -> ArtifactEvent:
    """Return the event of a message that has one."""
    event = message.event
    found = ArtifactVersion(event.artifact_version, connection) if event.HasField("artifact_version") else None
    return ArtifactEvent.read_from(message, artifact=found)


def check_cursor(cursor: object) -> None:
    """Refuse what was never a cursor.

    Raises:
        ParameterError: says what to do.
    """
    if cursor is None:
        return
    check_texts("watch_artifacts", cursor=cursor)
    text = str(cursor)
    if not text.isascii() or not text.isprintable() or not 0 < len(text) <= _LONGEST_CURSOR:
        shown = f"{text[:40]!r}{'...' if len(text) > 40 else ''}"
        raise ParameterError(
            f"watch_artifacts(cursor={shown}): it is no cursor; pass on the cursor of an event or a watch as it is, or "
            "leave it out to begin now"
        )


def check_timeout(timeout: object) -> None:
    """Refuse what is no number of seconds.

    Raises:
        ParameterError: names it.
    """
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= _LONGEST_TIMEOUT:
        raise ParameterError(
            f"watch_artifacts(timeout={timeout!r}): it is a number of seconds above 0 and at most "
            f"{_LONGEST_TIMEOUT:,.0f}, or None to wait for ever"
        )


def _kinds(kinds: object) -> list[str]:
    if kinds is None:
        return []
    if not isinstance(kinds, Iterable):
        raise ParameterError(f"watch_artifacts(kinds={kinds!r}): it is one or several of {listed(_KINDS)}")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    if not words:
        raise ParameterError(
            "watch_artifacts(kinds=...): it names no kind, so there would be no event; leave it out for all"
        )
    for word in words:
        if not isinstance(word, str) or word not in _KINDS:
            near = did_you_mean(str(word), _KINDS)
            raise ParameterError(f"watch_artifacts(kinds=...): {word!r} is no kind{near}; kinds are {listed(_KINDS)}")
    return words

"""Previews of a value, made beside its save: in a thread of their own, bounded in bytes and time.

A save never waits for them but at its end, and then :data:`MOST_SECONDS`. A thread cannot be stopped; one that is late
goes on alone, what it makes is thrown away, and its materializer is not asked again before it is done.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextvars import copy_context

from argosy.execution.values.preview import MEDIA_TYPES, media_type_of
from argosy.materializers.base import type_name
from argosy.materializers.files import FileContent
from argosy.materializers.registry import MaterializerChoice, makes_previews, resolve, visualize
from argosy.transport.download.open_version import RESERVED_PREFIX

PREVIEWS = f"{RESERVED_PREFIX}previews/"
"""Where previews lie inside a version; they describe the value and do not count as its content."""
MOST_BYTES = 1 << 20
"""All previews of one version together may have so many bytes."""
MOST_SECONDS = 2.0
"""A save waits so long for the previews after all else is sent."""
MOST_FILES = 20
"""A version has at most so many previews."""
_MOST_PATH_BYTES = 200

_late: dict[str, threading.Thread] = {}
"""Threads that were given up, by the name of their materializer's class."""


class PreviewMaking:
    """Previews that are being made; :meth:`collect` waits for them."""

    def __init__(self, value: object, keeper: MaterializerChoice) -> None:
        """Begin to make previews of ``value``, as its materializer does it."""
        chosen = resolve(keeper)
        self._keeper = type_name(type(chosen))
        self._made: dict[str, bytes] = {}
        self._refused: list[str] = []
        self._problem: str | None = None
        self._thread: threading.Thread | None = None
        former = _late.get(self._keeper)
        if former is not None and former.is_alive():
            self._problem = f"{self._keeper}.visualize is still busy with an earlier value"
            return
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._make, value, chosen), name="argosy-previews", daemon=True
        )
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether collecting would not wait."""
        return self._thread is None or not self._thread.is_alive()

    def wait(self) -> None:
        """Wait until they are made; after :data:`MOST_SECONDS` they are given up."""
        if self._thread is None:
            return
        self._thread.join(MOST_SECONDS)
        if self._thread.is_alive():
            _late[self._keeper] = self._thread
            self._problem = f"{self._keeper}.visualize took more than {MOST_SECONDS:g} s longer than the save itself"
        self._thread = None

    def collect(self) -> tuple[Sequence[FileContent], str | None]:
        """Wait for the previews and return them, in the order of their materializer; also what is missing, and why."""
        self.wait()
        if self._problem is not None:
            return [], self._problem
        kept, left_out = _fitting(self._made)
        problems = [*self._refused, *([left_out] if left_out else [])]
        return kept, "; ".join(problems) or None

    def _make(self, value: object, keeper: MaterializerChoice) -> None:
        try:
            made, refused = _sorted_out(visualize(value, keeper), self._keeper)
        except BaseException as error:  # whatever it is, in this thread nobody would hear of it
            self._problem = self._problem or f"{type(error).__name__}: {error}"
        else:
            self._made, self._refused = made, refused


def make_previews(value: object, keeper: MaterializerChoice, size_bytes: int | None) -> PreviewMaking | None:
    """Begin to make previews of a value that takes so many bytes; ``None`` when none are kept beside it.

    Args:
        value: the value.
        keeper: the materializer that makes them.
        size_bytes: what the value takes; ``None`` when another materializer has written its files.
    """
    return PreviewMaking(value, keeper) if makes_previews(keeper, size_bytes) else None


def _sorted_out(made: object, keeper: str) -> tuple[dict[str, bytes], list[str]]:
    """Return what are previews, and of what else was made why it is none.

    Raises:
        TypeError: nothing of it can be one.
    """
    if not isinstance(made, Mapping):
        raise TypeError(
            f"{keeper}.visualize returned {made!r:.100}; return a dict of path -> bytes, such as "
            "{'head.html': b'...'}, or {} where there is nothing to show"
        )
    previews: dict[str, bytes] = {}
    refused: list[str] = []
    for path, content in made.items():
        try:
            _check(path, content)
            previews[path] = content
        except (TypeError, ValueError) as error:
            refused.append(str(error))
    return previews, refused


def _check(path: object, content: object) -> None:
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError(f"preview {path!r} is a {type(content).__name__}; return bytes")
    if not isinstance(path, str) or not path.isprintable() or "\\" in path or ":" in path[1:2]:
        raise ValueError(f"{path!r} is no path of a preview; name it like 'head.html'")
    if {"", ".", ".."} & set(path.split("/")) or len(path.encode()) > _MOST_PATH_BYTES:
        raise ValueError(f"{path!r} is no relative path of at most {_MOST_PATH_BYTES} bytes; name it like 'head.html'")
    if media_type_of(path) not in MEDIA_TYPES.values():
        raise ValueError(f"{path!r} does not end like a preview, which says what it is: {', '.join(MEDIA_TYPES)}")


def _fitting(made: dict[str, bytes]) -> tuple[Sequence[FileContent], str | None]:
    """Return those that fit in the bounds, first come first served."""
    kept: list[FileContent] = []
    left_out: list[str] = []
    room = MOST_BYTES
    for path, content in made.items():
        view = memoryview(content).cast("B")
        if view.nbytes > room or len(kept) == MOST_FILES:
            left_out.append(f"{path!r} of {view.nbytes:,} bytes")
            continue
        room -= view.nbytes
        kept.append(FileContent(PREVIEWS + path, buffers=(view,) if view.nbytes else ()))
    if not left_out:
        return kept, None
    bounds = f"a version has at most {MOST_FILES} previews and {MOST_BYTES:,} bytes of them"
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    return kept, f"{bounds}; left out: {', '.join(left_out[:3])}{more}"

"""The previews of a stored version: those that were made when it was saved, else what its own files show.

A file that people can read as it is (text, JSON, a web page, an image) needs no preview beside it, and neither does a
directory, whose files are recorded by name. So versions have previews that no materializer made, or no Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from html import escape

from argosy.errors import ArgosyError, NotFoundError, ParameterError
from argosy.execution.values.drawn_previews import CannotDrawError, drawn_previews
from argosy.execution.values.preview import Preview, media_type_of
from argosy.execution.values.preview_making import MOST_BYTES, PREVIEWS
from argosy.execution.views.amounts import format_bytes
from argosy.graph.near_matches import did_you_mean
from argosy.materializers.catalog import DRAWN_BYTES, DRAWN_FROM_FILES, ID_BY_FORMAT
from argosy.materializers.path import CONTENT, MANIFEST
from argosy.materializers.previews.json_text import readable_json
from argosy.transport.connection import Connection
from argosy.transport.download.open_version import DownloadedVersion, open_version
from argosy.v1.artifact_pb2 import ArtifactVersion, VersionSelector

_HEAD_BYTES = 64 << 10
"""So much of a file is shown that can be cut anywhere."""
_WHOLE_BYTES = 16 << 20
"""So much of a file is shown that cannot: a report with its libraries has some megabytes."""
_DOCUMENT = "data.json"
_JSON = "json"
"""The format whose documents name what is kept beside them."""
_LISTED_FILES = 200
_BEST_FIRST = ("image/", "text/html", "text/markdown", "text/csv", "application/json", "text/plain")
_CANNOT_BE_CUT = ("text/html", "image/")

_Show = Callable[[], Preview]


def previews_of(connection: Connection, selector: VersionSelector) -> tuple[str, ...]:
    """Return the paths of a version's previews, the best one first; none where they cannot be drawn here.

    Raises:
        NotFoundError: nothing matches, or the version was deleted.
    """
    with open_version(connection, selector) as files:
        try:
            return tuple(_shows(files))
        except CannotDrawError:
            return ()


def preview_of(connection: Connection, selector: VersionSelector, path: str | None = None) -> Preview:
    """Return a preview of a version; see :func:`find_preview`."""
    return find_preview(connection, selector, path)[0]


def find_preview(
    connection: Connection, selector: VersionSelector, path: str | None = None
) -> tuple[Preview, ArtifactVersion]:
    """Return a preview of a version, and the version.

    Args:
        connection: the store.
        selector: which version.
        path: which of its previews; by default the first.

    Raises:
        ParameterError: ``path`` is no text.
        NotFoundError: nothing matches, or the version has no such preview; says which it has.
        CorruptDataError: stored bytes do not match their checksum.
    """
    if path is not None and not isinstance(path, str):
        raise ParameterError(f"preview(path=...) takes the path of a preview, got a {type(path).__name__}")
    with open_version(connection, selector) as files:
        label = f"{files.version.name!r} version {files.version.version}"
        try:
            shows = _shows(files)
        except CannotDrawError as error:
            raise NotFoundError(f"{label} has no preview here: {error}") from error
        if not shows:
            raise NotFoundError(f"{label} has no preview: {_why_none(files)}")
        chosen = next(iter(shows)) if path is None else path
        if chosen not in shows:
            there = ", ".join(map(repr, shows))
            raise NotFoundError(
                f"{label} has no preview {chosen!r}{did_you_mean(chosen, shows)}; its previews are {there}",
                reason="PREVIEW_NOT_FOUND",
            )
        return shows[chosen](), files.version


def preview_or_note(connection: Connection, selector: VersionSelector) -> str:
    """Return the best preview of a version as HTML, nothing when it has none, and a remark in place of a large one."""
    try:
        with open_version(connection, selector) as files:
            shows = _shows(files, MOST_BYTES)
            if shows:
                return next(iter(shows.values()))()._repr_html_() or ""
            large = _page_or_image(files)
            if large is None:
                return ""
            return f"<div>{escape(large)} has {format_bytes(files.size(large))}; .preview() shows it</div>"
    except NotFoundError:
        return ""
    # A cell that shows a version does not fail because its preview cannot be shown.
    except (ArgosyError, CannotDrawError) as error:
        return f"<div>no preview: {escape(str(error))}</div>"


def _shows(files: DownloadedVersion, whole_bytes: int = _WHOLE_BYTES) -> Mapping[str, _Show]:
    """Return what makes each preview, by its path; of files that cannot be cut only those of so many bytes."""
    stored = files.child(PREVIEWS.rstrip("/"))
    if stored.paths:
        paths = sorted(stored.paths, key=_rank)
        return {path: _show(path, partial(stored.head, path, stored.size(path))) for path in paths}
    return dict(sorted(_shows_of_files(files, whole_bytes).items(), key=lambda entry: _rank(entry[0])))


def _rank(path: str) -> tuple[int, str]:
    """Return what sorts previews so that the one people would look at first is the first."""
    media_type = media_type_of(path)
    return next(
        (place for place, kind in enumerate(_BEST_FIRST) if media_type.startswith(kind)), len(_BEST_FIRST)
    ), path


def _show(path: str, read: Callable[[], bytes]) -> _Show:
    return lambda: Preview(path, media_type_of(path), read())


def _shows_of_files(files: DownloadedVersion, whole_bytes: int) -> Mapping[str, _Show]:
    paths, version = files.paths, files.version
    if MANIFEST in paths and version.format == "directory":
        return {"listing.txt": _show("listing.txt", partial(_listing, files))}
    if _DOCUMENT in paths:
        return {_DOCUMENT: _show(_DOCUMENT, partial(_json_head, files, _DOCUMENT))}
    reader = version.materializer or ID_BY_FORMAT.get(version.format, "")
    if reader in DRAWN_FROM_FILES and version.size_bytes < DRAWN_BYTES:
        return {path: _show(path, partial(bytes, content)) for path, content in drawn_previews(files, reader).items()}
    if len(paths) != 1 or media_type_of(paths[0]) == "application/octet-stream":
        return {}
    (path,) = paths
    name, media_type, size = path.rpartition("/")[2], media_type_of(path), files.size(path)
    if media_type.startswith(_CANNOT_BE_CUT):
        return {name: _show(name, partial(files.head, path, whole_bytes))} if size <= whole_bytes else {}
    if media_type == "application/json":
        return {name: _show(name, partial(_json_head, files, path))}
    if media_type == "text/csv" and size > _HEAD_BYTES:  # a remark in it would be a row
        return {name: lambda: Preview(name, media_type, _first_rows(files.head(path, _HEAD_BYTES)), whole_bytes=size)}
    return {name: _show(name, partial(_text_head, files, path))}


def _json_head(files: DownloadedVersion, path: str) -> bytes:
    return readable_json(files.head(path, _HEAD_BYTES), files.size(path), has_parts=files.version.format == _JSON)


def _text_head(files: DownloadedVersion, path: str) -> bytes:
    size, head = files.size(path), files.head(path, _HEAD_BYTES)
    if len(head) == size:
        return head
    lines = head.decode("utf-8", "ignore").rpartition("\n")
    return f"{lines[0] or lines[2]}\n… ({size:,} bytes in all)".encode()


def _first_rows(head: bytes) -> bytes:
    """Return the whole rows at the beginning of a table; of one that has none, what is there of the first."""
    end = quotes = 0
    for found in re.finditer(b'["\n]', head):
        if found[0] == b'"':
            quotes += 1
        elif quotes % 2 == 0:  # an odd one is inside of a cell
            end = found.end()
    return head[:end] or head.decode("utf-8", "ignore").encode()


def _listing(files: DownloadedVersion) -> bytes:
    content = files.child(CONTENT)
    paths = sorted(content.paths)
    sizes = [format_bytes(content.size(path)) for path in paths[:_LISTED_FILES]]
    width = max(map(len, sizes), default=0)
    lines = [f"{size:>{width}}  {path}" for size, path in zip(sizes, paths, strict=False)]
    more = [f"… and {len(paths) - _LISTED_FILES} more"] if len(paths) > _LISTED_FILES else []
    total = format_bytes(sum(content.size(path) for path in paths))
    return "\n".join([*lines, *more, f"{len(paths)} files, {total}"]).encode("utf-8", "backslashreplace")


def _page_or_image(files: DownloadedVersion) -> str | None:
    """Return the path of the only file of a version, if it is a page or an image."""
    paths = files.paths
    return paths[0] if len(paths) == 1 and media_type_of(paths[0]).startswith(_CANNOT_BE_CUT) else None


def _why_none(files: DownloadedVersion) -> str:
    version = files.version
    if (path := _page_or_image(files)) is not None:
        size, most = format_bytes(files.size(path)), format_bytes(_WHOLE_BYTES)
        return f"{path} has {size}, and a page or an image, which cannot be cut, is shown up to {most}; download it"
    what = version.materializer or f"format {version.format!r}"
    return (
        f"values of {what} get one if their materializer has a method visualize, unless they were saved with "
        f"include_visualizations=False or a DescriptionWarning said why there is none"
    )

"""The lines that differ in the text files of two versions, bounded in what is read and in what is told."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argosy.execution.records.artifact_version import ArtifactVersion

MOST_FILES = 10
MOST_BYTES = 256 << 10
"""Longer files are told by their digests alone: nobody reads so long a comparison, and it takes quadratic time."""
MOST_LINES = 200
MOST_CHARACTERS = 500

Files = dict[str, dict[str, Any]]
"""The ``files`` of a version's document by path."""


def text_changes(
    before: ArtifactVersion, after: ArtifactVersion, files_before: Files, files_after: Files
) -> Iterator[dict[str, Any]]:
    """Yield what differs in files that both versions have, where both are texts, as unified diffs.

    Args:
        before: the one version.
        after: the other.
        files_before: its files.
        files_after: those of the other.

    Raises:
        CorruptDataError: stored bytes do not match their checksum.
    """
    changed = [
        path
        for path, file in files_before.items()
        if path in files_after
        and file["digest"] != files_after[path]["digest"]
        and max(file["size_bytes"], files_after[path]["size_bytes"]) <= MOST_BYTES
    ]
    for path in changed[:MOST_FILES]:
        old, new = _lines(before, path), _lines(after, path)
        if old is None or new is None:
            continue
        found = difflib.unified_diff(old, new, f"{before.version}/{path}", f"{after.version}/{path}", lineterm="")
        lines = [line[:MOST_CHARACTERS] for line in itertools.islice(found, MOST_LINES + 1)]
        if lines:
            yield {"path": path, "lines": lines[:MOST_LINES], "more": len(lines) > MOST_LINES}


def _lines(version: ArtifactVersion, path: str) -> list[str] | None:
    """Return the lines of a file, of JSON with a line for each value; ``None`` when it is no text."""
    with version.open(path) as file:
        content = file.read()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    if path.endswith(".json"):
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False, sort_keys=True)
        except (ValueError, RecursionError):
            return text.splitlines()
    return text.splitlines()

"""``add_tags``: labels for an output of the running step, or for any stored version."""

from __future__ import annotations

from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.running.told_metadata import tag_output
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.graph.user_metadata import checked_tags
from argosy.sdk.told_target import RunningOutput, find_target

MAX_TAG_CHARACTERS = 255


@suggests_keywords
def add_tags(
    *tags: str,
    artifact: ArtifactVersion | str | UUID,
    version: int | str | None = None,
    alias: str | None = None,
) -> None:
    """Add tags to those that are there. Inside a step an output gets them when it is saved; a stored version at once.

    ``argosy.add_tags("good", artifact="weights")`` inside a step means its output ``weights``, anywhere else the latest
    version of that name. A step called as a plain function tells nobody.

    Args:
        tags: the tags.
        artifact: as for :func:`argosy.log_metadata`.
        version: with a name: this version, a number or a label.
        alias: with a name: the version it points at.

    Raises:
        ParameterError: no tag is given or one is malformed, or there is no such output.
        NotFoundError: there is no such version.
    """
    if not tags:
        raise ParameterError('add_tags was given no tag; write add_tags("good", artifact="weights")')
    checked = checked_tags(tags)
    for tag in checked:  # said now, and not when hours of training are saved
        if not tag or len(tag) > MAX_TAG_CHARACTERS or not tag.isprintable():
            raise ParameterError(
                f"add_tags: {tag!r} is no tag; a tag has 1 to {MAX_TAG_CHARACTERS} printable characters"
            )
    target = find_target("add_tags", artifact, version, alias)
    if isinstance(target, RunningOutput):
        tag_output(target.step, target.output, checked)
    elif target is not None:
        target.add_tags(*checked)

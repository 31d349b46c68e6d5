"""What a caller may have meant when nothing matches."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from sqlalchemy import bindparam, exists, select

from argosy_server.adapters.metadata.artifacts.version_queries import LIVE, OF_NAME
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.schema.tables import aliases, artifacts, versions
from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.errors import ArtifactNotFound

NEAR = 5
"""At most this many names are suggested."""
LOOKED_AT = 2000
"""Only so many are compared, the newest ones: comparing takes about 10 µs each."""

_NAMES = (
    select(artifacts.c.name)
    .where(
        artifacts.c.project == bindparam("project"), exists().where(versions.c.artifact_seq == artifacts.c.seq, LIVE)
    )
    .order_by(artifacts.c.seq.desc())
    .limit(LOOKED_AT)
)
_OF_ARTIFACT = select(artifacts.c.seq).where(OF_NAME).scalar_subquery()
_LABELS = (
    select(versions.c.label)
    .where(versions.c.artifact_seq == _OF_ARTIFACT, LIVE)
    .order_by(versions.c.ordinal.desc())
    .limit(LOOKED_AT)
)
_GONE = select(versions.c.seq).where(versions.c.artifact_seq == _OF_ARTIFACT, versions.c.label == bindparam("label"))
_ALIASES = select(aliases.c.alias).where(aliases.c.artifact_seq == _OF_ARTIFACT).order_by(aliases.c.alias)


def not_found(session: Session, project: str, selector: VersionSelector) -> ArtifactNotFound:
    """Make the error for a selector that matches nothing, with what is near in this project."""
    if selector.id:
        message = f"{selector} does not exist in project {project!r}"
        return ArtifactNotFound(message, resource=f"artifact version {selector.id}")
    key = {"project": project, "name": selector.name}
    names = list(session.execute(_NAMES, key).scalars())
    if selector.name not in names:
        what, near = f"artifact {selector.name!r} does not exist", _near(selector.name, names)
    elif selector.version:
        labels = list(session.execute(_LABELS, key).scalars())
        # The newest one is what most callers who guess a version are after.
        is_gone = session.execute(_GONE, {**key, "label": selector.version}).one_or_none() is not None
        state = "was deleted" if is_gone else "does not exist"
        what, near = f"{selector} {state}", _near(selector.version, labels) or labels[:1]
    elif selector.alias:
        what, near = f"{selector} does not exist", list(session.execute(_ALIASES, key).scalars())[:NEAR]
    else:
        run = f"the most recent completed run of pipeline {selector.pipeline_name!r}"
        what, near = f"{run} made no artifact {selector.name!r}, or there is no such run,", []
    message = f"{what} in project {project!r}" + (f"; similar: {', '.join(near)}" if near else "")
    return ArtifactNotFound(
        message, resource=f"artifact {selector.name!r}", **({"near": ", ".join(near)} if near else {})
    )


def _near(wanted: str, names: Sequence[str]) -> list[str]:
    """Return names that look like the wanted one, then names of which one contains the other."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(name.casefold(), []).append(name)
    target = wanted.casefold()
    alike = get_close_matches(target, folded, n=NEAR)
    related = [name for name in folded if name in target or target in name]
    return [name for key in dict.fromkeys([*alike, *related]) for name in folded[key]][:NEAR]

"""Damaged blobs as commands tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argosy_server.cli.output import format_bytes

if TYPE_CHECKING:
    from argosy_server.usecases.upkeep.verify_store import Damage

COLUMNS = ("KIND", "PROJECT", "DIGEST", "SIZE", "PROBLEM", "USED BY")
"""Of :func:`damage_row`."""


def damage_row(damage: Damage) -> tuple[str, ...]:
    """Return a row of a table for people."""
    return (
        damage.flaw.kind.value,
        damage.project,
        damage.digest.text,
        format_bytes(damage.size),
        damage.flaw.problem,
        ", ".join(f"{user.name} {user.version}" for user in damage.users) or "no version",
    )


def damage_document(damage: Damage) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "kind": damage.flaw.kind.value,
        "project": damage.project,
        "digest": damage.digest.text,
        "size": damage.size,
        "problem": damage.flaw.problem,
        "used_by": [{"name": user.name, "version": user.version} for user in damage.users],
    }

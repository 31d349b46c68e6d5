"""Mappings of records by name, which say what names there are when one is asked for that is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from argosy.graph.near_matches import did_you_mean

V = TypeVar("V")

_MAX_NAMED = 20


class UnknownNameError(KeyError):
    """A ``KeyError`` that shows its text as it is."""

    def __str__(self) -> str:
        """Return the text; a plain ``KeyError`` would show its ``repr``."""
        return str(self.args[0])


class _Named(dict[str, V]):
    def __init__(self, owner: str, kind: str, items: Iterable[tuple[str, V]]) -> None:
        super().__init__(items)
        self._owner = owner
        self._kind = kind

    def __missing__(self, name: object) -> V:
        known = ", ".join(map(repr, list(self)[:_MAX_NAMED])) + (", ..." if len(self) > _MAX_NAMED else "")
        near = did_you_mean(name, self) if isinstance(name, str) else ""
        there = f"its {self._kind}s are {known}" if self else f"it has no {self._kind}s"
        raise UnknownNameError(f"{self._owner} has no {self._kind} {name!r}{near}; {there}")


def named(owner: str, kind: str, items: Iterable[tuple[str, V]]) -> Mapping[str, V]:
    """Return ``items`` as a mapping that cannot be changed, in their order.

    Args:
        owner: whose they are, for messages (``"run 'nightly'"``).
        kind: what one of them is (``"step"``).
        items: name and record.
    """
    return MappingProxyType(_Named(owner, kind, items))

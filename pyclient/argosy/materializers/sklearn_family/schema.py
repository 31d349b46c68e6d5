"""Looks at the schema of a skops file before skops follows it: what skops would do with it that no writer asks for.

skops trusts names. A name that is trusted may be built by any of its nodes, though: called with what the file says,
or built by a node that hides it from who counts it. Here each name comes from the node that writes it, what is shared
is written out again wherever it is used, as skops does, and nothing is compressed: so loading takes no more than the
file is long.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from argosy.errors import MaterializerError
from argosy.materializers.sklearn_family.trust import CHECKED, NODES, TREE, TRUSTED

_SCHEMA = "schema.json"
_NAMES = {NODES[name]: name for name in (TREE, "functools.partial", "numpy.dtype")}
"""Nodes that build one class whatever the file calls it."""
_SPARSE = "SparseMatrixNode"
"""Compresses, is trusted by a name no array has, and holds indices nobody has looked at."""


@dataclass(frozen=True)
class Schema:
    """What there is in a skops file."""

    trees: set[object] = field(default_factory=set)
    """One for each of its trees."""
    trusted: set[str] = field(default_factory=set)
    """Which of the names that are trusted here it has."""
    _looks: dict[Any, tuple[object, ...]] = field(default_factory=dict)
    _readers: dict[str, object] = field(default_factory=dict)

    def add(self, part: Any) -> int:
        """Look at a part of the file and all parts of it; return how many they are."""
        total = 0
        for member in part.values() if isinstance(part, dict) else part:
            if isinstance(member, (dict, list)):
                total += self.add(member)
        if isinstance(part, list):
            return total
        if not isinstance(node := part.get("__loader__"), str):  # the members of a dict, of any names
            identity = part.get("__id__")
            _require(identity is None or isinstance(identity, dict), "a part that is not written out")
            return total
        self._add_node(part, node, total)
        return total + 1

    def _add_node(self, part: dict[str, Any], node: str, total: int) -> None:
        name = f"{part.get('__module__')}.{part.get('__class__')}"
        identity: Any = part.get("__id__") or object()  # skops shares nothing without one
        # It takes the first part of an __id__ for all of them, and writes all of them out: a part that is shorter than
        # the first could be a part of itself, or a few could stand for billions.
        looks = (node, name, total)
        _require(self._looks.setdefault(identity, looks) == looks, "one part in two forms")
        if name in TRUSTED:
            _require(node == NODES.get(name, "ObjectNode"), f"{name} as a {node}")
            self.trusted.add(name)
            if name in CHECKED:
                self.trees.add(identity)
        elif node in _NAMES or node == _SPARSE:
            _require(False, f"{name} as a {node}")
        if node == "DictNode":
            kinds = part["key_types"]["content"]
            _require(all(kind["__loader__"] == "TypeNode" for kind in kinds), "a key made by a function")
        if "file" in part:
            _require(self._readers.setdefault(part["file"], identity) == identity, "an entry of two parts")


def read_schema(file: Path) -> Schema:
    """Look at the schema of a skops file.

    Raises:
        MaterializerError: it says what skops does not write.
    """
    with ZipFile(file) as archive:
        entries = archive.infolist()
        _require(all(entry.compress_type == ZIP_STORED for entry in entries), "a compressed entry")
        _require(sum(entry.file_size for entry in entries) <= file.stat().st_size, "entries that overlap")
        parts = json.loads(archive.read(_SCHEMA))
    schema = Schema()
    schema.add([parts])
    return schema


def _require(holds: bool, defect: str) -> None:
    if not holds:
        raise MaterializerError(f"it is no file that skops writes: it has {defect}")

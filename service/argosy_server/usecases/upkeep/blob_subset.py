"""Which share of the blobs a check reads: a percentage at random, or one of several equal parts."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TypeAlias

from xxhash import xxh3_64_intdigest

from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import InvalidField
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.upkeep.every_blob import every_blob

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_PART = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True)
class Share:
    """So much of the blobs, at random; the same seed chooses the same blobs again."""

    part: Fraction
    seed: int


@dataclass(frozen=True)
class Part:
    """The ``number``-th of ``count`` parts; all parts together are all blobs, whatever came or went in between."""

    number: int
    count: int

    @property
    def part(self) -> Fraction:
        """How much of the blobs that is, on average."""
        return Fraction(1, self.count)


Subset: TypeAlias = Share | Part


def parse_subset(text: str, seed: int) -> Subset:
    """Read ``5%`` or ``2/10``.

    Raises:
        InvalidField: it is neither, or no such share exists.
    """
    if (match := _PERCENT.fullmatch(text)) and 0 < (part := Fraction(match[1]) / 100) <= 1:
        return Share(part, seed)
    if (match := _PART.fullmatch(text)) and 0 < int(match[1]) <= int(match[2]):
        return Part(int(match[1]), int(match[2]))
    rule = "write a percentage above 0% and up to 100%, such as 5%, or a part of all parts, such as 1/10"
    raise InvalidField("subset", f"{text!r} is no share of the blobs; {rule}")


def chooser(metadata: MetadataStore, subset: Subset | None) -> Callable[[Blob], bool]:
    """Return what tells whether a blob is chosen. A share is rounded up, so that it is never nothing."""
    if subset is None:
        return lambda _: True
    if isinstance(subset, Part):
        number, count = subset.number - 1, subset.count
        return lambda blob: _rank(blob, 0) % count == number
    seed = subset.seed
    with metadata.read() as tx:
        total, _ = tx.survey.totals()
    lowest = heapq.nsmallest(ceil(total * subset.part), (_rank(blob, seed) for blob in every_blob(metadata)))
    highest = lowest[-1] if lowest else -1
    return lambda blob: _rank(blob, seed) <= highest


def _rank(blob: Blob, seed: int) -> int:
    """Return a number that is as good as random, but always the same for a blob and a seed."""
    return xxh3_64_intdigest(f"{blob.project}\0{blob.digest}".encode(), seed=seed)

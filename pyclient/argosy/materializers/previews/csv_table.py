"""Small tables of facts as CSV, which previews show as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table as CSV in UTF-8; what is no text there is escaped."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return target.getvalue().encode("utf-8", "backslashreplace")

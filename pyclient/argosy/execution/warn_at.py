"""Warns about something in a line of the user's code that is not being executed now."""

from __future__ import annotations

import warnings

from argosy.graph.source_location import SourceLocation


def warn_at(location: SourceLocation, text: str, category: type[Warning]) -> None:
    """Warn, as ``warnings.warn`` does in that line.

    Where warnings are errors it is shown all the same, and no more: what is warned about here ends no run.
    """
    try:
        warnings.warn_explicit(text, category, location.file, location.line)
    except category:
        warnings.showwarning(text, category, location.file, location.line)

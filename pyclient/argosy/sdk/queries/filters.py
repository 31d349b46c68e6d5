"""What lists of the store are narrowed by, checked where it is written and not where the list is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from argosy.errors import ParameterError
from argosy.graph.user_metadata import checked_metadata, fact_text


def check_texts(call: str, /, **given: object) -> None:
    """Refuse what is no text.

    Raises:
        ParameterError: names the call and the argument.
    """
    for argument, value in given.items():
        if not isinstance(value, str):
            raise ParameterError(f"{call}({argument}={value!r}): it is a str, not {type(value).__name__}")


def check_moments(call: str, /, **given: object) -> None:
    """Refuse what is neither ``None`` nor a moment.

    Raises:
        ParameterError: names the call and the argument.
    """
    for argument, value in given.items():
        if value is not None and not isinstance(value, datetime):
            raise ParameterError(
                f"{call}({argument}={value!r}): it is a datetime.datetime, not {type(value).__name__}; "
                f"write for example {argument}=datetime(2026, 1, 31)"
            )
        try:
            _ = value and value.astimezone(timezone.utc)
        except (ValueError, OverflowError):
            raise ParameterError(
                f"{call}({argument}={value!r}): it is before the year 1 or after the year 9999 in UTC; leave it "
                "out, or take a moment in between"
            ) from None


def fact_texts(call: str, metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """Return facts to look for as the JSON texts the service compares.

    Raises:
        ParameterError: a value is not JSON; names the call and the key.
    """
    try:
        return {key: fact_text(fact) for key, fact in checked_metadata(metadata).items()}
    except ParameterError as error:
        raise ParameterError(f"{call}: {error}") from None

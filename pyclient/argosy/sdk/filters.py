"""What lists of the store are narrowed by, checked where it is written and not where the list is read."""

from __future__ import annotations

from datetime import datetime

from argosy.errors import ParameterError


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

"""Options that are on or off: a text such as ``"no"``, which Python takes for true, is refused."""

from __future__ import annotations

from argosy.errors import ParameterError


def check_switches(**given: object) -> None:
    """Refuse options that are neither ``True`` nor ``False``.

    Raises:
        ParameterError: names the option.
    """
    for option, value in given.items():
        if not isinstance(value, bool):
            raise ParameterError(f"{option}={value!r} is neither True nor False; write one of them")

"""What a test needs and this machine does not have."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRED = frozenset(os.environ.get("ARGOSY_TEST_REQUIRE", "").split(","))
"""Read before a fixture takes the settings of the person who runs the tests away."""


def missing(what: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where ``ARGOSY_TEST_REQUIRE`` names it: then a test that is not run is an error.

    Args:
        what: by which name it is required.
        reason: what is not there, and how to install it.
    """
    if what in REQUIRED:
        pytest.fail(f"{reason} (ARGOSY_TEST_REQUIRE names {what})")
    pytest.skip(reason)

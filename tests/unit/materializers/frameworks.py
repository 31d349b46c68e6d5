"""Contracts of libraries that take seconds to load, or gigabytes: never imported to collect tests."""

from __future__ import annotations

import importlib.util
from typing import Any, ClassVar

import pytest

from argosy.testing import MaterializerContract
from tests.backends.missing import missing


def require(library: str) -> Any:
    """Import a library; without it skip the test, or fail it where ``ARGOSY_TEST_REQUIRE`` contains ``frameworks``."""
    if importlib.util.find_spec(library) is not None:
        return importlib.import_module(library)
    return missing("frameworks", f"{library} is not there; install it and run this: make test-frameworks")


class NamedContract(MaterializerContract):
    """A contract whose values are named beforehand, for making them loads a library that is slow to load."""

    names: ClassVar[tuple[str, ...]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "value_name" in metafunc.fixturenames:
            metafunc.parametrize("value_name", self.names)

    def test_every_value_is_named(self) -> None:
        assert list(self.names) == list(self.values())


class FrameworkContract(NamedContract):
    """A contract whose values are of a library that may be missing."""

    library: ClassVar[str]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def framework(cls) -> None:
        require(cls.library)

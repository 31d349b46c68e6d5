"""Classes that are found again by the name they were recorded under."""

from __future__ import annotations

import pytest

import argosy
from argosy.errors import MaterializerError
from argosy.materializers.class_references import find_class


def test_a_public_class_of_argosy_is_found_wherever_it_lay_when_it_was_recorded() -> None:
    assert find_class("argosy.some.former.module:Preview", None) is argosy.Preview


def test_a_class_that_is_nowhere_is_told_with_the_cure() -> None:
    with pytest.raises(MaterializerError, match=r"class 'argosy\.nowhere:Nothing' cannot be found here.*as_type="):
        find_class("argosy.nowhere:Nothing", None)

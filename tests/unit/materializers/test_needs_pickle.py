"""What an annotation alone says about pickle."""

from __future__ import annotations

import abc
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypeVar, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from typing_extensions import TypeAliasType

from argosy.materializers.annotations import needs_pickle
from tests.unit.materializers import samples

UserId = NewType("UserId", int)
T = TypeVar("T")
Count = TypeAliasType("Count", int)
Many = TypeAliasType("Many", list[T], type_params=(T,))


class Fits(Protocol):
    def fit(self) -> None: ...


class Abstract(abc.ABC):
    @abc.abstractmethod
    def run(self) -> None: ...


class Plain:
    pass


class Family:
    pass


class Member(Family, str):
    pass


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        None,
        str,
        bytes,
        Path,
        np.ndarray,
        npt.NDArray[np.float64],
        Count,
        Many[int],
        Many[Count],
        np.float64,
        pd.DataFrame,
        list[int],
        dict[str, tuple[int, ...]],
        tuple[()],
        Optional[int],  # noqa: UP045 - the older spelling is what is under test
        int | None,
        Annotated[int, "name"],
        Literal["a"],
        UserId,
        samples.Inner,
        samples.Model,
        samples.Color,
        samples.Rank,
        list[samples.Frozen],
    ],
)
def test_kept_without_pickle(annotation: Any) -> None:
    assert needs_pickle(annotation) is False


@pytest.mark.parametrize(
    "annotation",
    [
        Plain,
        threading.Thread,
        list[Plain],
        Many[Plain],
        dict[str, list[Plain]],
        tuple[int, Plain],
        Union[Plain, threading.Thread],  # noqa: UP007 - the older spelling is what is under test
    ],
)
def test_only_pickle_can_keep(annotation: Any) -> None:
    assert needs_pickle(annotation) is True


@pytest.mark.parametrize(
    "annotation",
    [
        Any,
        object,
        ...,
        list,
        dict[str, Any],
        Plain | None,
        T,
        Fits,
        Abstract,
        Family,
        "Unresolved",
        LogisticRegression,
        OrderedDict,
        samples.Outer,
        samples.ListOfMine,
        samples.Point,
        samples.Box[int],
    ],
)
def test_cannot_be_told_before_there_is_a_value(annotation: Any) -> None:
    assert needs_pickle(annotation) is None

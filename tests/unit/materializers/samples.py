"""Classes at the top of a module, as users have them."""

from __future__ import annotations

import enum
import functools
from collections import namedtuple
from dataclasses import InitVar, dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel, field_validator
from sklearn.base import BaseEstimator, TransformerMixin

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1
    BLUE = (1, 2)


class Level(str, enum.Enum):
    HIGH = "high"


class Rank(enum.IntEnum):
    FIRST = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: float = 0.0


Pair = namedtuple("Pair", "left right")


class ListOfMine(list[int]):
    pass


class TextOfMine(str):
    __slots__ = ()


class Opaque:
    def __init__(self, content: object = None) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.content == other.content

    __hash__ = None  # type: ignore[assignment]  # compares by content


class Veiled(Opaque):
    """One that a materializer for ``Opaque`` keeps too."""


@dataclass
class Inner:
    name: str
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Frozen:
    inner: Inner
    tags: frozenset[str] = frozenset()


@dataclass(slots=True)
class Slotted:
    count: int
    other: Inner | None = None


@dataclass(frozen=True, slots=True)
class FrozenSlotted:
    count: int


@dataclass
class WithInitVar:
    base: int
    factor: InitVar[int] = 3
    product: int = field(init=False)

    def __post_init__(self, factor: int) -> None:
        self.product = self.base * factor

    @functools.cached_property
    def expensive(self) -> int:
        return self.product + 1


@dataclass
class WithArray:
    weights: npt.NDArray[Any]
    bias: np.float64


@dataclass
class Late:
    value: int = field(init=False)


@dataclass
class Hidden:
    count: int

    def __getstate__(self) -> dict[str, object]:
        return {"count": 0}


@dataclass
class Box(Generic[T]):
    content: T


class Model(BaseModel):
    name: str
    count: int = 3
    tags: set[str] = set()

    @field_validator("name")
    @classmethod
    def grow(cls, name: str) -> str:
        return name + "!"


class Outer(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    model: Model
    inner: Inner
    weights: Any = None
    _secret: int = PrivateAttr(default=1)


class Root(RootModel[list[int]]):
    pass


class MyTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn ships no types
    def fit(self, x: Any, y: Any = None) -> MyTransformer:
        self.seen_ = len(x)
        return self

    def transform(self, x: Any) -> Any:
        return x

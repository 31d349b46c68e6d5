"""A class that changed between save and load: nothing is lost in silence, and what is another type now is told."""

from __future__ import annotations

import dataclasses
import enum
import sys
import types
import typing
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pydantic
import pytest

import argosy
from argosy.errors import MaterializerError
from tests.unit.materializers.kept import Kept, keep

Define = Callable[[str], Any]


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Define:
    """Return what writes the module ``shapes`` anew, as if its file was edited, and gives its class ``Shape``."""

    def written(text: str) -> Any:
        module = types.ModuleType("shapes")
        monkeypatch.setitem(sys.modules, "shapes", module)
        module.__dict__.update(
            dataclasses=dataclasses,
            enum=enum,
            pydantic=pydantic,
            np=np,
            Annotated=Annotated,
            Literal=typing.Literal,
            BaseModel=pydantic.BaseModel,
            dataclass=dataclasses.dataclass,
        )
        exec(text, module.__dict__)
        return module.Shape

    return written


def saved_alone_and_inside(value: object) -> list[tuple[Kept, Callable[[Any], Any]]]:
    return [(keep(value), lambda loaded: loaded), (keep([value]), lambda loaded: loaded[0])]


OPEN_MODEL = "class Shape(BaseModel, extra='allow'):\n    a: int"
PRIVATE_MODEL = "class Shape(BaseModel):\n    a: int\n    _seen: int = 1"
PLAIN_MODEL = "class Shape(BaseModel):\n    a: int"
CLOSED_MODEL = "class Shape(BaseModel, extra='forbid'):\n    a: int"
PLAIN_DATACLASS = "@dataclass\nclass Shape:\n    a: int"


@pytest.mark.parametrize(("later", "policy"), [(PLAIN_MODEL, "ignore"), (CLOSED_MODEL, "forbid")])
def test_extra_values_that_a_model_keeps_no_more_are_an_error(define: Define, later: str, policy: str) -> None:
    for kept, _ in saved_alone_and_inside(define(OPEN_MODEL)(a=1, more=3)):
        define(later)
        told = rf"the extra value 'more', which shapes:Shape does not keep: its model_config says extra='{policy}'"
        with pytest.raises(MaterializerError, match=told):
            kept.load()
        define(OPEN_MODEL)


def test_a_private_attribute_that_a_model_has_no_more_is_an_error(define: Define) -> None:
    for kept, _ in saved_alone_and_inside(define(PRIVATE_MODEL)(a=1)):
        define(PLAIN_MODEL)
        with pytest.raises(MaterializerError, match="the private attribute '_seen', which shapes:Shape does not keep"):
            kept.load()
        define(PRIVATE_MODEL)


def test_a_private_attribute_that_a_model_has_gained_takes_its_default(define: Define) -> None:
    kept = keep(define(PLAIN_MODEL)(a=1))
    gained = "    _rate: float = 0.5\n    _made: list = pydantic.PrivateAttr(default_factory=list)\n    _none: int"
    loaded = define(f"{PRIVATE_MODEL}\n{gained}") and kept.load()
    assert loaded.__pydantic_private__ == {"_seen": 1, "_rate": 0.5, "_made": []}


def test_an_attribute_that_a_model_never_declared_comes_back(define: Define) -> None:
    value = define(PLAIN_MODEL)(a=1)
    value._note = ("by hand",)
    for kept, inside in saved_alone_and_inside(value):
        assert inside(kept.load())._note == ("by hand",)


def test_an_attribute_that_a_dataclass_with_slots_has_no_place_for_is_an_error(define: Define) -> None:
    value = define(PLAIN_DATACLASS)(1)
    value.note = "by hand"
    for kept, _ in saved_alone_and_inside(value):
        define("@dataclass(slots=True)\nclass Shape:\n    a: int")
        with pytest.raises(MaterializerError, match="the attribute 'note', which shapes:Shape does not keep"):
            kept.load()
        define(PLAIN_DATACLASS)


@pytest.mark.parametrize("later", ["b: int = dataclasses.field(default_factory=lambda: 1 / 0)", "b: int"])
def test_a_gained_field_whose_default_cannot_be_made_is_an_error_that_names_it(define: Define, later: str) -> None:
    kept = keep(define(PLAIN_DATACLASS)(1))
    define(f"{PLAIN_DATACLASS}\n    {later}")
    with pytest.raises(MaterializerError, match="the stored value lacks the field 'b' of shapes:Shape, "):
        kept.load()


def test_a_gained_field_of_a_model_may_take_its_default_from_the_others(define: Define) -> None:
    kept = keep(define(PLAIN_MODEL)(a=1))
    define(f"{PLAIN_MODEL}\n    b: int = pydantic.Field(default_factory=lambda others: others['a'] + 1)")
    assert kept.load().b == 2


@pytest.mark.parametrize("shape", [PLAIN_DATACLASS, PLAIN_MODEL])
def test_a_field_that_is_of_another_type_now_is_loaded_as_it_was_with_a_warning(define: Define, shape: str) -> None:
    for kept, inside in saved_alone_and_inside(define(shape)(a=1)):
        define(shape.replace("a: int", "a: list[str]"))
        told = r"the field 'a' of a stored shapes:Shape holds int, and the class says list\[str\]; .* convert it"
        with pytest.warns(argosy.VersionDriftWarning, match=told):
            assert inside(kept.load()).a == 1


def test_with_warnings_as_errors_a_part_of_another_type_is_that_warning(define: Define) -> None:
    kept = keep([define(PLAIN_DATACLASS)(1)])
    define(PLAIN_DATACLASS.replace("int", "str"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(argosy.VersionDriftWarning):
            kept.load()


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ("@dataclass\nclass Shape:\n    a: float", 3),
        ("@dataclass\nclass Shape:\n    a: float", np.float32(3)),
        ("@dataclass\nclass Shape:\n    a: str = None", None),
        ("@dataclass\nclass Shape:\n    a: Literal['x', 'y']", "y"),
        ("@dataclass\nclass Shape:\n    a: 'OnlyForTypeCheckers'", 1),
        ("@dataclass\nclass Shape:\n    a: pydantic.EmailStr | None", "ada@example.org"),
        ("class Shape(BaseModel):\n    a: Annotated[str, pydantic.AfterValidator(len)]", "abc"),
        (f"{PLAIN_MODEL}\n    _check = pydantic.field_validator('a')(lambda number: [number])", 1),
    ],
)
def test_what_fits_or_cannot_be_decided_is_loaded_without_a_warning(define: Define, shape: str, content: Any) -> None:
    value = define(shape)(a=content)
    assert keep(value).load() == value


def test_a_class_that_a_cell_defines_anew_is_what_another_one_means_by_its_name(define: Define) -> None:
    inner = "@dataclass\nclass Inner:\n    b: int\n"
    cell = f"{inner}@dataclass\nclass Shape:\n    a: Inner"
    define(cell)
    kept = keep(sys.modules["shapes"].Shape(sys.modules["shapes"].Inner(1)))
    exec(inner, sys.modules["shapes"].__dict__)
    assert kept.load().a == sys.modules["shapes"].Inner(1)


def test_a_member_that_an_enum_or_flag_has_no_more_is_an_error_that_names_it(define: Define) -> None:
    kept = keep(define("class Shape(enum.Enum):\n    A = 1\n    B = 2").B)
    define("class Shape(enum.Enum):\n    A = 1")
    with pytest.raises(MaterializerError, match="enum 'shapes:Shape' no longer has the member 'B'"):
        kept.load()
    shape = define("class Shape(enum.Flag):\n    A = 1\n    B = 2")
    kept = keep(shape.A | shape.B)
    define("class Shape(enum.Flag):\n    A = 1")
    with pytest.raises(MaterializerError, match=r"^flag 'shapes:Shape' no longer has members for all bits of 0b11"):
        kept.load()


def test_a_member_of_an_enum_is_kept_by_its_name_and_one_of_a_flag_by_its_value(define: Define) -> None:
    kept = keep(define("class Shape(enum.IntEnum):\n    A = 1").A)
    assert define("class Shape(enum.IntEnum):\n    A = 2").A is kept.load()
    kept = keep(define("class Shape(enum.Flag):\n    A = 1").A)
    assert define("class Shape(enum.Flag):\n    B = 1").B is kept.load()


def test_a_pickle_whose_class_changed_does_not_blame_the_version_of_python(define: Define) -> None:
    kept = keep(define("class Shape:\n    def __init__(self, a):\n        self.a = a")(1), allow_pickle=True)
    define("class Shape:\n    __slots__ = ()")
    with pytest.raises(MaterializerError, match=r"cannot be read here: .*may have changed since it was saved"):
        kept.load(allow_pickle=True)


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"buffers": "q"}'])
def test_a_pickle_that_does_not_tell_its_buffers_is_an_error(content: bytes) -> None:
    kept = keep(object(), allow_pickle=True)
    kept.files["environment.json"] = content
    with pytest.raises(MaterializerError, match=r"environment\.json tells no number of buffers"):
        kept.load(allow_pickle=True)


def test_further_state_that_describes_nothing_is_an_error(define: Define) -> None:
    kept = keep(define(PRIVATE_MODEL)(a=1))
    kept.files["state.json"] = b'{"private": 5}'
    with pytest.raises(MaterializerError, match=r"state\.json of a shapes:Shape does not describe its state"):
        kept.load()

"""Dataclasses and pydantic models come back as they were, without their constructors running."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from argosy.errors import MaterializerError, PickleRefusedError
from tests.unit.materializers import samples
from tests.unit.materializers.kept import Kept, keep, roundtrip, same


@pytest.mark.parametrize(
    "value",
    [
        samples.Inner("a", (1.0, float("inf"))),
        samples.Frozen(samples.Inner("x"), frozenset({"t"})),
        samples.Slotted(3, samples.Inner("y")),
        samples.FrozenSlotted(4),
        samples.WithInitVar(2, factor=5),
        samples.Box[int]({1: (2,)}),  # type: ignore[arg-type]  # dataclasses do not check
        [samples.FrozenSlotted(4), {"a": samples.WithInitVar(1)}],
        {samples.FrozenSlotted(4)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_dataclass_comes_back_equal(value: Any) -> None:
    back = roundtrip(value)
    assert back == value
    assert type(back) is type(value)


def test_what_is_no_dataclass_is_refused_by_the_materializer_of_dataclasses() -> None:
    with pytest.raises(MaterializerError, match="samples:Opaque is not a dataclass"):
        keep(samples.Opaque("x"), materializer="argosy.dataclass")


def test_dataclass_with_arrays_keeps_them() -> None:
    value = samples.WithArray(np.arange(6).reshape(2, 3), np.float64(1.5))
    kept = keep(value)
    assert sorted(kept.files) == ["data.json", "items/0/data.npy"]
    back = kept.load()
    assert same(back.weights, value.weights)
    assert same(back.bias, value.bias)


def test_attributes_beside_the_fields_are_kept_and_cached_properties_are_not() -> None:
    value = samples.WithInitVar(2)
    assert value.expensive == 7
    value.note = ("extra",)  # type: ignore[attr-defined]  # set from outside on purpose
    kept = keep(value)
    assert kept.files["state.json"] == b'{"note":{"$tuple":["extra"]}}'
    back = kept.load()
    assert vars(back) == {"base": 2, "product": 6, "note": ("extra",)}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (samples.Late(), "field 'value' of .*Late was never set"),
        (samples.Hidden(3), "its own way of being pickled"),
    ],
)
def test_dataclass_whose_fields_are_not_its_state_is_refused(value: Any, message: str) -> None:
    with pytest.raises(PickleRefusedError, match=message):
        keep(value)


def test_local_class_is_loaded_as_the_type_the_caller_names() -> None:
    @dataclass
    class Local:
        count: int

    kept = keep(Local(3))
    assert kept.load(as_type=Local) == Local(3)
    with pytest.raises(MaterializerError, match="pass the class as as_type="):
        kept.load()


def test_class_of_another_script_is_loaded_by_as_type(monkeypatch: pytest.MonkeyPatch) -> None:
    script = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", script)
    exec("from dataclasses import dataclass\n@dataclass\nclass Config:\n    rate: float", script.__dict__)
    kept = keep(script.Config(0.5))
    nested = keep([script.Config(0.5)])
    assert kept.saved.data_type == "__main__:Config"
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))

    @dataclass
    class Config:
        rate: float

    assert kept.load(as_type=Config) == Config(0.5)
    assert nested.load(as_type=list[Config]) == [Config(0.5)]


def test_field_gained_since_takes_its_default_and_a_lost_one_is_an_error() -> None:
    kept = keep(samples.Inner("a", (1.0,)))
    older = Kept(kept.saved, {"data.json": b'{"name":"a"}'})
    assert older.load() == samples.Inner("a", ())
    with pytest.raises(MaterializerError, match=r"lacks the field 'name' of .*Inner, which has no default"):
        Kept(kept.saved, {"data.json": b"{}"}).load()
    with pytest.raises(MaterializerError, match=r"has the field 'gone', which .*Inner does not have"):
        Kept(kept.saved, {"data.json": b'{"name":"a","gone":1}'}).load()


def test_document_that_is_no_object_is_refused() -> None:
    with pytest.raises(MaterializerError, match="must be a JSON object of its fields"):
        Kept(keep(samples.Inner("a")).saved, {"data.json": b"[1]"}).load()


def test_model_comes_back_without_running_validators() -> None:
    value = samples.Model(name="a", tags={"x", "y"})
    back = roundtrip(value)
    assert back == value
    assert back.name == "a!"
    assert back.model_fields_set == {"name", "tags"}


def test_nested_model_keeps_extra_and_private_values() -> None:
    value = samples.Outer.model_validate(
        {"model": samples.Model(name="a"), "inner": samples.Inner("b"), "more": (1, 2)}
    )
    value._secret = 7
    value.weights = np.arange(3)
    back = roundtrip({"outer": value})["outer"]
    assert type(back) is samples.Outer
    assert back._secret == 7
    assert back.model_extra == {"more": (1, 2)}
    assert back.model == value.model
    assert back.inner == value.inner
    assert same(back.weights, value.weights)
    assert back.model_fields_set == value.model_fields_set


def test_root_model_comes_back() -> None:
    assert roundtrip(samples.Root([1, 2])) == samples.Root([1, 2])


def test_model_field_lost_or_gained_is_an_error() -> None:
    kept = keep(samples.Model(name="a"))
    with pytest.raises(MaterializerError, match="lacks the field 'name'"):
        Kept(kept.saved, {"data.json": b"{}"}).load()
    with pytest.raises(MaterializerError, match="has the field 'gone'"):
        Kept(kept.saved, {"data.json": b'{"name":"a","gone":1}'}).load()


def test_local_model_needs_as_type() -> None:
    class Local(BaseModel):
        count: int

    assert keep(Local(count=1)).load(as_type=Local) == Local(count=1)

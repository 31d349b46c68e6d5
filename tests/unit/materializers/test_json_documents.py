"""What other languages find in ``data.json``, and what is refused."""

from __future__ import annotations

import datetime as dt
import sys
from collections import OrderedDict, defaultdict
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers import json_family
from tests.unit.materializers import samples
from tests.unit.materializers.kept import Kept, keep


@pytest.mark.parametrize(
    ("value", "document"),
    [
        ({"a": 1, "b": [1.5, "x", None]}, '{"a":1,"b":[1.5,"x",null]}'),
        (1.0, "1.0"),
        ("é\ud800", '{"$str":"w6ntoIA="}'),
        ([float("nan"), -0.0], '[{"$float":"nan"},-0.0]'),
        (2**53 - 1, "9007199254740991"),
        (2**53, '{"$int":"9007199254740992"}'),
        ((1, [2]), '{"$tuple":[1,[2]]}'),
        ({3, 1}, '{"$set":[1,3]}'),
        ({"$set": [1]}, '{"$dict":[["$set",[1]]]}'),
        ({"$set": 1, "$a": 2}, '{"$set":1,"$a":2}'),
        ({1: "a"}, '{"$dict":[[1,"a"]]}'),
        (OrderedDict(a=1), '{"$ordereddict":[["a",1]]}'),
        (defaultdict(int, a=1), '{"$defaultdict":["int",[["a",1]]]}'),
        ([b"\x00"], '[{"$bytes":"AA=="}]'),
        (Decimal("1.10"), '{"$decimal":"1.10"}'),
        (dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), '{"$datetime":"2024-01-01T00:00:00+00:00"}'),
        (samples.Level.HIGH, '{"$enum":["tests.unit.materializers.samples:Level","HIGH"]}'),
        ([np.float32(0.5)], '[{"$numpy":["<f4",0.5]}]'),
        (samples.Inner("n", (1.0,)), '{"name":"n","scores":{"$tuple":[1.0]}}'),
        (samples.Model(name="n"), '{"name":"n!","count":3,"tags":{"$set":[]}}'),
    ],
)
def test_document_is_as_specified(value: Any, document: str) -> None:
    assert keep(value).files["data.json"].decode() == document


def test_a_part_of_another_format_is_a_reference_to_its_directory() -> None:
    kept = keep({"x": np.zeros(2)})
    assert kept.files["data.json"].decode() == (
        '{"x":{"$value":{"at":"items/0","materializer":"argosy.numpy","type":"numpy:ndarray","format":"npy"}}}'
    )
    assert sorted(kept.files) == ["data.json", "items/0/data.npy"]


def test_a_scalar_of_a_library_that_is_missing_names_it_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep([pd.Timestamp("2024-01-01")])
    monkeypatch.delattr(json_family, "pandas_scalars")
    monkeypatch.delitem(sys.modules, "argosy.materializers.json_family.pandas_scalars")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MaterializerError, match=r"^argosy\.json needs pandas: pip install 'argosy\[pandas\]'$"):
        kept.load()


def test_cycle_is_refused_by_its_path() -> None:
    value: dict[str, Any] = {"a": [1]}
    value["a"].append({"b": value})
    with pytest.raises(MaterializerError, match=r'^value\["a"\]\[1\]\["b"\] contains itself'):
        keep(value, allow_pickle=True)


def test_too_deep_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(200):
        value = [value]
    with pytest.raises(MaterializerError, match="nested more than 150 levels deep"):
        keep(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [0, 0, 0, samples.Opaque()]}, 'value["a"][3]'),
        ([samples.Inner("x", samples.ListOfMine())], "value[0].scores"),  # type: ignore[arg-type]  # the wrong type is the point
        ({(1, 2): samples.TextOfMine("x")}, "value[(1, 2)]"),
        (samples.Frozen(inner=samples.Opaque()), "value.inner"),  # type: ignore[arg-type]  # the wrong type is the point
        ({"d": defaultdict(samples.Opaque)}, 'value["d"]'),
        ([samples.WithArray(np.array([{}]), np.float64(0))], "value[0].weights"),
        ({"outer": (np.array([None]),)}, 'value["outer"][0]'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusal_names_the_path_of_the_part(value: Any, path: str) -> None:
    with pytest.raises(PickleRefusedError) as caught:
        keep(value)
    assert str(caught.value).startswith(f"{path} is a ")
    assert "allow_pickle=True" in str(caught.value)


def test_a_pickled_part_marks_the_whole_value() -> None:
    kept = keep({"a": samples.Opaque(3)}, allow_pickle=True)
    assert kept.saved.uses_pickle is True
    assert kept.saved.materializer == "argosy.json"
    assert kept.load(allow_pickle=True) == {"a": samples.Opaque(3)}
    with pytest.raises(PickleRefusedError, match="saved as a pickle"):
        kept.load()


def test_a_part_that_cannot_even_be_pickled_is_named() -> None:
    with pytest.raises(MaterializerError, match=r'^value\["a"\] cannot be kept: .*generator'):
        keep({"a": (item for item in "x")}, allow_pickle=True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "not JSON"),
        (b"NaN", "NaN is not JSON"),
        (b"\xff", "not JSON"),
        (b"\xef\xbb\xbf1", "not JSON"),
        ("[1]".encode("utf-16"), "not JSON"),
        (b'{"$new": 1}', "unknown escape '\\$new'"),
        (b'{"$uuid": 3}', "malformed \\$uuid"),
        (b'{"$int": "x"}', "malformed \\$int"),
        (b'{"$set": [[]]}', "malformed \\$set"),
        (b'{"$enum": ["os:system", "x"]}', "recorded as a class"),
        (b'{"$enum": ["tests.unit.materializers.samples:Point", "x"]}', "none here"),
        (b'{"$enum": ["tests.unit.materializers.samples:Color", "GREEN"]}', "no longer has the member 'GREEN'"),
        (b'{"$dataclass": ["tests.unit.materializers.samples:Opaque", {}]}', "none here"),
        (b'{"$namedtuple": ["tests.unit.materializers.samples:Point", [1]]}', "named tuple of 1 items"),
        (b'{"$value": {"at": "../x"}}', "malformed reference"),
        (b'{"$value": {"at": "items/0"}}', "lacks its type"),
        (b'{"$numpy": ["|O", 1]}', "does not belong"),
        (b'{"$pandas": ["Frame"]}', "unknown pandas scalar"),
    ],
)
def test_malformed_document_is_refused_with_a_reason(document: bytes, message: str) -> None:
    kept = Kept(keep([1]).saved, {"data.json": document})
    with pytest.raises(MaterializerError, match=message):
        kept.load()

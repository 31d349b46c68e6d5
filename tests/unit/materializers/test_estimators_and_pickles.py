"""scikit-learn estimators by skops, and pickle as the last resort."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.pickle_ import PickleMaterializer
from argosy.materializers.registry import extract_metadata
from tests.unit.materializers import samples
from tests.unit.materializers.kept import Kept, keep, roundtrip, same


class Box:
    """Only pickle can keep it."""

    def __init__(self, content: Any) -> None:
        self.content = content


X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
COLUMNS = ColumnTransformer([("scale", StandardScaler(), [0, 1])])


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(C=0.5).fit(X, Y),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        Pipeline([("columns", COLUMNS), ("fit", LogisticRegression())]).fit(X, Y),
    ],
    ids=["estimator", "pipeline", "column transformer"],
)
def test_estimator_predicts_the_same_after_loading(estimator: Any) -> None:
    kept = keep(estimator)
    assert (kept.saved.format, kept.saved.uses_pickle, list(kept.files)) == ("skops", False, ["data.skops"])
    back = kept.load()
    assert type(back) is type(estimator)
    assert np.array_equal(back.predict_proba(X), estimator.predict_proba(X))
    assert repr(back.get_params()) == repr(estimator.get_params())


def test_estimator_that_is_not_fitted_keeps_its_parameters() -> None:
    back = roundtrip({"encoder": OneHotEncoder(min_frequency=2)})["encoder"]
    assert back.get_params() == OneHotEncoder(min_frequency=2).get_params()


@pytest.mark.parametrize("estimator", [samples.MyTransformer().fit(X), FunctionTransformer(samples.Inner)])
def test_estimator_with_code_of_ones_own_is_a_pickle_or_refused(estimator: Any) -> None:
    with pytest.raises(PickleRefusedError, match=r"skops does not trust tests\.unit\.materializers\.samples"):
        keep(estimator)
    kept = keep(estimator, allow_pickle=True)
    assert (kept.saved.format, kept.saved.materializer) == ("cloudpickle", "argosy.cloudpickle")
    assert type(kept.load(allow_pickle=True)) is type(estimator)


def test_the_cure_for_an_estimator_is_for_this_one_alone() -> None:
    with pytest.raises(PickleRefusedError) as caught:
        keep(make_pipeline(samples.MyTransformer(), LogisticRegression()))
    for way in ("Pass allow_pickle=True", "pass materializer= one of your own for it", "or keep what it is made of"):
        assert way in str(caught.value)
    assert "types =" not in str(caught.value)


def test_untrusted_content_is_refused_again_at_loading() -> None:
    kept = keep(LogisticRegression())
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(kept.files["data.skops"])) as old, zipfile.ZipFile(target, "w") as new:
        schema = old.read("schema.json").replace(b'"sklearn.linear_model._logistic"', b'"evil.module"')
        assert b"evil" in schema
        new.writestr("schema.json", schema)
    with pytest.raises(MaterializerError, match=r"skops does not trust evil\.module"):
        Kept(kept.saved, {"data.skops": target.getvalue()}).load()
    with pytest.raises(MaterializerError, match="skops cannot read"):
        Kept(kept.saved, {"data.skops": b"nothing"}).load()


def test_metadata_names_the_estimator() -> None:
    assert extract_metadata(LogisticRegression(), "argosy.sklearn") == {"estimator": "LogisticRegression"}


def test_pickle_needs_permission_on_both_sides() -> None:
    value = samples.Opaque([1, 2])
    with pytest.raises(PickleRefusedError) as caught:
        keep(value)
    for cure in ("allow_pickle=True", "ARGOSY_ALLOW_PICKLE=1", "argosy.Materializer with types = (Opaque,)"):
        assert cure in str(caught.value)
    kept = keep(value, allow_pickle=True)
    assert (kept.saved.data_type, kept.saved.uses_pickle) == ("tests.unit.materializers.samples:Opaque", True)
    with pytest.raises(PickleRefusedError, match=r"was saved as a pickle.*allow_pickle=True"):
        kept.load()
    with pytest.raises(PickleRefusedError):
        kept.load(materializer="")
    assert kept.load(allow_pickle=True) == value


@pytest.mark.parametrize("code", [lambda: 1, print, [].append, dict])
def test_the_cure_for_code_is_not_a_materializer(code: Any) -> None:
    cure = r"set ARGOSY_ALLOW_PICKLE=1, or save the data it works on and import the code where it is needed$"
    with pytest.raises(PickleRefusedError, match=cure):
        keep(code, allow_pickle=False)


def test_the_cure_for_a_class_without_a_name_is_not_a_materializer() -> None:
    with pytest.raises(PickleRefusedError, match=r"or convert it to what it stands for, such as a list$"):
        keep(iter([1]), allow_pickle=False)


def test_functions_and_local_classes_are_pickled_by_value() -> None:
    class Local:
        pass

    factor = 3
    assert roundtrip(lambda value: value * factor, allow_pickle=True)(2) == 6
    assert type(roundtrip(Local(), allow_pickle=True)).__qualname__ == Local.__qualname__


def test_large_arrays_inside_an_object_are_files_of_their_own() -> None:
    value = samples.Opaque(np.arange(300_000.0))
    kept = keep(value, allow_pickle=True)
    assert sorted(kept.files) == ["buffers/0", "data.pkl", "environment.json"]
    assert len(kept.files["buffers/0"]) == 2_400_000
    assert len(kept.files["data.pkl"]) < 1000
    back = kept.load(allow_pickle=True).content
    assert same(back, value.content)
    assert back.flags.writeable


@pytest.mark.parametrize("value", [samples.ListOfMine([1]), np.array([{}, None]), samples.Color])
def test_what_no_format_keeps_comes_back_by_pickle(value: Any) -> None:
    back = roundtrip(value, allow_pickle=True)
    assert type(back) is type(value)
    assert np.array_equal(back, value)


@pytest.mark.parametrize("wrap", [lambda part: part, lambda part: samples.Opaque({"part": part})])
def test_what_cloudpickle_would_change_is_refused(wrap: Any, tmp_path: Path) -> None:
    (tmp_path / "text").touch()
    with (tmp_path / "text").open() as file:
        for part in (memoryview(b"ab"), file):
            rule = f"{type(part).__name__} would come back as another type; keep its content"
            with pytest.raises(MaterializerError, match=rule):
                keep(wrap(part), allow_pickle=True)


class Liar:
    """Comes back as something else."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": (1, value)}])
def test_an_object_that_would_come_back_as_another_class_is_refused(wrap: Any) -> None:
    with pytest.raises(MaterializerError, match=r"a Liar would come back as a dict, which its __reduce__ names; keep"):
        keep(wrap(Liar(dict, ())), allow_pickle=True)


def test_an_object_that_came_back_as_another_class_is_refused_at_loading() -> None:
    kept = keep(Liar(eval, ("{}",)), allow_pickle=True)
    with pytest.raises(MaterializerError, match=r"a \S+:Liar was saved, but argosy\.cloudpickle made a builtins:dict"):
        kept.load(allow_pickle=True)
    nested = keep([Liar(eval, ("{}",))], allow_pickle=True)
    with pytest.raises(MaterializerError, match="made a builtins:dict of it"):
        nested.load(allow_pickle=True)
    assert kept.load(allow_pickle=True, materializer=PickleMaterializer) == {}


def test_an_object_may_be_made_by_a_base_of_its_class_or_by_a_function() -> None:
    for value in (np.dtype("f8"), deque([1], 2), ValueError("x"), range(3), object(), re.compile("a"), Decimal(1)):
        assert type(roundtrip({"a": Box(value)}, allow_pickle=True)["a"].content) is type(value)


def test_a_class_that_moved_to_another_module_is_still_the_same() -> None:
    kept = keep(Box(1), allow_pickle=True)
    assert kept.load(allow_pickle=True, data_type="elsewhere:Box").content == 1


def test_pickle_of_another_python_is_read_with_a_warning() -> None:
    kept = keep(samples.Opaque(1), allow_pickle=True)
    environment = json.loads(kept.files["environment.json"])
    kept.files["environment.json"] = json.dumps({**environment, "python": "3.8.1"}).encode()
    with pytest.warns(UserWarning, match=r"written by Python 3\.8\.1"):
        assert kept.load(allow_pickle=True) == samples.Opaque(1)


def test_broken_pickle_is_an_error_that_tells_why() -> None:
    kept = keep(samples.Opaque(1), allow_pickle=True)
    kept.files["data.pkl"] = kept.files["data.pkl"].replace(b"Opaque", b"Absent")
    with pytest.raises(MaterializerError, match=r"the pickle cannot be read here: .*Absent"):
        kept.load(allow_pickle=True)

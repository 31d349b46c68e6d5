"""A skops file may be of any author: what skops loads of one, but scikit-learn never makes, is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import Bunch

from argosy.errors import MaterializerError
from argosy.materializers.sklearn_family.materializer import FILE, SklearnMaterializer
from argosy.materializers.sklearn_family.schema import read_schema
from tests.unit.materializers.kept import MemorySource

X = np.column_stack([np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3])
Y = (X[:, 0] > 0).astype(int)
_State = dict[str, Any]


def loaded(file: bytes) -> Any:
    return SklearnMaterializer().load(MemorySource({FILE: file}), None)


def grown() -> Any:
    return DecisionTreeClassifier(random_state=0).fit(X, Y)


def boosted() -> Any:
    return GradientBoostingRegressor(n_estimators=1, random_state=0).fit(X, Y)


def by_histograms() -> Any:
    return HistGradientBoostingClassifier(max_iter=1, categorical_features=[3]).fit(X, Y)


def isolated() -> Any:
    return IsolationForest(n_estimators=1, random_state=0).fit(X)


def near() -> Any:
    return KNeighborsClassifier(algorithm="kd_tree", leaf_size=5).fit(X, Y)


def with_fields(**fields: Any) -> Callable[[Any], object]:
    return lambda estimator: vars(estimator).update(fields)


def of_its_tree(place: int, value: object) -> Callable[[Any], object]:
    """Change one number of the state of a tree of neighbours."""

    def change(estimator: Any) -> None:
        state = list(estimator._tree.__getstate__())
        state[place] = value(state[place]) if callable(value) else value
        estimator._tree.__setstate__(tuple(state))

    return change


def mask_nodes(estimator: Any) -> None:
    predictor = estimator._predictors[0][0]
    predictor.nodes = np.ma.MaskedArray(predictor.nodes, mask=True)


def add_one_that_is_none(estimator: Any) -> None:
    estimator.estimators_ = np.repeat(estimator.estimators_, 2, axis=0)
    estimator.estimators_[1, 0] = Bunch(tree_=None, n_features_in_=4)


def begin_with_other_columns(estimator: Any) -> None:
    estimator.estimators_ = np.repeat(estimator.estimators_, 3, axis=1)
    estimator.n_trees_per_iteration_ = 3


def forget_categories(estimator: Any) -> None:
    estimator._bin_mapper.is_categorical_ = np.zeros(0, np.uint8)


def weigh_columns_away(estimator: Any) -> None:
    estimator._preprocessor.transformer_weights = {"encoder": np.zeros(0)}


@pytest.mark.parametrize(
    ("make", "change", "defect"),
    [
        (
            grown,
            with_fields(_validate_X_predict=np.float32),
            "whose _validate_X_predict is no longer that of its class",
        ),
        (grown, with_fields(n_features_in_=np.ma.MaskedArray(4, mask=False)), "asks for columns that are not there"),
        (boosted, add_one_that_is_none, "is none"),
        (boosted, begin_with_other_columns, "is one of too many"),
        (boosted, with_fields(init_=DecisionTreeClassifier()), "adds to predictions of an estimator of your own"),
        (
            boosted,
            lambda value: setattr(value._loss, "link", Bunch(link=np.max)),
            "adds to predictions of another form",
        ),
        (boosted, lambda value: setattr(value.init_, "n_outputs_", 0), "adds to predictions of another form"),
        (by_histograms, mask_nodes, "has arrays of another kind"),
        (by_histograms, forget_categories, "asks for columns that are not there"),
        (by_histograms, with_fields(_in_fit=True), "says it is not fitted yet"),
        (by_histograms, with_fields(_preprocessor=FunctionTransformer()), "asks for columns that are not there"),
        (by_histograms, weigh_columns_away, "asks for columns that are not there"),
        (isolated, with_fields(estimators_features_=[np.ones(4, bool)]), "asks for columns that are not there"),
        (near, of_its_tree(11, None), "has no metric"),
        (near, of_its_tree(4, 0), "says that it has nodes it has not"),
        (near, of_its_tree(6, 1), "says that it has nodes it has not"),
        (near, of_its_tree(3, lambda bounds: bounds[:1].copy()), "has bounds of another form"),
    ],
)
def test_an_owner_that_would_lead_a_tree_out_of_its_arrays_is_refused(make: Any, change: Any, defect: str) -> None:
    estimator = make()
    assert loaded(skops.io.dumps(estimator)) is not None
    change(estimator)
    with pytest.raises(MaterializerError, match=f"a tree in it .*{defect}"):
        loaded(skops.io.dumps(estimator))


def rewritten(file: bytes, change: Callable[[_State], object], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a file with ``change`` made to its schema."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as archive, zipfile.ZipFile(target, "w", compression) as written:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema).encode()
            written.writestr(name, content)
    return target.getvalue()


def part(schema: _State, name: str) -> _State:
    """Return a part of the outermost object of a schema."""
    found: _State = schema["content"]["content"][name]
    return found


def call_while_loading(schema: _State) -> None:
    schema["content"]["content"]["func"] = {
        "__module__": "numpy",
        "__class__": "max",
        "__loader__": "ConstructorFromReduceNode",
        "content": part(schema, "kw_args") | {"__loader__": "ListNode", "__class__": "list", "content": []},
    }


def hide_from_the_count(schema: _State) -> None:
    part(schema, "tree_").update({"__module__": "numpy", "__class__": "dtype"})


def stand_for_billions(schema: _State) -> None:
    parts: _State = {"__module__": "builtins", "__class__": "list", "__loader__": "ListNode", "content": []}
    for number in range(1, 60):
        again = {"__id__": number, "__loader__": "ListNode", "__module__": "builtins", "__class__": "list"}
        parts = again | {"content": [parts, again | {"__id__": number - 1, "content": []}]}
    schema["content"]["content"]["other"] = parts


def is_a_part_of_itself(schema: _State) -> None:
    schema["content"]["content"]["other"] = {"__id__": schema["__id__"]}


def make_keys_by_a_function(schema: _State) -> None:
    kinds = schema["content"]["key_types"]["content"]
    kinds[0] = {"__module__": "numpy", "__class__": "max", "__loader__": "FunctionNode"}


def hold_a_sparse_array(schema: _State) -> None:
    name = {"__module__": "scipy.sparse._base", "__class__": "spmatrix", "__loader__": "SparseMatrixNode"}
    schema["content"]["content"]["other"] = name | {"type": "scipy", "file": "schema.json"}


def read_an_entry_again(schema: _State) -> None:
    nodes = part(schema, "tree_")["content"]["content"]["nodes"]
    schema["content"]["content"]["other"] = nodes | {"__id__": 1}


@pytest.mark.parametrize(
    ("estimator", "change", "defect"),
    [
        (FunctionTransformer(np.max), call_while_loading, "numpy.max as a ConstructorFromReduceNode"),
        (FunctionTransformer(np.max), make_keys_by_a_function, "a key made by a function"),
        (grown(), hide_from_the_count, "numpy.dtype as a TreeNode"),
        (grown(), stand_for_billions, "one part in two forms"),
        (grown(), is_a_part_of_itself, "a part that is not written out"),
        (grown(), hold_a_sparse_array, "spmatrix as a SparseMatrixNode"),
        (grown(), read_an_entry_again, "an entry of two parts"),
    ],
)
def test_what_skops_would_load_but_does_not_write_is_refused(estimator: Any, change: Any, defect: str) -> None:
    with pytest.raises(MaterializerError, match=f"it is no file that skops writes: it has .*{defect}"):
        loaded(rewritten(skops.io.dumps(estimator), change))


def test_trees_without_an_id_are_two_and_not_one(tmp_path: Path) -> None:
    def forget_ids(schema: _State) -> None:
        for estimator in schema["content"]:
            del estimator["content"]["content"]["tree_"]["__id__"]

    (tmp_path / FILE).write_bytes(rewritten(skops.io.dumps([grown(), grown()]), forget_ids))
    assert len(read_schema(tmp_path / FILE).trees) == 2


def test_a_compressed_file_is_refused_since_nobody_knows_how_long_it_gets() -> None:
    with pytest.raises(MaterializerError, match="it has a compressed entry"):
        loaded(rewritten(skops.io.dumps(grown()), lambda _: None, zipfile.ZIP_DEFLATED))


def test_a_function_cannot_write_into_the_rows_of_a_tree_once_they_were_looked_at() -> None:
    estimator = near()
    rows = estimator._tree.__getstate__()[1]
    writing = FunctionTransformer(partial(np.divmod, np.full(60, 2**40), np.ones(60, np.int64), rows))
    again = loaded(skops.io.dumps([writing, estimator]))
    with pytest.raises(ValueError, match="read-only"):
        again[0].transform(np.zeros(60))
    assert np.array_equal(again[1].predict(X), estimator.predict(X))


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingRegressor(n_estimators=1, loss="huber"),
        GradientBoostingClassifier(n_estimators=1),
        GradientBoostingClassifier(n_estimators=1, init="zero"),
    ],
)
@pytest.mark.parametrize("classes", [2, 3])
def test_boosting_that_begins_as_scikit_learn_does_is_loaded(estimator: Any, classes: int) -> None:
    estimator.fit(X, np.arange(60) % classes)
    assert np.array_equal(loaded(skops.io.dumps(estimator)).predict(X), estimator.predict(X))

"""Trees of scikit-learn are kept without pickle, and looked at before anything follows them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.sklearn_family.checks import check_trees
from argosy.materializers.sklearn_family.schema import read_schema
from tests.unit.materializers.kept import Kept, keep

X = np.random.default_rng(0).normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
FILE = "data.skops"


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(3),
        RandomForestRegressor(3),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3, categorical_features=[3]),
        BaggingClassifier(max_features=0.5, n_estimators=3),
        IsolationForest(n_estimators=3, max_features=0.5),
        VotingClassifier([("tree", DecisionTreeClassifier()), ("linear", LogisticRegression())]),
        StackingClassifier([("tree", DecisionTreeClassifier()), ("near", KNeighborsClassifier())]),
        KNeighborsClassifier(algorithm="kd_tree"),
        KNeighborsClassifier(algorithm="ball_tree"),
        GridSearchCV(RandomForestClassifier(3), {"max_depth": [2, 3]}, scoring=make_scorer(f1_score)),
        MLPClassifier(max_iter=2000, hidden_layer_sizes=(4,), tol=1e-2),
        GaussianProcessRegressor(),
        make_pipeline(SimpleImputer(), SelectKBest(f_classif, k=2), RandomForestClassifier(3)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_estimator_of_scikit_learn_needs_no_pickle(estimator: Any) -> None:
    data = np.column_stack([X[:, :3], np.arange(60) % 3])
    kept = keep(estimator.fit(data, Y))
    assert (kept.saved.format, kept.saved.uses_pickle) == ("skops", False)
    assert np.array_equal(kept.load().predict(data), estimator.predict(data))


def forged(kept: Kept, change: Callable[[dict[str, Any]], object]) -> Kept:
    """Return what was kept, with ``change`` made to its schema and arrays, which are entries of one dictionary."""
    with zipfile.ZipFile(io.BytesIO(kept.files[FILE])) as archive:
        content: dict[str, Any] = {
            name: np.load(io.BytesIO(archive.read(name))) for name in archive.namelist() if name.endswith(".npy")
        }
        content["schema.json"] = json.loads(archive.read("schema.json"))
    change(content)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, part in content.items():
            if isinstance(part, np.ndarray):
                written = io.BytesIO()
                np.save(written, part)
                archive.writestr(name, written.getvalue())
            else:
                archive.writestr(name, json.dumps(part))
    return Kept(kept.saved, {FILE: target.getvalue()})


def node(field: str, place: int, number: int) -> Callable[[dict[str, Any]], object]:
    """Change a field of a node of the first array that has it."""

    def change(content: dict[str, Any]) -> None:
        arrays = [part for part in content.values() if isinstance(part, np.ndarray)]
        nodes = next(part for part in arrays if field in (part.dtype.names or ()))
        nodes[field][place] = number

    return change


def parts_named(content: Any, name: str) -> list[dict[str, Any]]:
    """Return the values of all entries of this name in a schema."""
    if isinstance(content, list):
        return [found for part in content for found in parts_named(part, name)]
    if not isinstance(content, dict):
        return []
    here = [content[name]] if isinstance(content.get(name), dict) else []
    return here + [found for part in content.values() for found in parts_named(part, name)]


def says(name: str, text: str) -> Callable[[dict[str, Any]], object]:
    """Change a number of the schema wherever it is called ``name``."""

    def change(content: dict[str, Any]) -> None:
        for part in parts_named(content["schema.json"], name):
            part |= {"content": text, "__id__": -1}  # parts of one id are one object: others may be this number, too

    return change


TREE = DecisionTreeClassifier(random_state=0).fit(X, Y)
BOOSTED = HistGradientBoostingClassifier(max_iter=1, categorical_features=[3], min_samples_leaf=2).fit(
    np.column_stack([X[:, :3], np.arange(60) % 3]), np.arange(60) % 3 == 1
)
NEAR = KNeighborsClassifier(algorithm="kd_tree", leaf_size=5).fit(X, Y)


@pytest.mark.parametrize(
    ("estimator", "change", "defect"),
    [
        (TREE, node("left_child", 0, 10**9), "has children that are not there"),
        (TREE, node("right_child", 0, -7), "has children that are not there"),
        (TREE, node("left_child", 0, 0), "has children that are not there"),
        (TREE, node("right_child", 0, 1), "has a node without one parent"),
        (TREE, node("feature", 0, 4), "asks for columns that are not there"),
        (TREE, node("feature", 0, -5), "asks for columns that are not there"),
        (TREE, says("max_depth", "1"), "is deeper than it says"),
        (TREE, says("n_features_in_", "2"), "asks for columns that are not there"),
        (BOOSTED, node("left", 0, 10**6), "has children that are not there"),
        (BOOSTED, node("feature_idx", 0, 4), "asks for columns that are not there"),
        (BOOSTED, node("bitset_idx", 0, 9), "asks for categories that are not there"),
        (NEAR, node("idx_end", 0, 61), "names rows that are not there"),
        (NEAR, node("is_leaf", -1, 0), "has children that are not there"),
    ],
)
def test_a_tree_that_leads_out_of_its_arrays_is_refused(estimator: Any, change: Any, defect: str) -> None:
    with pytest.raises(MaterializerError, match=f"a tree in it {defect}"):
        forged(keep(estimator), change).load()


def test_what_is_forged_is_loaded_as_long_as_nothing_is_wrong_with_it() -> None:
    same = forged(keep(TREE), lambda _: None).load()
    assert np.array_equal(same.predict(X), TREE.predict(X))


def test_a_forest_whose_trees_ask_for_more_columns_than_it_does_is_refused() -> None:
    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    with pytest.raises(MaterializerError, match="asks for columns that are not there"):
        # The last one is the forest's own: its trees come before it.
        forged(
            keep(forest),
            lambda content: parts_named(content, "n_features_in_")[0].update({"content": "2", "__id__": -1}),
        ).load()


def test_boosting_of_more_trees_an_iteration_than_it_has_room_for_is_refused() -> None:
    boosted = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, Y)
    boosted.estimators_ = np.column_stack([boosted.estimators_] * 2)
    with pytest.raises(PickleRefusedError, match="a tree in it is one of too many"):
        keep(boosted)


def test_a_tree_where_none_is_looked_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(keep(TREE).files[FILE])
    with pytest.raises(MaterializerError, match="1 of 1 trees in it cannot be looked at"):
        check_trees(LogisticRegression(), len(read_schema(tmp_path / FILE).trees))

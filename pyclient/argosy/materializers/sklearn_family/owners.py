"""What holds of the owners of trees: scikit-learn hands rows to a tree that only the owner has looked at.

So an owner asks its users for the columns its trees ask for, has a place for what each of them answers, and does
with rows what its class does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from argosy.materializers.sklearn_family.nodes import name_of, require, within
from argosy.materializers.sklearn_family.trust import PREDICTOR, TREE

_COLUMNS = "asks for columns that are not there"


def check_owner(owner: Any) -> None:
    """Look at an estimator that may own trees, and at any other part for what hides a method of its class."""
    cls, fields = type(owner), getattr(owner, "__dict__", None)
    if not fields or not cls.__module__.startswith("sklearn."):
        return
    # One that looks at rows, say.
    hidden = [name for name in fields if isinstance(found := getattr(cls, name, None), property) or callable(found)]
    require(not hidden, f"is with a {cls.__name__} whose {', '.join(hidden[:3])} is no longer that of its class")
    if cls.__module__.startswith("sklearn.tree."):
        require(name_of(type(fields.get("tree_"))) == TREE or "tree_" not in fields, "is none")
        require("tree_" not in fields or fields["tree_"].n_features == _columns_of(owner), _COLUMNS)
    if cls.__module__.startswith("sklearn.ensemble."):
        _check_members(owner, fields)
        if "_predictors" in fields:
            _check_histograms(owner, fields)


def _check_members(owner: Any, fields: dict[str, Any]) -> None:
    members = fields.get("estimators_", [])
    require(type(members) in (list, np.ndarray), "is not in a list")
    flat = members.ravel().tolist() if isinstance(members, np.ndarray) else members
    trees = [part for part in flat if hasattr(part, "tree_")]
    if trees:
        require(all(type(tree).__module__.startswith("sklearn.tree.") for tree in trees), "is none")
        columns = _columns_of(owner)
        subsets = fields.get("estimators_features_")  # the columns that each one gets, where it gets some of them
        given = [columns] * len(trees) if subsets is None else [_length(subset, columns) for subset in subsets]
        require([tree.n_features_in_ for tree in trees] == given, _COLUMNS)
    if isinstance(members, np.ndarray):
        _check_stages(owner, fields, members)


def _check_stages(owner: Any, fields: dict[str, Any], members: Any) -> None:
    """Refuse boosting whose trees add to other columns than its first predictions have."""
    width = fields.get("n_trees_per_iteration_")
    require(isinstance(width, int) and members.dtype == object and members.shape[1:] == (width,), "is one of too many")
    init: Any = fields.get("init_")
    loss: Any = fields.get("_loss")
    if isinstance(init, str):
        return
    known = [name_of(type(part)).rpartition(".")[0] for part in (loss, getattr(loss, "link", None))]
    require(known == ["sklearn._loss.loss", "sklearn._loss.link"], "adds to predictions of another form")
    kind = "Classifier" if type(owner).__name__.endswith("Classifier") else "Regressor"
    require(name_of(type(init)) == f"sklearn.dummy.Dummy{kind}", "adds to predictions of an estimator of your own")
    first = 1
    if kind == "Classifier" and getattr(loss, "is_multiclass", False):
        require(init._strategy == "prior" and type(init.class_prior_) is np.ndarray, "adds to other predictions")
        require(init.class_prior_.ndim == 1, "adds to predictions of another form")
        first = len(init.class_prior_)
    require(isinstance(init.n_outputs_, int) and init.n_outputs_ == 1, "adds to predictions of another form")
    require(width == first, "is one of too many")


def _check_histograms(owner: Any, fields: dict[str, Any]) -> None:
    iterations, columns = fields["_predictors"], _columns_of(owner)
    require(type(iterations) is list and all(type(stage) is list for stage in iterations), "is not in a list")
    require(
        "_in_fit" not in fields, "is with an estimator that says it is not fitted yet"
    )  # then rows are not looked at
    bins = fields["_bin_mapper"]
    categorical = bins.is_categorical_
    require(name_of(type(bins)).endswith(".binning._BinMapper"), "is without its bins")
    require(type(categorical) is np.ndarray and categorical.shape == (columns,), _COLUMNS)
    for predictor in (predictor for stage in iterations for predictor in stage):
        require(name_of(type(predictor)) == PREDICTOR, "is none")
        nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
        require(within(nodes["feature_idx"], columns), _COLUMNS)
        asked = nodes["feature_idx"][nodes["is_categorical"] != 0]
        require(bool(np.all(categorical[asked])), "asks for categories that are not there")
    if fields["_preprocessor"] is not None:
        _check_preprocessor(fields["_preprocessor"], columns)


def _check_preprocessor(preprocessor: Any, columns: int) -> None:
    """Refuse one that may give the trees fewer columns than it gets: nothing looks at its answer."""
    from sklearn.utils.validation import check_array

    require(name_of(type(preprocessor)) == "sklearn.compose._column_transformer.ColumnTransformer", _COLUMNS)
    (encoder_name, encoder, mask), (others_name, others, rest), *dropped = preprocessor.transformers_
    require(all(kind == "drop" for _, kind, _ in dropped), _COLUMNS)
    require(preprocessor.transformer_weights is None and preprocessor.n_features_in_ == columns, _COLUMNS)
    require(type(mask) is np.ndarray and mask.dtype == bool and mask.shape == (columns,), _COLUMNS)
    require(type(rest) is np.ndarray and rest.dtype == bool and np.array_equal(rest, ~mask), _COLUMNS)
    require(name_of(type(encoder)) == "sklearn.preprocessing._encoders.OrdinalEncoder", _COLUMNS)
    places = preprocessor._transformer_to_input_indices  # of a frame, by name
    for name, chosen in ((encoder_name, mask), (others_name, rest)):
        require(np.array_equal(places[name], np.flatnonzero(chosen)), _COLUMNS)
    names = getattr(preprocessor, "feature_names_in_", None)
    require(names is None or (names.shape == (columns,) and all(isinstance(name, str) for name in names)), _COLUMNS)
    if mask.all():  # the other one gets nothing, and is not fitted
        return
    require(name_of(type(others)) == "sklearn.preprocessing._function_transformer.FunctionTransformer", _COLUMNS)
    same = others.func.func is check_array and not others.func.args and not others.kw_args
    require(same and {*others.func.keywords} <= {"dtype", "ensure_all_finite"}, _COLUMNS)


def _columns_of(owner: Any) -> int:
    """Return how many columns an estimator asks its users for; anything but a number may equal what it is not."""
    columns: Any = getattr(owner, "n_features_in_", None)
    require(isinstance(columns, (int, np.integer)), _COLUMNS)
    return int(columns)


def _length(subset: Any, columns: int) -> int:
    """Return of how many columns a subset is, which must be their numbers: some of a forest gives all of them."""
    numbers = type(subset) is np.ndarray and subset.ndim == 1 and subset.dtype.kind in "iu"
    require(numbers and len(subset) <= columns, _COLUMNS)
    return len(subset)

"""What holds of the numbers of a tree of scikit-learn, which follows them without looking.

Those of a tree that it has grown itself keep these rules: children come behind their parent, each has one parent, no
path is longer than the tree says, and columns and rows are there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from argosy.errors import MaterializerError
from argosy.materializers.sklearn_family.trust import KD_TREE, TRUSTED

_LEAF = -1
_Numbers = npt.NDArray[Any]


def check_tree(tree: Any) -> None:
    """Look at a ``Tree``."""
    require(0 < tree.node_count <= tree.capacity, "says that it has nodes it has not")  # or reading them reads beyond
    require(tree.n_outputs > 0 and tree.max_n_classes > 0, "has no values")
    nodes = tree.__getstate__()["nodes"]
    inner = nodes["left_child"] != _LEAF
    _check_nodes(nodes["left_child"], nodes["right_child"], inner)
    require(int(tree.compute_node_depths().max()) - 1 <= tree.max_depth, "is deeper than it says")
    require(within(nodes["feature"][inner], tree.n_features), "asks for columns that are not there")


def check_predictor(predictor: Any) -> None:
    """Look at a ``TreePredictor``."""
    nodes, sets = predictor.nodes, (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets)
    # What is masked here is not masked there.
    require(all(type(array) is np.ndarray for array in (nodes, *sets)), "has arrays of another kind")
    inner = nodes["is_leaf"] == 0
    _check_nodes(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), inner)
    categorical = inner & (nodes["is_categorical"] != 0)
    for bitsets in sets:
        require(within(nodes["bitset_idx"][categorical], len(bitsets)), "asks for categories that are not there")
        require(bitsets.ndim == 2 and bitsets.shape[1] == 8, "has categories of another form")


def _check_nodes(left: _Numbers, right: _Numbers, inner: _Numbers) -> None:
    """Refuse nodes that do not form a tree."""
    count = len(inner)
    require(count > 0, "has no nodes")
    parents = np.flatnonzero(inner)
    children = np.concatenate([left[inner], right[inner]])
    behind = bool(np.all(children > np.concatenate([parents, parents])))
    require(behind and within(children, count), "has children that are not there")
    one_each = len(children) == count - 1 and bool(np.all(np.bincount(children, minlength=count)[1:] == 1))
    require(one_each, "has a node without one parent")


def check_neighbours(tree: Any) -> None:
    """Look at a ``KDTree`` or ``BallTree``."""
    state = tree.__getstate__()
    data, rows, nodes, bounds = map(np.asarray, state[:4])
    leaf_size, n_nodes, metric, weights = state[4], state[6], state[11], state[12]
    count, nodes_count = len(data), len(nodes)
    require(count > 0 and nodes_count > 0, "has no nodes")
    require(n_nodes == nodes_count and leaf_size > 0, "says that it has nodes it has not")
    require(name_of(type(metric)) in TRUSTED, "has no metric")
    require(len(rows) == count and within(rows, count), "names rows that are not there")
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    require(starts[0] == 0 and ends[0] == count, "names rows that are not there")
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    left, right = 2 * inner + 1, 2 * inner + 2
    require(bool(np.all(right < nodes_count)), "has children that are not there")
    parted = (starts[left] == starts[inner]) & (ends[left] == starts[right]) & (ends[right] == ends[inner])
    ordered = (starts >= 0) & (starts <= ends) & (ends <= count)
    require(bool(np.all(parted)) and bool(np.all(ordered)), "names rows that are not there")
    sides = 2 if name_of(type(tree)) == KD_TREE else 1
    require(bounds.shape == (sides, nodes_count, data.shape[1]), "has bounds of another form")
    require(weights is None or len(weights) == count, "has weights of other rows")


def name_of(cls: type) -> str:
    """Return the name skops gives a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def within(indices: _Numbers, count: int) -> bool:
    """Whether all of these are indices of so many things."""
    return bool(np.all((indices >= 0) & (indices < count)))


def require(holds: bool, defect: str) -> None:
    """Refuse a tree of which this does not hold."""
    if not holds:
        raise MaterializerError(f"a tree in it {defect}")

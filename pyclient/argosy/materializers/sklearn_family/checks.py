"""Looks at trees that were loaded before anything follows them, which scikit-learn does not; so skops leaves them out.

A tree is arrays of numbers, of which some are indices of its nodes, of columns or of rows. What holds of them is said
in ``nodes``, and of the estimators around them in ``owners``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from argosy.errors import MaterializerError
from argosy.materializers.sklearn_family.nodes import check_neighbours, check_predictor, check_tree, name_of
from argosy.materializers.sklearn_family.owners import check_owner
from argosy.materializers.sklearn_family.trust import BALL_TREE, KD_TREE, PREDICTOR, TREE


def check_trees(estimator: object, expected: int) -> None:
    """Look at every tree of an estimator, however deep it lies.

    Args:
        estimator: what was loaded, or is to be saved.
        expected: how many trees its file has: one that is not found is not looked at.

    Raises:
        MaterializerError: a tree leads out of its arrays, or is not where one is looked for.
    """
    if not expected:
        return
    try:
        found = sum(map(_check, _parts_of(estimator)))
    except MaterializerError:
        raise
    except Exception as error:  # fields of other types than scikit-learn gives them
        raise MaterializerError(f"a tree in it cannot be looked at: {error!r}") from error
    if found < expected:
        raise MaterializerError(f"{expected - found} of {expected} trees in it cannot be looked at")


def freeze_indices(estimator: object) -> None:
    """Let nothing that was loaded with trees change the numbers they were looked at for.

    A function that a pipeline calls may write its answer into an array (``out=``) that is also one of a tree.
    """
    for part in _parts_of(estimator):
        if name_of(type(part)) in (KD_TREE, BALL_TREE):
            arrays = part.get_arrays()
        else:
            arrays = [getattr(part, "is_categorical_", None)]
        for array in arrays:
            if isinstance(array, np.ndarray):
                array.setflags(write=False)


def _check(part: Any) -> bool:
    """Look at a part of an estimator; tell whether it is a tree."""
    check = _CHECKS.get(name_of(type(part)))
    if check is not None:
        check(part)
    check_owner(part)
    return check is not None


def _parts_of(value: object) -> Iterator[Any]:
    """Yield a value and everything it is made of, each once."""
    seen: dict[int, object] = {}
    stack = [value]
    while stack:
        part = stack.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, complex, type)):
            continue
        seen[id(part)] = part  # kept, so that no other object gets its id meanwhile
        yield part
        stack += _members_of(part)


def _members_of(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.values()
        yield getattr(part, "default_factory", None)
    elif isinstance(part, (list, tuple, set, frozenset)):
        yield from part
    elif isinstance(part, np.ndarray):
        yield from (
            np.asarray(part).ravel().tolist() if part.dtype == object else ()
        )  # of a masked one what is masked, too
    elif isinstance(part, partial):
        yield from (part.func, part.args, part.keywords)
    yield from getattr(part, "__dict__", {}).values()


_CHECKS: Mapping[str, Callable[[Any], None]] = {
    TREE: check_tree,
    PREDICTOR: check_predictor,
    KD_TREE: check_neighbours,
    BALL_TREE: check_neighbours,
}

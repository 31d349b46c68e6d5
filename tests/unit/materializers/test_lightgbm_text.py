"""Texts of LightGBM that nobody's LightGBM wrote, looked at without it."""

from __future__ import annotations

import tracemalloc

import pytest

from argosy.errors import MaterializerError
from argosy.materializers.model_family.lightgbm_text import check_text

TREE = b"""Tree=0
num_leaves=2
num_cat=0
split_feature=5
threshold=0.5
decision_type=2
left_child=-1
right_child=-2
leaf_value=1 2
"""


def text_of(tree: bytes, highest_feature: int = 9) -> bytes:
    head = b"tree\nnum_tree_per_iteration=1\nmax_feature_idx=%d\ntree_sizes=%d\n\n" % (highest_feature, len(tree))
    return head + tree + b"end of trees\n\npandas_categorical:null\n"


def test_a_model_that_names_a_billion_features_is_looked_at_without_memory_for_them() -> None:
    tracemalloc.start()
    try:
        check_text(text_of(TREE, 999_999), "model.txt")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    check_text(text_of(TREE, 999_999_999), "model.txt")


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        (b"num_cat=0\n", b"num_cat=-1\ncat_boundaries=\ncat_threshold=\n"),
        (b"num_leaves=2\n", b""),
        (b"split_feature=5\n", b"split_feature=10\n"),
        (b"split_feature=5\n", b"split_feature=-1\n"),
    ],
    ids=["fewer categories than none", "no leaves", "a feature too many", "a feature before the first"],
)
def test_a_tree_that_contradicts_itself_is_refused(line: bytes, changed: bytes) -> None:
    assert line in TREE
    with pytest.raises(MaterializerError, match=r"model\.txt has a malformed tree 0"):
        check_text(text_of(TREE.replace(line, changed)), "model.txt")

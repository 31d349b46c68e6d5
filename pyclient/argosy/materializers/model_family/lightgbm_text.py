"""Whether a text is a whole model of LightGBM, found out before LightGBM reads it.

LightGBM reads trees in threads of its own, and ends the process over one it does not understand; what leads beyond the
end of a list it follows, when it predicts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from argosy.errors import MaterializerError

_TREE_SIZES = re.compile(rb"^tree_sizes=([0-9 ]*)$", re.MULTILINE)
_HIGHEST_FEATURE = re.compile(rb"^max_feature_idx=([0-9]{1,9})$", re.MULTILINE)
_TREES_OF_A_ROUND = re.compile(rb"^num_tree_per_iteration=([1-9][0-9]{0,8})$", re.MULTILINE)
_LINE = re.compile(
    rb"[A-Za-z_]+=(?: |[-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-2]?[0-9]{1,2}|e\+300)?|nan|inf)(?: |$))*"
)
"""Numbers after a name; of larger exponents than LightGBM writes it ends the process, too."""
_OF_SPLITS = (b"split_feature", b"threshold", b"left_child", b"right_child")
_PERHAPS_OF_SPLITS = (b"decision_type", b"split_gain", b"internal_value", b"internal_weight", b"internal_count")
_PERHAPS_OF_LEAVES = (b"leaf_weight", b"leaf_count")


def check_text(content: bytes, path: str) -> None:
    """Refuse a text that is no whole model.

    Args:
        content: the text.
        path: what the file is called.

    Raises:
        MaterializerError: a tree is not where the text says it is, or leads out of itself.
    """
    position = content.find(b"\n\n") + 2
    header = content[:position]
    sizes, highest, round_ = (part.search(header) for part in (_TREE_SIZES, _HIGHEST_FEATURE, _TREES_OF_A_ROUND))
    if not content.startswith(b"tree\n") or not (sizes and highest and round_):
        raise MaterializerError(f"{path} is not the text of a LightGBM model")
    ends = list(accumulate(map(int, sizes[1].split()), initial=position))
    for number, start in enumerate(ends[:-1]):
        if not content.startswith(b"Tree=%d\n" % number, start):
            raise MaterializerError(f"{path} lacks its tree {number}")
    is_whole = content.startswith(b"end of trees\n", ends[-1]) and content.find(b"\npandas_categorical:", ends[-1]) > 0
    if not is_whole or (len(ends) - 1) % int(round_[1]):
        raise MaterializerError(f"{path} is cut off")
    for number, (start, end) in enumerate(pairwise(ends)):
        try:
            _check_tree(_fields(content[start:end]), int(highest[1]))
        except (LookupError, ValueError) as error:
            raise MaterializerError(f"{path} has a malformed tree {number}: {error}") from error


def _fields(tree: bytes) -> dict[bytes, Sequence[bytes]]:
    """Return the numbers in each line of a tree.

    Raises:
        ValueError: a line is none, or there twice.
    """
    fields: dict[bytes, Sequence[bytes]] = {}
    for line in tree.rstrip(b"\n").split(b"\n"):
        name, _, text = line.partition(b"=")
        if not _LINE.fullmatch(line) or name in fields:
            raise ValueError(f"{line[:60].decode(errors='replace')!r} is no line of a tree")
        fields[name] = text.split()
    return fields


def _check_tree(fields: Mapping[bytes, Sequence[bytes]], highest_feature: int) -> None:
    """Check one tree.

    Raises:
        LookupError: it lacks a field, or a field lacks what it must have.
        ValueError: a field is of another length, or leads to what is not there.
    """
    (leaves,), (categories,) = map(int, fields[b"num_leaves"]), map(int, fields[b"num_cat"])
    _check_length(fields, b"leaf_value", leaves)
    if fields.get(b"is_linear", [b"0"]) != [b"0"]:
        _check_linear(fields, leaves, highest_feature)
    if leaves == 1:
        return
    for name in (*_OF_SPLITS, *fields.keys() & _PERHAPS_OF_SPLITS):
        _check_length(fields, name, leaves - 1)
    for name in fields.keys() & _PERHAPS_OF_LEAVES:
        _check_length(fields, name, leaves)
    _check_features(fields, b"split_feature", highest_feature)
    below = sorted(map(int, [*fields[b"left_child"], *fields[b"right_child"]]))
    if below != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise ValueError("left_child and right_child do not lead to each part once")
    _check_categories(fields, categories)


def _check_linear(fields: Mapping[bytes, Sequence[bytes]], leaves: int, highest_feature: int) -> None:
    for name in (b"leaf_const", b"num_features"):
        _check_length(fields, name, leaves)
    counts = [*map(int, fields[b"num_features"])]
    for name in (b"leaf_features", b"leaf_coeff"):
        _check_length(fields, name, sum(counts))
    if min(counts) < 0:
        raise ValueError("num_features counts less than none")
    _check_features(fields, b"leaf_features", highest_feature)


def _check_categories(fields: Mapping[bytes, Sequence[bytes]], categories: int) -> None:
    kinds = zip(fields.get(b"decision_type", ()), fields[b"threshold"], strict=False)
    places = [float(threshold) for kind, threshold in kinds if int(kind) & 1]
    if any(not 0 <= place < categories for place in places):
        raise ValueError("threshold names categories that are not there")
    if categories:
        _check_length(fields, b"cat_boundaries", categories + 1)
        ends = [*map(int, fields[b"cat_boundaries"])]
        if ends != sorted(ends) or ends[0] != 0 or ends[-1] != len(fields[b"cat_threshold"]):
            raise ValueError("cat_boundaries do not fit cat_threshold")


def _check_features(fields: Mapping[bytes, Sequence[bytes]], name: bytes, highest: int) -> None:
    if any(not 0 <= int(feature) <= highest for feature in fields[name]):
        raise ValueError(f"{name.decode()} names a feature that is not there")


def _check_length(fields: Mapping[bytes, Sequence[bytes]], name: bytes, length: int) -> None:
    if len(fields[name]) != length:
        raise ValueError(f"{name.decode()} has {len(fields[name])} numbers instead of {length}")

"""Which dicts are kept as a file of tensors; asked of every dict, so nothing is imported for it."""

from __future__ import annotations

import sys
from collections import OrderedDict

from argosy.materializers.base import type_name

_TENSORS = ("torch:Tensor", "torch.nn.parameter:Parameter")


def is_state_dict(value: object) -> bool:
    """Tell whether a value is a dict of names and tensors of PyTorch, and nothing else."""
    if "torch" not in sys.modules or type(value) not in (dict, OrderedDict) or not value:
        return False
    assert isinstance(value, dict)
    return all(type(key) is str and type_name(type(item)) in _TENSORS for key, item in value.items())

"""Tensors of PyTorch in one safetensors file, and what the file alone does not say of them, in its header.

The member ``argosy`` of the header's ``__metadata__`` is JSON: ``names`` (all of them, in their order), ``parameters``
(those that are a ``Parameter``), ``requires_grad`` (names), and ``shared`` (name -> name of the tensor in the file that
has its memory), with ``views`` naming those of the shared ones that are objects of their own.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from argosy.errors import MaterializerError
from argosy.materializers.base import type_name
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "model.safetensors"
_KEY = "argosy"
_RESERVED = "__metadata__"
"""safetensors writes a tensor of this name, and then cannot read the file."""


def write_tensors(tensors: Mapping[str, torch.Tensor], files: FileSink, facts: Mapping[str, Any] | None = None) -> None:
    """Write tensors into one file; of those that are the same memory one is written.

    Args:
        tensors: by their names.
        files: receives the file.
        facts: what else is kept in the header, as JSON.

    Raises:
        CannotKeepError: safetensors has no form for one of them.
        MaterializerError: one is the result of a computation, or two share a part of their memory.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import save_file
    except ImportError as error:
        raise CannotKeepError("keeping tensors needs safetensors: pip install 'argosy[torch]'") from error
    if _RESERVED in tensors:
        raise CannotKeepError(f"a tensor is called {_RESERVED!r}, which is the header's own name for other things")
    for name, tensor in tensors.items():
        _check(name, tensor)
    shared = _shared(tensors)
    described = {
        "names": list(tensors),
        "parameters": [name for name, tensor in tensors.items() if type(tensor) is torch.nn.Parameter],
        "requires_grad": [name for name, tensor in tensors.items() if tensor.requires_grad],
        "shared": shared,
        "views": [name for name, other in shared.items() if tensors[name] is not tensors[other]],
        **(facts or {}),
    }
    uses = Counter(tensor.untyped_storage().data_ptr() for name, tensor in tensors.items() if name not in shared)
    written = {}
    for name, tensor in tensors.items():
        if name in shared:
            continue
        plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        # Parts of one memory that do not overlap: safetensors would refuse them all.
        is_part = tensor.numel() > 0 and uses[tensor.untyped_storage().data_ptr()] > 1
        written[name] = plain.clone() if is_part and plain.data_ptr() == tensor.data_ptr() else plain
    local = files.temporary_directory() / FILE
    try:
        save_file(written, local, {"format": "pt", _KEY: json.dumps(described, ensure_ascii=False)})
    except (SafetensorError, KeyError, ValueError, RuntimeError, UnicodeError) as error:
        raise CannotKeepError(f"safetensors refuses the tensors: {type(error).__name__}: {error}") from error
    files.write_file(FILE, local)


def read_tensors(files: FileSource) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return what was written, on the CPU, and the further facts of the header.

    Of a file that somebody else wrote, the tensors come in the order of the file, and no facts.

    Raises:
        MaterializerError: the file is malformed.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with local_copy(files, FILE) as local, safe_open(local, framework="pt", device="cpu") as opened:
            header = opened.metadata() or {}
            # Each is a private mapping of its part of the file: the disk is read when it is used.
            tensors: dict[str, Any] = {name: opened.get_tensor(name) for name in opened.offset_keys()}
    except (SafetensorError, ValueError, RuntimeError, OSError) as error:
        raise MaterializerError(f"{FILE} is no safetensors file: {error}") from error
    if _KEY not in header:
        return tensors, {}
    try:
        described: dict[str, Any] = json.loads(header[_KEY])
        return _restored(tensors, described), described
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise MaterializerError(f"the header of {FILE} describes other tensors than it holds: {error!r}") from error


def facts_of(tensors: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Return how many numbers tensors hold, the bytes of those, and of which dtypes they are."""
    return {
        "parameters": sum(tensor.numel() for tensor in tensors),
        "size_bytes": sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        "dtypes": sorted({short(tensor.dtype) for tensor in tensors}),
        "devices": sorted({str(tensor.device) for tensor in tensors}),
    }


def short(dtype: torch.dtype) -> str:
    """Return the name of a dtype: ``bfloat16``."""
    return str(dtype).removeprefix("torch.")


def _restored(tensors: dict[str, Any], described: dict[str, Any]) -> dict[str, torch.Tensor]:
    names, shared = described["names"], described["shared"]
    if {*names} != {*tensors} | {*shared} or {*tensors} & {*shared}:
        raise KeyError("names")
    requires_grad = {*described["requires_grad"]}
    parameters, views = {*described["parameters"]}, {*described["views"]}

    def finished(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name in parameters:
            return torch.nn.Parameter(tensor, name in requires_grad)
        return tensor.requires_grad_(name in requires_grad)

    made = {name: finished(name, tensor) for name, tensor in tensors.items()}
    for name, other in shared.items():
        made[name] = finished(name, made[other].detach()) if name in views else made[other]
    return {name: made[name] for name in names}


def _check(name: str, tensor: torch.Tensor) -> None:
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        raise CannotKeepError(f"{name!r} is a {type_name(type(tensor))}, which safetensors would not bring back")
    if not tensor.is_leaf:
        raise MaterializerError(
            f"the tensor {name!r} is the result of a computation that gradients flow through (grad_fn), which no file "
            "keeps; save tensor.detach()"
        )
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
        kind = "quantized" if tensor.is_quantized else "meta" if tensor.is_meta else str(tensor.layout)
        raise CannotKeepError(f"the tensor {name!r} is {kind}; safetensors keeps dense tensors with data")
    if vars(tensor):
        raise CannotKeepError(f"the tensor {name!r} has attributes of its own: {', '.join(vars(tensor))}")


def _shared(tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Return each tensor that is the memory of an earlier one, with the name of that.

    Raises:
        MaterializerError: two overlap without being the same.
    """
    same: dict[str, str] = {}
    first: dict[tuple[Any, ...], str] = {}
    for name, tensor in tensors.items():
        if tensor.numel():
            form = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            former = first.setdefault(form, name)
            if former != name:
                same[name] = former
    spans = sorted(
        (str(tensor.device), tensor.data_ptr(), tensor.data_ptr() + _span(tensor), name)
        for name, tensor in tensors.items()
        if tensor.numel() and name not in same
    )
    for (device, _, end, name), (next_device, start, _, other) in itertools.pairwise(spans):
        if device == next_device and start < end:
            raise MaterializerError(
                f"the tensors {name!r} and {other!r} share a part of their memory, which files would not bring back; "
                "save a clone() of one, or one tensor that holds both"
            )
    return same


def _span(tensor: torch.Tensor) -> int:
    """Return the bytes from the first element in memory to behind the last one."""
    steps = sum((length - 1) * step for length, step in zip(tensor.shape, tensor.stride(), strict=True))
    return int((steps + 1) * tensor.element_size())

"""PyTorch tensors and state dicts: format ``safetensors``, one file ``model.safetensors``.

They come back on the CPU, with dtype, ``requires_grad`` and shared memory; gradients (``tensor.grad``) and strides are
not kept.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.model_family.safetensors_ import FILE, facts_of, read_tensors, short, write_tensors
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.previews.csv_table import table

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

_NAME = "tensor"
"""What the one tensor of a file is called."""
_MOST_COPIED = 1 << 20
_UNKNOWN_TO_NUMPY = frozenset(
    getattr(torch, name)
    for name in ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu")
    if hasattr(torch, name)
)


class TensorMaterializer(BuiltinMaterializer[Any]):
    """Keeps tensors and parameters."""

    id = "argosy.torch"
    types = (torch.Tensor,)
    format = "safetensors"

    def save(self, value: torch.Tensor, files: FileSink) -> None:
        """Write the tensor; of another device, a copy.

        Raises:
            CannotKeepError: safetensors has no form for it (sparse, quantized, complex128, a subclass).
            MaterializerError: it is the result of a computation that gradients flow through.
        """
        write_tensors({_NAME: value}, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> torch.Tensor:
        """Read the tensor.

        Raises:
            MaterializerError: the file is malformed, or holds another number of tensors.
        """
        tensors, _ = read_tensors(files)
        if len(tensors) != 1:
            raise MaterializerError(f"{FILE} was saved as one tensor and holds {len(tensors)}")
        return next(iter(tensors.values()))

    def extract_metadata(self, value: torch.Tensor) -> dict[str, JSON]:
        """Return shape, dtype, size, device and whether gradients are computed."""
        return {
            "shape": list(value.shape),
            "dtype": short(value.dtype),
            "size": value.numel(),
            "size_bytes": value.numel() * value.element_size(),
            "device": str(value.device),
            "requires_grad": value.requires_grad,
        }

    def visualize(self, value: torch.Tensor) -> dict[str, bytes]:
        """Return how the values are spread, and an image where they are one, as of arrays."""
        from argosy.materializers.previews.arrays import array_previews

        plain = value.detach().resolve_conj().resolve_neg()
        if value.device.type != "cpu" or plain.dtype in _UNKNOWN_TO_NUMPY:
            # A copy on the CPU, which only some values are taken for.
            plain = plain.reshape(-1)[:_MOST_COPIED].cpu()
            plain = plain.float() if plain.dtype in _UNKNOWN_TO_NUMPY else plain
        return array_previews(plain.numpy())


class StateDictMaterializer(BuiltinMaterializer[Any]):
    """Keeps dicts of names and tensors, such as ``module.state_dict()``, with the versions of modules it tells."""

    id = "argosy.torch_state"
    types = (dict,)
    format = "safetensors"

    def save(self, value: dict[str, torch.Tensor], files: FileSink) -> None:
        """Write all tensors into one file.

        Raises:
            CannotKeepError: safetensors has no form for one of them.
            MaterializerError: one is the result of a computation, or two share a part of their memory.
        """
        if type(value) not in (dict, OrderedDict) or not all(isinstance(item, torch.Tensor) for item in value.values()):
            raise CannotKeepError("it is no dict of names and tensors")
        facts: dict[str, Any] = {"ordered": type(value) is OrderedDict}
        attributes = dict(getattr(value, "__dict__", {}))
        if "_metadata" in attributes:
            facts["versions"] = JsonEncoder(None).encode(attributes.pop("_metadata"))
        if attributes:
            raise CannotKeepError(f"the dict has attributes of its own: {', '.join(attributes)}")
        write_tensors(value, files, facts)

    def load(self, files: FileSource, as_type: type[Any] | None) -> dict[str, torch.Tensor]:
        """Read the dict; also the weights of a module, and a file of any other program.

        Raises:
            MaterializerError: the file is malformed.
        """
        tensors, facts = read_tensors(files)
        if not facts.get("ordered"):
            return tensors
        ordered: Any = OrderedDict(tensors)
        if "versions" in facts:
            ordered._metadata = JsonDecoder(None).decode(json.dumps(facts["versions"]))
        restored: dict[str, torch.Tensor] = ordered
        return restored

    def extract_metadata(self, value: dict[str, torch.Tensor]) -> dict[str, JSON]:
        """Return the numbers of tensors and parameters, bytes, dtypes and devices."""
        return {"tensors": len(value), **facts_of(list(value.values()))}

    def visualize(self, value: dict[str, torch.Tensor]) -> dict[str, bytes]:
        """Return a table of the first 1000 tensors: names, shapes and dtypes."""
        rows = [(name, "x".join(map(str, item.shape)), short(item.dtype)) for name, item in islice(value.items(), 1000)]
        return {"tensors.csv": table(("name", "shape", "dtype"), rows)}

"""PyTorch modules: format ``torch-module``, weights in ``model.safetensors``, the rest in ``module.json``.

A module is the tree of its modules: the class of each, and its attributes. At loading the classes are imported by their
names and get their attributes back; no constructor runs, and nothing is unpickled. ``module.json`` is::

    {"modules": [{"class": "torch.nn.modules.linear:Linear", "state": {"in_features": 4, ...}}, ...]}

where the first is the whole, and a tensor, module, dtype or function of PyTorch among attributes is a ``$value`` with
the one member ``tensor`` (its name in the file of weights), ``module`` (its number), ``dtype``, ``device`` or
``function``.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, type_name
from argosy.materializers.class_references import find_class, is_importable
from argosy.materializers.class_source import source_digest
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import write_document
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.model_family.safetensors_ import facts_of, read_tensors, write_tensors
from argosy.materializers.nesting import CannotKeepError, LeafLoader, LeafSaver, NestingMaterializer
from argosy.materializers.packages import VersionDriftWarning

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

DOCUMENT = "module.json"

_FRESH = vars(nn.Module())
"""What every module has; only what differs is kept."""
_HOOKS = tuple(name for name in _FRESH if name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called")))
_FUNCTIONS = (nn.functional, torch)
"""Where functions that modules hold (``activation=F.relu``) are looked up by name, and nowhere else."""
_MOST_TEXT = 20_000


class ModuleMaterializer(NestingMaterializer[Any]):
    """Keeps modules: weights, buffers, settings and the modules inside."""

    id = "argosy.torch_module"
    types = (nn.Module,)
    format = "torch-module"
    packages = ("torch",)

    def save_nested(self, value: nn.Module, files: FileSink, leaves: LeafSaver) -> None:
        """Write weights and attributes.

        Raises:
            CannotKeepError: it has hooks, a class that cannot be imported, or a tensor safetensors has no form for.
            MaterializerError: an attribute cannot be kept; names it.
        """
        parts = _Parts(value, leaves)
        document: list[JSON] = [parts.describe(path, module) for path, module in parts.modules.items()]
        write_tensors(parts.tensors, files)
        write_document({"modules": document}, files, DOCUMENT)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> nn.Module:
        """Make the module again, on the CPU.

        Raises:
            MaterializerError: a class cannot be found here or is no module, or the files are malformed.
        """
        tensors, _ = read_tensors(files)
        content = files.read(DOCUMENT)
        try:
            names = [item["class"] for item in json.loads(content)["modules"]]
        except (ValueError, KeyError, TypeError) as error:
            raise MaterializerError(f"{DOCUMENT} does not describe a module: {error!r}") from error
        made = [_empty(name, leaves.hint) for name in names]
        found = _FoundParts(made, tensors, leaves)
        document = JsonDecoder(found).decode(content)
        try:
            for module, item in zip(made, document["modules"], strict=True):
                _fill(module, item)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MaterializerError(f"{DOCUMENT} does not describe a module: {error!r}") from error
        if not made:
            raise MaterializerError(f"{DOCUMENT} describes no module")
        return made[0]

    def extract_metadata(self, value: nn.Module) -> dict[str, JSON]:
        """Return the class, the numbers of modules and parameters, how many are trained, bytes, dtypes and devices."""
        parameters = list(value.parameters())
        return {
            "module": type(value).__qualname__,
            "modules": sum(1 for _ in value.modules()),
            "trainable_parameters": sum(item.numel() for item in parameters if item.requires_grad),
            **facts_of([*parameters, *value.buffers()]),
            "parameters": sum(item.numel() for item in parameters),
        }

    def visualize(self, value: nn.Module) -> dict[str, bytes]:
        """Return the tree of modules as text."""
        text = repr(value)
        return {"module.txt": (text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…").encode()}


class _Parts(LeafSaver):
    """What attributes of a tree of modules refer to: its modules and tensors; other parts go to ``leaves``."""

    def __init__(self, root: nn.Module, leaves: LeafSaver) -> None:
        self.path, self._leaves = leaves.path, leaves
        self.modules = {f"{leaves.path}.{name}".rstrip("."): module for name, module in root.named_modules()}
        for module in self.modules.values():
            _check(module)
        self.tensors: dict[str, torch.Tensor] = {
            **dict(root.named_parameters(remove_duplicate=False)),
            **dict(root.named_buffers(remove_duplicate=False)),
        }
        self._numbers = {id(module): number for number, module in enumerate(self.modules.values())}
        self._names = {id(tensor): name for name, tensor in reversed(self.tensors.items())}

    def wants(self, value: object) -> bool:
        """Leave dicts of tensors to the document: those of a module are its parameters."""
        return False

    def describe(self, path: str, module: nn.Module) -> dict[str, JSON]:
        """Return class and state of one module."""
        self.path = path
        state: Any = module.__getstate__() if hasattr(type(module), "__getstate__") else vars(module)
        if not isinstance(state, dict):
            raise CannotKeepError(f"__getstate__ of {type_name(type(module))} returns no dict of attributes")
        changed = {name: item for name, item in state.items() if name not in _FRESH or item != _FRESH[name]}
        described: dict[str, JSON] = {"class": type_name(type(module)), "state": JsonEncoder(self).members(changed)}
        source = source_digest(type(module))
        return {**described, "source": source} if source else described

    def save(self, value: object, path: str) -> JSON:
        """Return what stands for a part."""
        if isinstance(value, nn.Module):
            number = self._numbers.get(id(value))
            if number is None:
                raise MaterializerError(
                    f"{path} is a module that its owner does not know as one, so that parameters() lacks its weights; "
                    "hold it in an attribute of its own, an nn.ModuleList or an nn.ModuleDict"
                )
            return {"$value": {"module": number}}
        if isinstance(value, torch.Tensor):
            name = self._names.setdefault(id(value), f"/{path}")  # no name of a parameter begins so
            self.tensors.setdefault(name, value)
            return {"$value": {"tensor": name}}
        if isinstance(value, torch.dtype):
            return {"$value": {"dtype": str(value).removeprefix("torch.")}}
        if isinstance(value, torch.device):
            return {"$value": {"device": str(value)}}
        if isinstance(value, torch.Size):
            return {"$value": {"size": [*value]}}
        name = getattr(value, "__name__", "")
        if name and any(getattr(home, name, None) is value for home in _FUNCTIONS) and not isinstance(value, type):
            return {"$value": {"function": name}}
        return self._leaves.save(value, path)


class _FoundParts(LeafLoader):
    """The modules and tensors that attributes refer to; other parts come from ``leaves``."""

    def __init__(self, modules: list[nn.Module], tensors: dict[str, torch.Tensor], leaves: LeafLoader) -> None:
        self.data_type, self.hint = leaves.data_type, leaves.hint
        self._modules, self._tensors, self._leaves = modules, tensors, leaves

    def load(self, reference: object) -> object:
        """Return the part that stands behind a reference.

        Raises:
            MaterializerError: there is none.
        """
        if not isinstance(reference, dict) or len(reference) != 1:
            return self._leaves.load(reference)
        try:
            match reference:
                case {"module": int(number)} if number >= 0:
                    return self._modules[number]
                case {"tensor": str(name)}:
                    return self._tensors[name]
                case {"dtype": str(name)} if isinstance(getattr(torch, name), torch.dtype):
                    return getattr(torch, name)
                case {"device": str(name)}:
                    return torch.device(name)
                case {"size": list(lengths)}:
                    return torch.Size(lengths)
                case {"function": str(name)}:
                    return _function(name)
        except (LookupError, AttributeError, RuntimeError, TypeError) as error:
            raise MaterializerError(f"{DOCUMENT} refers to {reference!r:.200}, which is not there") from error
        raise MaterializerError(f"{DOCUMENT} refers to {reference!r:.200}, which this version does not know")


def _function(name: str) -> Any:
    for home in _FUNCTIONS:
        found = getattr(home, name, None)
        if callable(found) and not isinstance(found, type) and not name.startswith("_"):
            return found
    raise AttributeError(name)


def _check(module: nn.Module) -> None:
    cls = type(module)
    if isinstance(module, torch.jit.ScriptModule):
        raise CannotKeepError(f"{type_name(cls)} is compiled; save the module it was made of")
    if hasattr(module, "_orig_mod"):
        raise MaterializerError(f"{type_name(cls)} is what torch.compile made; save its _orig_mod, and compile again")
    hooks = [name for name in _HOOKS if getattr(module, name, None)]
    if hooks:
        raise CannotKeepError(f"a {cls.__qualname__} inside has hooks ({hooks[0]}), which are code; remove them first")
    if not is_importable(cls):
        raise CannotKeepError(f"{type_name(cls)} cannot be imported by its name; define it at the top of a module")


def _empty(name: object, hint: object) -> nn.Module:
    cls: Any = find_class(str(name), hint)
    if not issubclass(cls, nn.Module):
        raise MaterializerError(f"{name!r} was saved as a torch.nn.Module, and is none here")
    module = cls.__new__(cls)
    nn.Module.__init__(module)
    return module


def _fill(module: nn.Module, item: dict[str, Any]) -> None:
    cls, recorded = type(module), item.get("source")
    if recorded is not None and source_digest(cls) not in (recorded, None):
        warnings.warn(
            f"{type_name(cls)} is not as it was when the module was saved; its constructor does not run at loading, so "
            "an attribute it has gained is missing: make a new one and load_state_dict(loaded.state_dict()) into it",
            VersionDriftWarning,
            stacklevel=2,
        )
    module.__setstate__({**vars(module), **item["state"]})

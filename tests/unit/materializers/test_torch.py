"""PyTorch: tensors and state dicts as safetensors, modules as weights and attributes; nothing is unpickled."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.class_source import source_digest
from argosy.materializers.packages import VersionDriftWarning
from argosy.materializers.registry import extract_metadata, visualize
from tests.unit.materializers.frameworks import FrameworkContract, require
from tests.unit.materializers.kept import Kept, keep, roundtrip


class TestTorchContract(FrameworkContract):
    library = "torch"
    names = (
        "module",
        "tensor",
        "bfloat16",
        "float8",
        "no dimensions",
        "no elements",
        "transposed",
        "complex",
        "leaf with gradients",
        "parameter",
        "dict of tensors",
        "state dict",
        "recurrent",
        "among other values",
    )
    needs = ("safetensors",)

    def values(self) -> Mapping[str, Any]:
        import torch
        from torch import nn

        torch.manual_seed(7)
        numbers = torch.arange(12.0).reshape(3, 4)
        return {
            "module": _network(),
            "tensor": numbers,
            "bfloat16": numbers.bfloat16(),
            "float8": numbers.to(torch.float8_e4m3fn),
            "no dimensions": torch.tensor(1.5),
            "no elements": torch.zeros(0, 3, dtype=torch.int16),
            "transposed": numbers.T,
            "complex": torch.tensor([1 + 2j, 3]).conj(),
            "leaf with gradients": numbers.clone().requires_grad_(),
            "parameter": nn.Parameter(numbers, requires_grad=False),
            "dict of tensors": {"b": numbers, "a": torch.tensor([True])},
            "state dict": _network().state_dict(),
            "recurrent": nn.LSTM(3, 4, num_layers=2),
            "among other values": {"epoch": 3, "weights": _network().state_dict(), "loss": torch.tensor(0.5)},
        }

    def large_value(self) -> Any:
        import torch

        return {f"layer {number}": torch.full((9_000_000,), float(number)) for number in range(2)}

    def size_bytes(self, value: Any) -> int:
        return 2 * 4 * 9_000_000

    def equal(self, loaded: Any, value: Any) -> bool:
        return _same(loaded, value)


@pytest.fixture(autouse=True)
def _torch() -> None:
    require("torch")


def _network() -> Any:
    from torch import nn
    from torch.nn import functional

    network: Any = nn.Sequential(
        OrderedDict(
            first=nn.Linear(4, 8),
            norm=nn.BatchNorm1d(8),
            encoder=nn.TransformerEncoderLayer(8, 2, 16, activation=functional.gelu, batch_first=True),
            last=nn.Linear(8, 4, bias=False),
        )
    )
    network.last.weight.requires_grad_(False)
    return network.eval()


def _same(loaded: Any, value: Any) -> bool:
    """Whether two values are the same, bit for bit; modules also by what they answer."""
    import torch

    if type(loaded) is not type(value):
        return False
    if isinstance(value, torch.nn.Module):
        inputs = torch.linspace(-1, 1, 12).reshape(3, 4)
        inputs = inputs[:, :3] if isinstance(value, torch.nn.LSTM) else inputs
        answers = [model(inputs) for model in (loaded, value)]
        first, second = [answer[0] if isinstance(answer, tuple) else answer for answer in answers]
        return (
            torch.equal(first, second)
            and repr(loaded) == repr(value)
            and _same(loaded.state_dict(), value.state_dict())
            and [part.training for part in loaded.modules()] == [part.training for part in value.modules()]
            and [part.requires_grad for part in loaded.parameters()] == [p.requires_grad for p in value.parameters()]
        )
    if isinstance(value, dict):
        attributes = getattr(loaded, "__dict__", {}) == getattr(value, "__dict__", {})
        return attributes and list(loaded) == list(value) and all(_same(loaded[key], value[key]) for key in value)
    if isinstance(value, torch.Tensor):
        facts = ("dtype", "shape", "requires_grad", "device")
        return all(getattr(loaded, name) == getattr(value, name) for name in facts) and _bits(loaded) == _bits(value)
    return bool(loaded == value)


def _bits(tensor: Any) -> bytes:
    import torch

    plain = tensor.detach().resolve_conj().contiguous().reshape(-1)
    return bytes(plain.view(torch.uint8).numpy()) if plain.numel() else b""


def test_any_program_reads_the_tensors_and_python_reads_those_of_any_program(tmp_path: Any) -> None:
    import safetensors.torch
    import torch

    numbers = {"w": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(2, dtype=torch.bfloat16)}
    read = safetensors.torch.load(keep(numbers).files["model.safetensors"])
    assert {name: _bits(read[name]) for name in numbers} == {name: _bits(numbers[name]) for name in numbers}
    kept = Kept(keep(numbers).saved, {"model.safetensors": safetensors.torch.save(numbers)})
    loaded = kept.load(materializer="", data_type="")
    assert {name: _bits(loaded[name]) for name in numbers} == {name: _bits(numbers[name]) for name in numbers}


def test_tensors_that_are_one_memory_are_stored_once_and_are_one_memory_again() -> None:
    import torch

    weight = torch.rand(1000)
    kept = keep({"embedding": weight, "same": weight, "view": weight.detach()})
    assert len(kept.files["model.safetensors"]) < 2 * 4000
    loaded = kept.load()
    assert loaded["same"] is loaded["embedding"]
    assert loaded["view"] is not loaded["embedding"]
    loaded["embedding"][0] = 7
    assert loaded["view"][0] == 7


def test_tensors_that_overlap_are_refused_and_neighbours_in_one_memory_are_kept() -> None:
    import torch

    whole = torch.arange(9.0)
    with pytest.raises(MaterializerError, match=r"'head' and 'tail' share a part of their memory.*clone\(\)"):
        keep({"head": whole[:5], "tail": whole[4:]})
    loaded = keep({"head": whole[:5], "tail": whole[5:]}).load()
    assert [part.tolist() for part in loaded.values()] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


def test_the_result_of_a_computation_with_gradients_is_refused_with_the_cure() -> None:
    import torch

    with pytest.raises(MaterializerError, match=r"grad_fn.*save tensor.detach\(\)"):
        keep(torch.ones(2, requires_grad=True) * 2, allow_pickle=True)


@pytest.mark.parametrize("kind", ["sparse", "meta", "complex128", "with an attribute"])
def test_a_tensor_that_safetensors_has_no_form_for_is_left_to_the_pickle_policy(kind: str) -> None:
    import torch

    value = {
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.empty(3, device="meta"),
        "complex128": torch.zeros(2, dtype=torch.complex128),
        "with an attribute": torch.zeros(2),
    }[kind]
    if kind == "with an attribute":
        value.note = "mine"
    with pytest.raises(PickleRefusedError, match=r"safetensors|attributes of its own: note"):
        keep(value)


def test_a_tensor_may_have_the_name_that_safetensors_has_for_its_header() -> None:
    import torch

    value = {"__metadata__": torch.ones(2), "weight": torch.zeros(3)}
    assert {name: tensor.tolist() for name, tensor in roundtrip(value).items()} == {
        "__metadata__": [1, 1],
        "weight": [0, 0, 0],
    }


def test_facts_of_tensors_and_modules() -> None:
    import torch

    assert extract_metadata(torch.zeros(2, 3, dtype=torch.float16), "argosy.torch") == {
        "shape": [2, 3],
        "dtype": "float16",
        "size": 6,
        "size_bytes": 12,
        "device": "cpu",
        "requires_grad": False,
    }
    assert extract_metadata({"a": torch.zeros(2), "b": torch.zeros(3).half()}, "argosy.torch_state") == {
        "tensors": 2,
        "parameters": 5,
        "size_bytes": 14,
        "dtypes": ["float16", "float32"],
        "devices": ["cpu"],
    }
    facts = extract_metadata(torch.nn.Linear(3, 2), "argosy.torch_module")
    assert (facts["module"], facts["parameters"], facts["trainable_parameters"]) == ("Linear", 8, 8)


def test_previews_of_tensors_state_dicts_and_modules() -> None:
    import torch

    numbers = torch.arange(100.0)
    spread = visualize(numbers, "argosy.torch")
    assert spread == visualize(numbers.numpy(), "argosy.numpy") != {}
    for unlike in (
        numbers.bfloat16(),
        numbers.to(torch.float8_e4m3fn),
        numbers.requires_grad_(),
        numbers.cfloat().conj(),
        numbers.cfloat().conj().imag,
    ):
        assert visualize(unlike, "argosy.torch").keys() == spread.keys()
    listed = visualize({"a,b": torch.zeros(2, 3).half(), "c": torch.tensor(1)}, "argosy.torch_state")
    assert listed == {"tensors.csv": b'name,shape,dtype\n"a,b",2x3,float16\nc,,int64\n'}
    assert visualize(torch.nn.ReLU(), "argosy.torch_module") == {"module.txt": b"ReLU()"}


def test_modules_share_again_what_they_shared_and_keep_buffers_that_state_dicts_leave_out() -> None:
    import torch
    from torch import nn

    network: Any = nn.ModuleDict({"in": nn.Embedding(5, 4), "out": nn.Linear(4, 5, bias=False)})
    network["out"].weight = network["in"].weight
    network.again = network["out"]
    network.register_buffer("mask", torch.ones(2), persistent=False)
    loaded = keep(network).load()
    assert loaded["out"].weight is loaded["in"].weight
    assert loaded.again is loaded["out"]
    assert loaded.mask.tolist() == [1, 1]
    assert list(loaded.state_dict()) == list(network.state_dict())


def test_a_loaded_module_can_be_trained() -> None:
    import torch

    loaded = keep(torch.nn.Linear(2, 1)).load()
    before = loaded.weight.detach().clone()
    optimizer = torch.optim.SGD(loaded.parameters(), lr=0.5)
    loaded(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.equal(loaded.weight, before - 0.5)


def test_no_constructor_runs_and_a_class_from_a_script_is_taken_from_as_type(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _own_module(monkeypatch, "__main__")
    kept = keep(network)
    assert json.loads(kept.files["module.json"])["modules"][0]["class"] == "__main__:Scaled"
    cls = type(network)
    monkeypatch.delattr("__main__.Scaled")
    with pytest.raises(MaterializerError, match="pass the class as as_type="):
        kept.load()
    monkeypatch.setattr(cls, "__init__", lambda self: pytest.fail("the constructor ran"))
    loaded = kept.load(as_type=cls)
    assert type(loaded) is cls
    assert (loaded.factor, loaded.inner.weight.tolist()) == (3, network.inner.weight.tolist())


def test_a_class_that_changed_since_is_warned_about_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    from argosy.materializers.model_family import torch_modules

    network = _own_module(monkeypatch, __name__)
    monkeypatch.setattr(torch_modules, "source_digest", {type(network): "blake3:a"}.get)
    kept = keep(network)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.load()
    monkeypatch.setattr(torch_modules, "source_digest", {type(network): "blake3:b"}.get)
    with pytest.warns(VersionDriftWarning, match=r"Scaled is not as it was.*load_state_dict"):
        kept.load()


def test_the_source_of_a_class_is_told_by_a_digest_but_for_libraries() -> None:
    import torch

    found = source_digest(Foreign)
    assert found is not None
    assert re.fullmatch(r"blake3:[0-9a-f]{64}", found)
    assert source_digest(TestTorchContract) != found == source_digest(Foreign)
    assert (source_digest(torch.nn.Linear), source_digest(int), source_digest(type("Made", (), {}))) == (None,) * 3


def _own_module(monkeypatch: pytest.MonkeyPatch, home: str) -> Any:
    from torch import nn

    class Scaled(nn.Module):  # type: ignore[misc]  # torch is not looked into by mypy
        def __init__(self) -> None:
            super().__init__()
            self.factor = 3
            self.inner = nn.Linear(2, 2)

    Scaled.__module__, Scaled.__qualname__ = home, "Scaled"
    monkeypatch.setattr(f"{home}.Scaled", Scaled, raising=False)
    return Scaled()


def test_a_module_with_code_inside_is_left_to_the_pickle_policy_and_says_why() -> None:
    import torch
    from torch import nn

    hooked, generated = nn.Linear(2, 2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    hooked.register_forward_hook(lambda *_: None)
    for module in (hooked, generated):
        with pytest.raises(PickleRefusedError, match=r"has hooks \(_[a-z_]+_hooks\), which are code"):
            keep(module)
    own = nn.Linear(2, 2)
    own.reduce = lambda x: x
    with pytest.raises(PickleRefusedError, match=r"value\.reduce is a builtins:function"):
        keep(own)
    hidden = nn.Linear(2, 2)
    hidden.parts = [nn.Linear(1, 1)]
    with pytest.raises(MaterializerError, match=r"value\.parts\[0\] is a module that its owner.*ModuleList"):
        keep(hidden, allow_pickle=True)
    assert torch.is_tensor(hidden.weight)


class Foreign:
    """No module."""

    ran: ClassVar[list[int]] = []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"class": f"{__name__}:Foreign"}, "is none here"),
        ({"state": {"act": {"$value": {"function": "os:system"}}}}, "which is not there"),
        ({"state": {"act": {"$value": {"function": "Tensor"}}}}, "which is not there"),
        ({"state": {"act": {"$value": {"function": "_assert"}}}}, "which is not there"),
        ({"state": {"act": {"$value": {"tensor": "none"}}}}, "which is not there"),
        ({"state": {"act": {"$value": {"module": 99}}}}, "which is not there"),
        ({"state": {"act": {"$value": {"pickle": "gASVIAAA"}}}}, "does not know"),
        ({"state": 7}, "does not describe a module"),
    ],
)
def test_a_document_that_says_other_things_is_refused(changed: Mapping[str, Any], message: str) -> None:
    import torch

    kept = keep(torch.nn.Linear(2, 2))
    (described,) = json.loads(kept.files["module.json"])["modules"]
    kept.files["module.json"] = json.dumps({"modules": [described | changed]}).encode()
    with pytest.raises(MaterializerError, match=message):
        kept.load()


def test_tensors_of_containers_are_files_of_their_own_in_the_same_format() -> None:
    import torch

    kept = keep({"history": [torch.tensor([math.pi])], "note": "x"})
    assert sorted(kept.files) == ["data.json", "items/0/model.safetensors"]
    assert kept.load()["history"][0].tolist() == pytest.approx([math.pi])

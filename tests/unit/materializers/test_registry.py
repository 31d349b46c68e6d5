"""Choosing a materializer, and the users' own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from argosy.errors import CorruptDataError, DefinitionError, MaterializerError, PickleRefusedError
from argosy.materializers import base
from argosy.materializers.array_family.dense import NumpyMaterializer
from argosy.materializers.base import Materializer, registered_for
from argosy.materializers.catalog import naming_missing_library
from argosy.materializers.files import FileSink, FileSource
from argosy.materializers.registry import (
    extract_metadata,
    load_value,
    register_materializer,
    resolve,
    save_value,
    visualize,
)
from tests.unit.materializers import samples
from tests.unit.materializers.kept import MemorySource, keep, roundtrip


@pytest.fixture(autouse=True)
def own_registrations() -> Iterator[None]:
    registered, named = dict(base._registered), dict(base._by_name)
    yield
    for table, before in ((base._registered, registered), (base._by_name, named)):
        table.clear()
        table.update(before)  # type: ignore[arg-type]  # each gets back its own


def define(of: type = samples.Opaque, tag: str = "first") -> type[Materializer[Any]]:
    class Mine(Materializer[Any]):
        types = (of,)
        format = "mine"

        def save(self, value: Any, files: FileSink) -> None:
            files.write("content", f"{tag}:{value.content}".encode())

        def load(self, files: FileSource, as_type: type[Any] | None) -> Any:
            return of(files.read("content").decode().partition(":")[2])

        def extract_metadata(self, value: Any) -> dict[str, base.JSON]:
            return {"tag": tag, "score": np.float64(0.5), "none": float("nan"), "shape": (1, 2)}  # type: ignore[dict-item]  # users do

        def visualize(self, value: Any) -> dict[str, bytes]:
            return {"head.html": b"<p>"}

    return Mine


def test_defining_a_materializer_is_enough() -> None:
    mine = define()
    kept = keep(samples.Opaque("x"))
    assert (kept.saved.format, kept.saved.uses_pickle) == ("mine", False)
    assert kept.saved.materializer == f"{mine.__module__}:{mine.__qualname__}"
    assert kept.load() == samples.Opaque("x")
    assert roundtrip({"a": [samples.Opaque("y")]}) == {"a": [samples.Opaque("y")]}


def test_the_newest_registration_wins_and_an_older_one_can_be_brought_back() -> None:
    first = define(tag="first")
    define(tag="second")
    assert keep(samples.Opaque("x")).files == {"content": b"second:x"}
    register_materializer(first)
    assert keep(samples.Opaque("x")).files == {"content": b"first:x"}


def test_own_materializer_wins_over_a_built_in_one() -> None:
    class Reversed(NumpyMaterializer):
        types = (np.ndarray,)

        def extract_metadata(self, value: Any) -> dict[str, base.JSON]:
            return {"mine": True}

    kept = keep(np.arange(3))
    assert kept.saved.materializer.endswith("Reversed")
    assert extract_metadata(np.arange(3), kept.saved.materializer) == {"mine": True}
    assert kept.load().tolist() == [0, 1, 2]


def test_subclass_is_kept_by_the_materializer_of_its_base() -> None:
    class Derived(samples.Opaque):
        pass

    define()
    kept = keep(Derived("x"))
    assert kept.saved.data_type.endswith("Derived")
    assert kept.saved.format == "mine"


def test_of_two_bases_the_first_one_says_how_a_value_is_kept() -> None:
    class Other:
        def __init__(self, content: Any) -> None:
            self.content = content

    class Both(Other, samples.Opaque):
        pass

    define(samples.Opaque, "second")
    define(Other, "first")
    assert keep(Both("x")).files["content"] == b"first:x"


def test_subclass_whose_materializer_makes_its_base_is_refused_at_loading() -> None:
    define()
    with pytest.raises(MaterializerError, match=r"a .*:Veiled was saved, but .* made a .*:Opaque of it.*as_type"):
        roundtrip(samples.Veiled("x"))


def test_materializer_is_given_the_subclass_that_was_saved() -> None:
    class OfAll(Materializer[samples.Opaque]):
        types = (samples.Opaque,)
        format = "all"

        def save(self, value: samples.Opaque, files: FileSink) -> None:
            files.write("content", str(value.content).encode())

        def load(self, files: FileSource, as_type: type[samples.Opaque] | None) -> samples.Opaque:
            assert as_type is not None
            return as_type(files.read("content").decode())

    loaded = roundtrip(samples.Veiled("x"))
    assert type(loaded) is samples.Veiled
    assert loaded.content == "x"


def test_own_materializer_of_a_dataclass_is_used_inside_containers() -> None:
    class InnerMaterializer(Materializer[samples.Inner]):
        types = (samples.Inner,)
        format = "inner"

        def save(self, value: samples.Inner, files: FileSink) -> None:
            files.write("name", value.name.encode())

        def load(self, files: FileSource, as_type: type[samples.Inner] | None) -> samples.Inner:
            return samples.Inner(files.read("name").decode())

    kept = keep([samples.Inner("a")])
    assert sorted(kept.files) == ["data.json", "items/0/name"]
    assert kept.load() == [samples.Inner("a")]


def test_materializer_given_as_class_instance_or_name_keeps_the_value() -> None:
    mine = define()
    name = f"{mine.__module__}:{mine.__qualname__}"
    for given in (mine, mine(), name):
        kept = keep(samples.Opaque("x"), materializer=given)
        assert (kept.saved.materializer, kept.files) == (name, {"content": b"first:x"})
        assert kept.load(materializer=given) == samples.Opaque("x")


def test_dotted_path_is_understood() -> None:
    path = "argosy.materializers.binary.BytesMaterializer"
    assert keep(b"x").load(materializer=path) == b"x"


def test_value_of_another_type_is_refused_by_a_given_materializer() -> None:
    with pytest.raises(MaterializerError, match="keeps numpy:ndarray, not builtins:list"):
        keep([1], materializer="argosy.numpy")
    with pytest.raises(PickleRefusedError):
        keep([1], materializer="argosy.cloudpickle")
    assert keep([1], materializer="argosy.cloudpickle", allow_pickle=True).saved.uses_pickle is True


def test_errors_of_ones_own_materializer_name_it() -> None:
    class Broken(Materializer[samples.Opaque]):
        types = (samples.Opaque,)
        format = "broken"

        def save(self, value: samples.Opaque, files: FileSink) -> None:
            if value.content == "raise":
                raise ZeroDivisionError("boom")
            if value.content == "write":
                files.write("x", b"")

        def load(self, files: FileSource, as_type: type[samples.Opaque] | None) -> samples.Opaque:
            raise CorruptDataError("bytes differ") if files.read("x") else ZeroDivisionError("boom")

    with pytest.raises(MaterializerError, match=r"Broken failed to save value\[0\]: ZeroDivisionError\('boom'\)"):
        keep([samples.Opaque("raise")])
    with pytest.raises(MaterializerError, match="wrote no file for value"):
        keep(samples.Opaque(""))
    kept = keep(samples.Opaque("write"))
    with pytest.raises(MaterializerError, match="Broken failed to load"):
        kept.load()
    kept.files["x"] = b"corrupt"
    with pytest.raises(CorruptDataError):
        kept.load()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"materializer": "argosy.future"}, "recorded by a newer Argosy"),
        ({"materializer": "nowhere.module:Mine"}, r"not known here.*nowhere.*pass materializer="),
        ({"format": "parquet"}, "recorded with format 'parquet', but argosy.json reads 'json'"),
        ({"materializer": "", "format": "unheard"}, "nothing here reads the format 'unheard'"),
    ],
)
def test_record_that_cannot_be_read_here_is_refused_with_the_cure(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(MaterializerError, match=message):
        keep([1]).load(**changed)


def test_a_name_without_module_is_refused_with_the_form_of_names() -> None:
    with pytest.raises(DefinitionError, match=r"^materializer='x' names no module; write 'module:Class', or pass"):
        resolve("x")


def test_what_is_no_materializer_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"takes a subclass of argosy\.Materializer"):
        keep([1], materializer="os:getcwd")
    with pytest.raises(DefinitionError, match="takes a subclass of Materializer"):
        register_materializer(int)  # type: ignore[arg-type]  # the mistake under test


def save(self: Any, value: Any, files: Any) -> None: ...


def load(self: Any, files: Any, as_type: Any) -> Any: ...


COMPLETE: dict[str, Any] = {"types": (samples.Opaque,), "format": "x", "save": save, "load": load}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"types": None}, "types must be a tuple of at least one class"),
        ({"types": ()}, "types must be a tuple of at least one class"),
        ({"types": samples.Opaque}, r"write types = \(Opaque,\)"),
        ({"types": (list[int],)}, r"holds list\[int\], which is not a class"),
        ({"types": ("Opaque",)}, "which is not a class"),
        ({"format": None}, "format must name the file layout"),
        ({"format": "Not A Format"}, "format must name the file layout"),
        ({"save": Materializer.save}, r"must define save\(self, value, files\)"),
        ({"load": Materializer.load}, r"must define load\(self, files, as_type\)"),
        ({"load": lambda self, files: None}, r"load must take \(self, files, as_type\)"),
    ],
)
def test_incomplete_class_is_refused_where_it_is_defined(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        type("Mine", (Materializer,), {**COMPLETE, **change})


def test_a_subclass_of_a_materializer_takes_nothing_over() -> None:
    mine = define()

    class Debug(mine):  # type: ignore[misc,valid-type]  # made by a function
        format = "dbg"

    assert keep(samples.Opaque("x")).saved.format == "mine"
    kept = keep(samples.Opaque("x"), materializer=Debug)
    assert (kept.saved.format, kept.saved.materializer) == ("dbg", f"{__name__}:{Debug.__qualname__}")
    assert kept.load() == samples.Opaque("x")


def test_types_of_an_abstract_base_are_those_of_its_subclass() -> None:
    class Base(Materializer[samples.Opaque], abstract=True):
        types = (samples.Opaque,)

    mine = type("Mine", (Base,), {key: value for key, value in COMPLETE.items() if key != "types"})
    assert registered_for(samples.Opaque) is mine


def test_taking_a_type_over_from_another_of_ones_own_is_warned_about_where_it_is_written() -> None:
    first = define()
    with pytest.warns(base.MaterializerReplacedWarning) as caught:
        type("Other", (Materializer,), COMPLETE | {"types": (samples.Opaque,), "__qualname__": "Other"})
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message) == (
        f"{__name__}:Other keeps {base.type_name(samples.Opaque)} from now on, instead of {base.type_name(first)}; "
        "to keep single values with it, inherit types from Mine and pass materializer=Other"
    )
    assert registered_for(samples.Opaque) is not first
    register_materializer(first)
    assert registered_for(samples.Opaque) is first


def test_a_class_written_again_replaces_itself_without_a_word() -> None:
    define(tag="first")
    second = define(tag="second")
    assert registered_for(samples.Opaque) is second


def test_abstract_base_class_is_not_checked_and_not_registered() -> None:
    class Base(Materializer[Any], abstract=True):
        pass

    with pytest.raises(DefinitionError):
        keep([1], materializer=Base)


def test_materializer_that_needs_arguments_must_be_given_as_an_instance() -> None:
    def __init__(self: Any, level: int) -> None:
        self.level = level

    mine: Any = type("Mine", (Materializer,), {**COMPLETE, "__init__": __init__})
    with pytest.raises(DefinitionError, match="must be made without arguments"):
        keep(samples.Opaque(), materializer=mine)


def test_metadata_is_made_fit_for_json() -> None:
    mine = define()
    assert extract_metadata(samples.Opaque(), mine) == {"tag": "first", "score": 0.5, "none": None, "shape": [1, 2]}
    assert visualize(samples.Opaque(), mine) == {"head.html": b"<p>"}


@pytest.mark.parametrize("metadata", [[], {1: 2}, {"a": {"b": samples.Opaque()}}, {"a": {1}}])
def test_metadata_json_cannot_hold_is_refused(metadata: Any) -> None:
    mine: Any = type("Mine", (Materializer,), {**COMPLETE, "extract_metadata": lambda self, value: metadata})
    with pytest.raises(MaterializerError, match=r"metadata|must return a dict"):
        extract_metadata(samples.Opaque(), mine)


@pytest.mark.parametrize(
    ("value", "identifier", "expected"),
    [
        ([1, 2], "argosy.json", 2),
        ("abc", "argosy.text", 3),
        (b"ab", "argosy.bytes", 2),
        (bytearray(4), "argosy.bytearray", 4),
    ],
)
def test_length_is_metadata(value: Any, identifier: str, expected: int) -> None:
    assert extract_metadata(value, identifier) == {"length": expected}


def test_built_in_used_on_its_own_never_pickles() -> None:
    from argosy.materializers.json_family.materializer import JsonMaterializer

    sink = FileSink()
    JsonMaterializer().save((1, np.arange(2)), sink)
    files = {file.path: b"".join(bytes(chunk) for chunk in file.chunks()) for file in sink.files}
    assert JsonMaterializer().load(MemorySource(files), None)[0] == 1
    with pytest.raises(PickleRefusedError):
        JsonMaterializer().save([samples.Opaque()], FileSink())


def test_looking_at_a_value_imports_no_library() -> None:
    script = (
        "import sys\n"
        "from argosy.materializers.files import FileSink\n"
        "from argosy.materializers.registry import save_value\n"
        "save_value({'a': [1, (2.5, None)]}, FileSink(), allow_pickle=False)\n"
        "heavy = ('numpy', 'pandas', 'pyarrow', 'polars', 'scipy', 'sklearn', 'pydantic', 'cloudpickle', 'PIL',\n"
        "         'matplotlib', 'torch', 'safetensors', 'xgboost', 'lightgbm', 'onnx', 'blake3')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_files_of_a_failed_save_never_reach_a_source() -> None:
    sink = FileSink()
    with pytest.raises(PickleRefusedError):
        save_value([np.arange(3), samples.Opaque()], sink, allow_pickle=False)
    assert "data.json" not in [file.path for file in sink.files]


def test_load_value_takes_what_save_value_recorded() -> None:
    kept = keep({"a": 1})
    found = load_value(
        MemorySource(kept.files),
        materializer="argosy.json",
        data_type="builtins:dict",
        format="json",
        allow_pickle=False,
    )
    assert found == {"a": 1}


@pytest.mark.parametrize(
    ("identifier", "module", "told"),
    [
        ("argosy.scipy", "scipy.sparse", "argosy.scipy needs scipy: pip install 'argosy[scipy]'"),
        ("argosy.pillow_tiff", "PIL.Image", "argosy.pillow_tiff needs pillow: pip install 'argosy[pillow]'"),
        ("argosy.pandas_series", "pyarrow", "argosy.pandas_series needs pyarrow: pip install 'argosy[pandas]'"),
        ("argosy.torch_module", "safetensors", "argosy.torch_module needs safetensors: pip install 'argosy[torch]'"),
        ("argosy.dataclass", "pandas", "argosy.dataclass needs pandas: pip install 'argosy[pandas]'"),
    ],
)
def test_a_missing_library_is_called_as_it_is_installed(identifier: str, module: str, told: str) -> None:
    with pytest.raises(MaterializerError) as caught, naming_missing_library(identifier):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert str(caught.value) == told

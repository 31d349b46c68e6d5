"""The materializers that ship with Argosy: their ids, and the types each one is asked for.

Types of libraries are known by name only, so that nothing is imported just to look: a value
of such a type has imported its library already.
"""

from __future__ import annotations

import enum
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from argosy.errors import MaterializerError
from argosy.materializers.base import Materializer, type_name
from argosy.materializers.json_family.encoding import JSON_TYPES

_CLASSES = {
    "argosy.json": ("json_family.materializer", "JsonMaterializer"),
    "argosy.text": ("text", "TextMaterializer"),
    "argosy.bytes": ("binary", "BytesMaterializer"),
    "argosy.bytearray": ("binary", "BytearrayMaterializer"),
    "argosy.file": ("path", "FileMaterializer"),
    "argosy.directory": ("path", "DirectoryMaterializer"),
    "argosy.reference": ("reference", "ReferenceMaterializer"),
    "argosy.dataclass": ("dataclass_", "DataclassMaterializer"),
    "argosy.pydantic": ("pydantic_", "PydanticMaterializer"),
    "argosy.numpy": ("array_family.dense", "NumpyMaterializer"),
    "argosy.numpy_scalar": ("array_family.dense", "NumpyScalarMaterializer"),
    "argosy.pandas": ("frames.materializer", "DataFrameMaterializer"),
    "argosy.pandas_series": ("frames.materializer", "SeriesMaterializer"),
    "argosy.arrow": ("arrow_family.table", "TableMaterializer"),
    "argosy.arrow_stream": ("arrow_family.stream", "StreamMaterializer"),
    "argosy.polars": ("polars_", "PolarsFrameMaterializer"),
    "argosy.polars_series": ("polars_", "PolarsSeriesMaterializer"),
    "argosy.scipy": ("array_family.sparse", "SparseMaterializer"),
    "argosy.html": ("strings", "HtmlMaterializer"),
    "argosy.markdown": ("strings", "MarkdownMaterializer"),
    "argosy.csv": ("strings", "CsvMaterializer"),
    "argosy.json_text": ("strings", "JsonTextMaterializer"),
    "argosy.sklearn": ("sklearn_family.materializer", "SklearnMaterializer"),
    "argosy.pillow": ("pillow_", "PngMaterializer"),
    "argosy.pillow_tiff": ("pillow_", "TiffMaterializer"),
    "argosy.matplotlib": ("matplotlib_", "FigureMaterializer"),
    "argosy.torch": ("model_family.torch_", "TensorMaterializer"),
    "argosy.torch_state": ("model_family.torch_", "StateDictMaterializer"),
    "argosy.torch_module": ("model_family.torch_modules", "ModuleMaterializer"),
    "argosy.xgboost": ("model_family.xgboost_", "BoosterMaterializer"),
    "argosy.xgboost_estimator": ("model_family.xgboost_", "XGBModelMaterializer"),
    "argosy.lightgbm": ("model_family.lightgbm_", "BoosterMaterializer"),
    "argosy.lightgbm_estimator": ("model_family.lightgbm_", "LGBMModelMaterializer"),
    "argosy.onnx": ("model_family.onnx_", "OnnxMaterializer"),
    "argosy.cloudpickle": ("pickle_", "PickleMaterializer"),
}

IDS_BY_TYPE: dict[str, tuple[str, ...]] = {
    **{type_name(cls): ("argosy.json",) for cls in (*JSON_TYPES, enum.Enum)},
    type_name(str): ("argosy.text", "argosy.json"),
    type_name(bytes): ("argosy.bytes",),
    type_name(bytearray): ("argosy.bytearray",),
    type_name(Path): ("argosy.file", "argosy.directory"),
    "numpy:ndarray": ("argosy.numpy",),
    "numpy:generic": ("argosy.numpy_scalar",),
    "pandas:DataFrame": ("argosy.pandas",),
    "pandas.core.frame:DataFrame": ("argosy.pandas",),
    "pandas:Series": ("argosy.pandas_series",),
    "pandas.core.series:Series": ("argosy.pandas_series",),
    "pyarrow.lib:Table": ("argosy.arrow",),
    "pyarrow.lib:RecordBatchReader": ("argosy.arrow_stream",),
    "builtins:generator": ("argosy.arrow_stream",),
    "polars.dataframe.frame:DataFrame": ("argosy.polars",),
    "polars.series.series:Series": ("argosy.polars_series",),
    "polars.lazyframe.frame:LazyFrame": ("argosy.polars",),
    "scipy.sparse._base:_spbase": ("argosy.scipy",),
    "argosy.materializers.strings:HTMLString": ("argosy.html",),
    "argosy.materializers.strings:MarkdownString": ("argosy.markdown",),
    "argosy.materializers.strings:CSVString": ("argosy.csv",),
    "argosy.materializers.strings:JSONString": ("argosy.json_text",),
    "sklearn.base:BaseEstimator": ("argosy.sklearn",),
    "PIL.Image:Image": ("argosy.pillow", "argosy.pillow_tiff"),
    "matplotlib.figure:Figure": ("argosy.matplotlib",),
    "torch:Tensor": ("argosy.torch",),
    "torch.nn.modules.module:Module": ("argosy.torch_module",),
    "xgboost.core:Booster": ("argosy.xgboost",),
    "xgboost.sklearn:XGBModel": ("argosy.xgboost_estimator",),
    "lightgbm.basic:Booster": ("argosy.lightgbm",),
    "lightgbm.sklearn:LGBMModel": ("argosy.lightgbm_estimator",),
    "onnx.onnx_ml_pb2:ModelProto": ("argosy.onnx",),
}
"""Recorded name of a class -> ids of the materializers to try, in order, for it and its subclasses."""

ONLY_BESIDE = {"builtins:generator": "pyarrow"}
"""Recorded name of a class -> library that was imported where a value of it is one its materializers keep."""

ID_BY_FORMAT = {
    "json": "argosy.json",
    "text": "argosy.text",
    "bytes": "argosy.bytes",
    "file": "argosy.file",
    "directory": "argosy.directory",
    "reference": "argosy.reference",
    "npy": "argosy.numpy",
    "parquet": "argosy.pandas",
    "sparse": "argosy.scipy",
    "html": "argosy.html",
    "markdown": "argosy.markdown",
    "csv": "argosy.csv",
    "json-text": "argosy.json_text",
    "skops": "argosy.sklearn",
    "png": "argosy.pillow",
    "tiff": "argosy.pillow_tiff",
    "safetensors": "argosy.torch_state",
    "xgboost": "argosy.xgboost",
    "lightgbm": "argosy.lightgbm",
    "onnx": "argosy.onnx",
    "cloudpickle": "argosy.cloudpickle",
}
"""What reads a format when no materializer is recorded: the artifact was made without Python."""

DRAWN_FROM_FILES = frozenset({"argosy.numpy", "argosy.numpy_scalar", "argosy.pandas", "argosy.pandas_series"})
"""Their previews are drawn when somebody looks, as long as a version has less than :data:`DRAWN_BYTES`."""
DRAWN_BYTES = 1 << 20
_DOCUMENTS = frozenset({"argosy.json", "argosy.dataclass", "argosy.pydantic"})
"""What they lack is the library of a scalar or object in their document, whose extra is called as it is."""

_IMPORTED_AS = {"PIL": "pillow", "sklearn": "scikit-learn"}
"""Name that a library is imported by -> the name it is installed by, where they differ."""


@cache
def builtin(identifier: str) -> Materializer[Any]:
    """Return a built-in materializer, importing its library.

    Raises:
        MaterializerError: the id is unknown, or its library is not installed.
    """
    if identifier not in _CLASSES:
        raise MaterializerError(f"unknown materializer {identifier!r}; it was recorded by a newer Argosy: upgrade")
    module, name = _CLASSES[identifier]
    with naming_missing_library(identifier):
        cls = getattr(importlib.import_module(f"argosy.materializers.{module}"), name)
    made: Materializer[Any] = cls()
    return made


@contextmanager
def naming_missing_library(identifier: str) -> Iterator[None]:
    """Use a built-in materializer in this block, and tell which library it lacks, and how to get it.

    Args:
        identifier: id of the materializer; it begins with the name of its extra.

    Raises:
        MaterializerError: an import in the block failed.
    """
    try:
        yield
    except ImportError as error:
        library = str(error.name).partition(".")[0]
        extra = library if identifier in _DOCUMENTS else identifier.removeprefix("argosy.").partition("_")[0]
        raise MaterializerError(
            f"{identifier} needs {_IMPORTED_AS.get(library, library)}: pip install 'argosy[{extra}]'"
        ) from error

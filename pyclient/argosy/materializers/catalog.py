"""The materializers that ship with Argosy: their ids, and the types each one is asked for.

Types of libraries are known by name only, so that nothing is imported just to look: a value
of such a type has imported its library already.
"""

from __future__ import annotations

import enum
import importlib
from functools import cache
from pathlib import Path
from typing import Any

from argosy.errors import MaterializerError
from argosy.materializers.base import Materializer, type_name
from argosy.materializers.json_encoding import JSON_TYPES

_CLASSES = {
    "argosy.json": ("json_family", "JsonMaterializer"),
    "argosy.text": ("text", "TextMaterializer"),
    "argosy.bytes": ("binary", "BytesMaterializer"),
    "argosy.bytearray": ("binary", "BytearrayMaterializer"),
    "argosy.file": ("path", "FileMaterializer"),
    "argosy.directory": ("path", "DirectoryMaterializer"),
    "argosy.reference": ("reference", "ReferenceMaterializer"),
    "argosy.dataclass": ("dataclass_", "DataclassMaterializer"),
    "argosy.pydantic": ("pydantic_", "PydanticMaterializer"),
    "argosy.numpy": ("numpy_", "NumpyMaterializer"),
    "argosy.numpy_scalar": ("numpy_", "NumpyScalarMaterializer"),
    "argosy.pandas": ("pandas_", "DataFrameMaterializer"),
    "argosy.pandas_series": ("pandas_", "SeriesMaterializer"),
    "argosy.sklearn": ("sklearn_", "SklearnMaterializer"),
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
    "sklearn.base:BaseEstimator": ("argosy.sklearn",),
}
"""Recorded name of a class -> ids of the materializers to try, in order, for it and its subclasses."""

ID_BY_FORMAT = {
    "json": "argosy.json",
    "text": "argosy.text",
    "bytes": "argosy.bytes",
    "file": "argosy.file",
    "directory": "argosy.directory",
    "reference": "argosy.reference",
    "npy": "argosy.numpy",
    "parquet": "argosy.pandas",
    "skops": "argosy.sklearn",
    "cloudpickle": "argosy.cloudpickle",
}
"""What reads a format when no materializer is recorded: the artifact was made without Python."""


@cache
def builtin(identifier: str) -> Materializer[Any]:
    """Return a built-in materializer, importing its library.

    Raises:
        MaterializerError: the id is unknown, or its library is not installed.
    """
    if identifier not in _CLASSES:
        raise MaterializerError(f"unknown materializer {identifier!r}; it was recorded by a newer Argosy: upgrade")
    module, name = _CLASSES[identifier]
    try:
        cls = getattr(importlib.import_module(f"argosy.materializers.{module}"), name)
    except ImportError as error:
        extra = module.rstrip("_")
        raise MaterializerError(f"{identifier} needs {error.name}: pip install 'argosy[{extra}]'") from error
    made: Materializer[Any] = cls()
    return made

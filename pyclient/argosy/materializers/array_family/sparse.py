"""Sparse arrays and matrices of scipy: format ``sparse``, ``sparse.json`` and the parts of the layout as ``npy`` files.

Not ``scipy.sparse.save_npz``: the parts as files of their own are sent, mapped and checked like any other array, and
every language with a reader of ``npy`` reads them; an npz holds all of them a second time in a zip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from scipy.sparse import sparray, spmatrix

from argosy.errors import MaterializerError
from argosy.materializers.array_family.dense import read_array, write_array, write_rows
from argosy.materializers.array_family.npy_layout import check_dtype
from argosy.materializers.array_family.sparse_checks import check_compressed, check_coordinates, check_diagonals
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.json_family.document import read_document, write_document
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

DOCUMENT = "sparse.json"

_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "dia": ("data", "offsets"),
    "coo": ("data", "coords"),
}
_STORED_AS = {"lil": "csr", "dok": "coo"}
"""Layouts made of Python objects -> the layout their numbers are kept in."""


class SparseMaterializer(BuiltinMaterializer[Any]):
    """Keeps the parts as they are: explicit zeros, duplicates, their order and the type of the indices."""

    id = "argosy.scipy"
    types = (sparray, spmatrix)
    format = "sparse"

    def save(self, value: Any, files: FileSink) -> None:
        """Write the parts; their buffers are not copied.

        Raises:
            CannotKeepError: it holds Python objects, or is of a class that is not scipy's own.
        """
        layout = str(value.format)
        if type(value) is not _class_of(layout, is_array=isinstance(value, sparray)):
            raise CannotKeepError(f"{type_name(type(value))} is a subclass, which would not come back")
        check_dtype(value.dtype)
        stored = value if layout in _PARTS else value.asformat(_STORED_AS[layout])
        for part in _PARTS[str(stored.format)]:
            if part == "coords" and len({array.dtype for array in stored.coords}) == 1:
                write_rows(stored.coords, files.child(part))
            else:
                found = np.stack(stored.coords) if part == "coords" else getattr(stored, part)
                write_array(found, files.child(part))
        kind = "array" if isinstance(value, sparray) else "matrix"
        shape: list[JSON] = [int(length) for length in value.shape]
        write_document({"layout": layout, "kind": kind, "shape": shape, "parts": str(stored.format)}, files, DOCUMENT)

    def load(self, files: FileSource, as_type: type[Any] | None) -> Any:
        """Read the parts into a new array or matrix, and check that they fit together.

        Raises:
            MaterializerError: they do not, or the layout is unknown here.
        """
        document = read_document(files, DOCUMENT)
        try:
            layout, kind, shape = document["layout"], document["kind"], tuple(document["shape"])
            if document["parts"] != _STORED_AS.get(layout, layout):
                raise MaterializerError(f"{DOCUMENT} tells of {document['parts']!r} parts of the layout {layout!r}")
            made = _assembled(document["parts"], kind == "array", shape, files)
            whole = made if layout == document["parts"] else made.asformat(layout)
            if kind not in ("array", "matrix") or type(whole) is not _class_of(layout, is_array=kind == "array"):
                raise MaterializerError(f"{DOCUMENT} tells of a {kind} of layout {layout!r}, which is none of scipy")
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise MaterializerError(f"{DOCUMENT} and its parts do not fit together: {error}") from error
        return whole

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return layout, shape, dtype and how many elements are stored."""
        shape: list[JSON] = [int(length) for length in value.shape]
        return {"layout": str(value.format), "shape": shape, "dtype": str(value.dtype), "stored": int(value.nnz)}

    def visualize(self, value: Any) -> dict[str, bytes]:
        """Return how full it is, where its stored values are, and how they are spread; of many by a sample."""
        from argosy.materializers.previews.sparse import sparse_previews

        return sparse_previews(value)


def _class_of(layout: str, *, is_array: bool) -> Any:
    return getattr(scipy.sparse, f"{layout}_{'array' if is_array else 'matrix'}")


def _assembled(layout: str, is_array: bool, shape: tuple[int, ...], files: FileSource) -> Any:
    parts: dict[str, Any] = {part: read_array(files.child(part)) for part in _PARTS[layout]}
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"{list(shape)} is no shape")
    # Before anything of the shape is made: what an artifact of a kilobyte claims may be terabytes.
    if layout == "coo":
        parts["coords"] = tuple(parts["coords"])
        check_coordinates(parts["data"], parts["coords"], shape)
    elif layout == "dia":
        check_diagonals(parts["data"], parts["offsets"])
    else:
        check_compressed(layout, parts["data"], parts["indices"], parts["indptr"], shape)
    cls = _class_of(layout, is_array=is_array)
    # Empty first and filled then: constructors would choose another type for the indices.
    if layout == "bsr":
        made = cls(shape, dtype=parts["data"].dtype, blocksize=parts["data"].shape[1:])
    elif layout == "dia":
        made = cls((np.zeros((1, 0), parts["data"].dtype), [0]), shape=shape)
    else:
        made = cls(shape, dtype=parts["data"].dtype)
    for part, array in parts.items():
        setattr(made, part, array)
    return made

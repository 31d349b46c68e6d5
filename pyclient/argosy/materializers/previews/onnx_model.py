"""What an ONNX model looks like: what goes in, what comes out, and of which operators it is made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from onnx import ModelProto, TensorProto

from argosy.materializers.previews.page import counted, cut, page, table

_MOST_LINES = 20


def model_as_html(model: ModelProto) -> bytes:
    """Return a page about a model; no tensor of it is read."""
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    parameters = sum(math.prod(tensor.dims) for tensor in graph.initializer)
    opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in model.opset_import)
    size = f"{counted(len(graph.node), 'node')}, {counted(parameters, 'parameter')}"
    operators = Counter(f"{node.domain}.{node.op_type}".lstrip(".") for node in graph.node)
    return page(
        f'<p><strong>{size}</strong> <span class="dim">{cut(opsets)}</span></p>',
        *_values("inputs", (value for value in graph.input if value.name not in weights)),
        *_values("outputs", graph.output),
        "<h2>operators</h2>",
        *_lines(["operator", "nodes"], ([cut(name), f"{count:,}"] for name, count in operators.most_common())),
    )


def _values(title: str, values: Iterable[Any]) -> list[str]:
    rows = ([cut(value.name), *_type_of(value.type)] for value in values)
    return [f"<h2>{title}</h2>", *_lines(["name", "type", "shape"], rows)]


def _type_of(kind: Any) -> list[str]:
    """Return the type and the shape of a value; ``?`` stands for a length that is not known."""
    form = kind.WhichOneof("value")
    if form not in ("tensor_type", "sparse_tensor_type"):
        return [cut(str(form).removesuffix("_type")), ""]
    tensor = getattr(kind, form)
    known = TensorProto.DataType.values()
    dtype = TensorProto.DataType.Name(tensor.elem_type).lower() if tensor.elem_type in known else str(tensor.elem_type)
    if not tensor.HasField("shape"):
        return [dtype, "any"]
    lengths = (
        str(axis.dim_value) if axis.HasField("dim_value") else axis.dim_param or "?" for axis in tensor.shape.dim
    )
    return [dtype, cut(" \N{MULTIPLICATION SIGN} ".join(lengths) or "a single value")]


def _lines(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = list(rows)
    more = len(lines) - _MOST_LINES
    parts = [table(head, lines[:_MOST_LINES], left=frozenset({0, 1}) if len(head) == 3 else frozenset({0}))]
    return [*parts, f'<p class="dim">and {more:,} more</p>'] if more > 0 else parts

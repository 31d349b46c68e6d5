"""ONNX models: format ``onnx``, one file ``model.onnx``.

A model is mostly tensors. They are written and read one by one, so that the whole model is never held twice.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from google.protobuf.message import DecodeError, EncodeError, Message
from onnx import GraphProto, ModelProto, TensorProto

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import read_exactly

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "model.onnx"

_GRAPH = ModelProto.DESCRIPTOR.fields_by_name["graph"].number
_INITIALIZER = GraphProto.DESCRIPTOR.fields_by_name["initializer"].number
_LENGTH_DELIMITED = 2
_MOST_NAMES = 100
_MOST_BYTES = 2**31 - 1
"""Protocol buffers, and so ONNX, end here."""


class OnnxMaterializer(BuiltinMaterializer[Any]):
    """Keeps models that hold all their tensors."""

    id = "argosy.onnx"
    types = (ModelProto,)
    format = "onnx"

    def save(self, value: ModelProto, files: FileSink) -> None:
        """Write the model.

        Raises:
            MaterializerError: tensors lie in other files, or it is larger than a protocol buffer may be.
        """
        _refuse_external(value)
        local = files.temporary_directory() / FILE
        try:
            with local.open("wb") as target:
                for piece in _pieces(value):
                    target.write(piece)
        except (EncodeError, ValueError) as error:
            raise MaterializerError(f"this ModelProto cannot be written: {error}") from error
        if local.stat().st_size > _MOST_BYTES:
            raise MaterializerError(
                "this ModelProto is larger than 2 GiB, the most that an ONNX file may have; onnx.save(..., "
                "save_as_external_data=True) into a folder keeps it: return the folder as a Path"
            )
        files.write_file(FILE, local)

    def load(self, files: FileSource, as_type: type[Any] | None) -> ModelProto:
        """Read the model; it is not checked further (``onnx.checker`` does that).

        Raises:
            MaterializerError: the file is no ONNX model.
        """
        model = ModelProto()
        try:
            with files.open(FILE) as stream:
                for number, head, length in _fields(stream, files.size(FILE)):
                    if number == _GRAPH:
                        _read_graph(stream, length, model.graph)
                    else:
                        model.MergeFromString(head + read_exactly(stream, length, FILE))
                read_to_end = stream.read(1) == b""  # where the digest is compared
        except DecodeError as error:
            raise MaterializerError(f"{FILE} is no ONNX model: {error}") from error
        if not read_to_end or not model.HasField("graph"):
            raise MaterializerError(f"{FILE} is no ONNX model: it has no graph")
        return model

    def extract_metadata(self, value: ModelProto) -> dict[str, JSON]:
        """Return opset versions, producer, inputs and outputs, and the numbers of nodes and parameters."""
        graph = value.graph
        weights = {tensor.name for tensor in graph.initializer}
        inputs: list[JSON] = [item.name for item in graph.input if item.name not in weights]
        outputs: list[JSON] = [item.name for item in graph.output]
        return {
            "ir_version": value.ir_version,
            "opset": {opset.domain or "ai.onnx": opset.version for opset in value.opset_import},
            "producer": value.producer_name,
            "inputs": inputs[:_MOST_NAMES],
            "outputs": outputs[:_MOST_NAMES],
            "nodes": len(graph.node),
            "parameters": sum(_elements(tensor) for tensor in graph.initializer),
        }

    def visualize(self, value: ModelProto) -> dict[str, bytes]:
        """Return a page about inputs, outputs and operators."""
        from argosy.materializers.previews.onnx_model import model_as_html

        return {"model.html": model_as_html(value)}


def _refuse_external(model: ModelProto) -> None:
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise CannotKeepError(
                f"the tensor {tensor.name!r} of this ModelProto lies in another file; onnx.load(path) reads it into "
                "the model, or return the folder of the files as a Path"
            )


def _pieces(model: ModelProto) -> Iterator[bytes]:
    """Yield the bytes of a model: all fields but the tensors first, which protocol buffers allow."""
    yield _without(model, "graph").SerializeToString()
    if not model.HasField("graph"):
        raise ValueError("it has no graph")
    graph = _without(model.graph, "initializer").SerializeToString()
    sizes = [tensor.ByteSize() for tensor in model.graph.initializer]
    heads = [_head(_INITIALIZER, size) for size in sizes]
    yield _head(_GRAPH, len(graph) + sum(map(len, heads)) + sum(sizes))
    yield graph
    for head, tensor in zip(heads, model.graph.initializer, strict=True):
        yield head
        yield tensor.SerializeToString()


def _without(message: Any, left_out: str) -> Any:
    """Return a copy of a message that lacks one field."""
    copy = type(message)()
    for field, value in message.ListFields():
        if field.name == left_out:
            continue
        if isinstance(value, Message):
            getattr(copy, field.name).CopyFrom(value)
        elif isinstance(value, str | bytes | int | float):
            setattr(copy, field.name, value)
        else:
            getattr(copy, field.name).MergeFrom(value)
    return copy


def _read_graph(stream: BinaryIO, length: int, graph: GraphProto) -> None:
    rest = io.BytesIO()
    for number, head, size in _fields(stream, length):
        content = read_exactly(stream, size, FILE)
        if number == _INITIALIZER:
            graph.initializer.add().ParseFromString(content)
        else:
            rest.write(head)
            rest.write(content)
    graph.MergeFromString(rest.getvalue())


def _fields(stream: BinaryIO, length: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield number, leading bytes and length of each field; the caller reads that many bytes before the next.

    Raises:
        MaterializerError: they do not end after ``length`` bytes.
    """
    left = length
    while left > 0:
        key, head = _varint(stream)
        number, kind = key >> 3, key & 7
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind in (0, _LENGTH_DELIMITED):
            value, more = _varint(stream)
            head += more
            size = value if kind == _LENGTH_DELIMITED else 0
        left -= len(head) + size
        if kind not in (0, 1, _LENGTH_DELIMITED, 5) or left < 0:
            raise MaterializerError(f"{FILE} is no ONNX model: a field is malformed")
        yield (number if kind == _LENGTH_DELIMITED else 0), head, size


def _varint(stream: BinaryIO) -> tuple[int, bytes]:
    value, content = 0, b""
    for shift in range(0, 70, 7):
        byte = read_exactly(stream, 1, FILE)
        content += byte
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value, content
    raise MaterializerError(f"{FILE} is no ONNX model: a number is malformed")


def _head(number: int, length: int) -> bytes:
    """Return the key and length before the bytes of a field."""
    return _encoded(number << 3 | _LENGTH_DELIMITED) + _encoded(length)


def _encoded(value: int) -> bytes:
    content = bytearray()
    while value >= 0x80:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    content.append(value)
    return bytes(content)


def _elements(tensor: TensorProto) -> int:
    count = 1
    for dimension in tensor.dims:
        count *= dimension
    return count

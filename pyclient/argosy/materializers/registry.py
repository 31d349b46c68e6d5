"""From any value to files and back: who keeps it is chosen by its type, the same in every process.

The order: a materializer of the user's or a built-in one for the exact class, then for its bases
in method resolution order; then the families (dataclasses, pydantic models, objects JSON has a
form for); at last cloudpickle, where the pickle policy allows it. Loading never chooses: what was
recorded at saving decides.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from argosy.config import pickle_cure
from argosy.errors import ArgosyError, DefinitionError, MaterializerError, PickleRefusedError
from argosy.materializers.base import (
    JSON,
    BuiltinMaterializer,
    Materializer,
    check_definition,
    register_materializer,
    registered_by_name,
    registered_for,
    type_name,
)
from argosy.materializers.catalog import (
    DRAWN_BYTES,
    DRAWN_FROM_FILES,
    ID_BY_FORMAT,
    IDS_BY_TYPE,
    ONLY_BESIDE,
    builtin,
    naming_missing_library,
)
from argosy.materializers.class_references import find_class, import_name, is_importable, is_recorded_as
from argosy.materializers.json_family import dataclass_state
from argosy.materializers.json_family.objects import is_pydantic_model
from argosy.materializers.metadata_rules import as_metadata
from argosy.materializers.nesting import CannotKeepError, LeafLoader, LeafSaver, NestingMaterializer, SavedValue
from argosy.materializers.pickle_ import PickleMaterializer
from argosy.materializers.state_dicts import is_state_dict

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

__all__ = [
    "MaterializerChoice",
    "SavedValue",
    "extract_metadata",
    "is_pickle",
    "load_value",
    "makes_previews",
    "materializer_id",
    "reader_of",
    "register_materializer",
    "resolve",
    "save_value",
    "visualize",
]

MaterializerChoice: TypeAlias = "str | type[Materializer[Any]] | Materializer[Any]"
"""A materializer as a user gives it: recorded id, ``module:qualname``, dotted path, class or instance."""

_PICKLE = "argosy.cloudpickle"


def save_value(
    value: object, sink: FileSink, *, materializer: MaterializerChoice | None = None, allow_pickle: bool
) -> SavedValue:
    """Write ``value`` into ``sink`` and return what must be recorded beside its files.

    Args:
        value: anything.
        sink: receives the files; to be thrown away when this raises.
        materializer: keeps the value instead of the one its type would choose.
        allow_pickle: whether the value, or any part of it, may be pickled.

    Raises:
        MaterializerError: it cannot be kept faithfully; names the part (``value["a"][3]``) and the cure.
        PickleRefusedError: only pickle could keep it and ``allow_pickle`` is false.
    """
    if materializer is None:
        return _save(value, sink, "value", allow_pickle=allow_pickle)
    chosen = resolve(materializer)
    if not isinstance(value, chosen.types):
        expected = " or ".join(type_name(cls) for cls in chosen.types)
        raise MaterializerError(f"{materializer_id(chosen)} keeps {expected}, not {type_name(type(value))}")
    if is_pickle(chosen) and not allow_pickle:
        raise _refusal(value, "value", [])
    return _save_with(chosen, value, sink, "value", allow_pickle=allow_pickle)


def load_value(
    source: FileSource,
    *,
    materializer: MaterializerChoice,
    data_type: str,
    format: str,
    as_type: Any = None,
    allow_pickle: bool,
) -> object:
    """Make a value again from its files and what was recorded beside them.

    Args:
        source: the files.
        materializer: recorded id; ``""`` when the artifact was made without Python. A class or
            instance reads the files whatever was recorded.
        data_type: recorded ``module:qualname`` of the value's type.
        format: recorded name of the file layout.
        as_type: class (or annotation) to use where recorded classes cannot be found by name.
        allow_pickle: whether a pickle may be loaded; it runs code.

    Raises:
        MaterializerError: the layout is malformed, or a class or library is missing here.
        PickleRefusedError: the value, or a part, is a pickle and ``allow_pickle`` is false.
        CorruptDataError: the bytes do not match their digest.
    """
    reader = reader_of(materializer, format)
    if is_pickle(reader) and not allow_pickle:
        raise PickleRefusedError(
            f"this {data_type or 'value'} was saved as a pickle, which runs code when it is loaded, and pickle is off; "
            f"if you trust who saved it, pass allow_pickle=True or {pickle_cure()}"
        )
    if isinstance(reader, NestingMaterializer) and type(reader).load is NestingMaterializer.load:
        leaves = leaf_loader(source, data_type=data_type, hint=as_type, allow_pickle=allow_pickle)
        with naming_missing_library(reader.id):
            value = reader.load_nested(source, leaves)
    else:
        value = _load_with(reader, source, data_type=data_type, as_type=as_type)
    if materializer and isinstance(materializer, str):  # else there is no record of a Python type, or it is overruled
        _check_type(value, reader, data_type=data_type, hint=as_type)
    return value


def reader_of(materializer: MaterializerChoice, format: str) -> Materializer[Any]:
    """Return what reads files: what was recorded, or given instead.

    Args:
        materializer: recorded id, ``""`` when the artifact was made without Python; or what the user gives.
        format: recorded name of the file layout.

    Raises:
        MaterializerError: nothing here reads the format, or what was recorded is unknown here.
        DefinitionError: what was given is no materializer.
    """
    if materializer == "" and format not in ID_BY_FORMAT:
        raise MaterializerError(f"nothing here reads the format {format!r}; pass materializer=YourMaterializer")
    reader = resolve(materializer or ID_BY_FORMAT[format])
    if isinstance(materializer, str) and reader.format != format:
        raise MaterializerError(
            f"the version is recorded with format {format!r}, but {materializer or ID_BY_FORMAT[format]} reads "
            f"{reader.format!r}; pass materializer= one that reads it"
        )
    return reader


def _load_with(reader: Materializer[Any], source: FileSource, *, data_type: str, as_type: Any) -> object:
    hint = as_type if isinstance(as_type, type) else None
    if isinstance(reader, BuiltinMaterializer):
        with naming_missing_library(reader.id):
            return reader.load(source, hint)
    try:
        return reader.load(source, hint or _recorded_class(data_type))
    except ArgosyError:
        raise
    except Exception as error:  # the user's code
        raise MaterializerError(f"{materializer_id(reader)} failed to load a {data_type}: {error!r}") from error


def _recorded_class(data_type: str) -> type | None:
    """Return the class a value had, for materializers that keep its subclasses too; ``None`` if it is not here."""
    try:
        return find_class(data_type, None) if data_type else None
    except MaterializerError:
        return None


def _check_type(value: object, reader: Materializer[Any], *, data_type: str, hint: Any) -> None:
    """Refuse a value of another type than was saved: whatever made it is not faithful.

    A materializer for certain types may answer with another one of them: a memmap comes back as an array. What a user's
    saves of a subclass comes back as that: its base has not what the subclass adds.
    """
    answers_for = object not in reader.types and isinstance(value, reader.types)
    if answers_for and not isinstance(reader, BuiltinMaterializer):
        answers_for = any(is_recorded_as(cls, data_type, None) for cls in reader.types)
    if answers_for or is_recorded_as(type(value), data_type, hint):
        return
    raise MaterializerError(
        f"a {data_type} was saved, but {materializer_id(reader)} made a {type_name(type(value))} of it; let its load "
        "make the class it is given as as_type, or, to load it nevertheless, pass materializer= one that reads it"
    )


def extract_metadata(value: object, materializer: MaterializerChoice) -> dict[str, JSON]:
    """Return what the materializer knows to say about ``value``, as strict JSON (NaN becomes ``None``).

    Raises:
        MaterializerError: it says something JSON cannot hold. The materializer's own errors pass.
    """
    chosen = resolve(materializer)
    return as_metadata(chosen.extract_metadata(value), materializer_id(chosen))


def makes_previews(materializer: MaterializerChoice, size_bytes: int | None) -> bool:
    """Tell whether a materializer makes previews that are kept beside a value of this size.

    Args:
        materializer: what makes them.
        size_bytes: ``None`` for a value whose files it could not draw them from.
    """
    chosen = resolve(materializer)
    if materializer_id(chosen) in DRAWN_FROM_FILES and size_bytes is not None and size_bytes < DRAWN_BYTES:
        return False
    return type(chosen).visualize is not Materializer.visualize


def visualize(value: object, materializer: MaterializerChoice) -> dict[str, bytes]:
    """Return small previews of ``value`` as path -> content: whatever a user's says. The materializer's errors pass."""
    return resolve(materializer).visualize(value)


def resolve(materializer: MaterializerChoice) -> Materializer[Any]:
    """Return the materializer that a user or a record names.

    Raises:
        MaterializerError: the name is unknown here.
        DefinitionError: it is no materializer, or no name of one, or cannot be made without arguments.
    """
    if isinstance(materializer, Materializer):
        return materializer
    if isinstance(materializer, str):
        if materializer.startswith("argosy.") and ":" not in materializer and materializer.count(".") == 1:
            return builtin(materializer)
        if not {":", "."} & set(materializer):
            raise DefinitionError(
                f"materializer={materializer!r} names no module; write 'module:Class', or pass the class"
            )
        name = materializer if ":" in materializer else ":".join(materializer.rpartition(".")[::2])
        materializer = registered_by_name(name) or _imported(name)
    if not (isinstance(materializer, type) and issubclass(materializer, Materializer)):
        raise DefinitionError(f"materializer= takes a subclass of argosy.Materializer, got {materializer!r}")
    check_definition(materializer)
    try:
        return materializer()
    except TypeError as error:
        raise DefinitionError(
            f"{materializer.__qualname__} must be made without arguments ({error}); pass an instance of it instead"
        ) from error


def materializer_id(materializer: Materializer[Any]) -> str:
    """Return the id to record: ``argosy.…`` for a built-in, ``module:qualname`` for a user's."""
    cls = type(materializer)
    if isinstance(materializer, BuiltinMaterializer) and "id" in cls.__dict__:
        return materializer.id
    return type_name(cls)


def candidates(value: object) -> Iterator[Materializer[Any]]:
    """Yield the materializers to try for a value, best first, without the last resort."""
    cls = type(value)
    for base in cls.__mro__:
        yours = registered_for(base)
        if yours is not None:
            yield resolve(yours)
        if base is cls and is_state_dict(value):
            yield builtin("argosy.torch_state")
        name = type_name(base)
        if name not in ONLY_BESIDE or ONLY_BESIDE[name] in sys.modules:
            yield from map(builtin, IDS_BY_TYPE.get(name, ()))
    if dataclass_state.is_dataclass_type(cls):
        yield builtin("argosy.dataclass")
    elif is_pydantic_model(cls):
        yield builtin("argosy.pydantic")
    elif cls.__module__.partition(".")[0] == "pandas":
        yield builtin("argosy.json")


def leaf_saver(files: FileSink, *, allow_pickle: bool, path: str = "value") -> LeafSaver:
    """Return what saves the foreign parts of the value at ``path``."""

    def save(value: object, sink: FileSink, where: str) -> SavedValue:
        return _save(value, sink, where, allow_pickle=allow_pickle)

    return LeafSaver(files, save, path)


def leaf_loader(files: FileSource, *, data_type: str, hint: object, allow_pickle: bool) -> LeafLoader:
    """Return what loads the foreign parts of a value."""

    def load(source: FileSource, saved: SavedValue, as_type: object) -> object:
        return load_value(
            source,
            materializer=saved.materializer,
            data_type=saved.data_type,
            format=saved.format,
            as_type=as_type,
            allow_pickle=allow_pickle,
        )

    return LeafLoader(files, load, data_type, hint)


def _save(value: object, sink: FileSink, path: str, *, allow_pickle: bool) -> SavedValue:
    reasons: list[str] = []
    described_by = ""
    for materializer in candidates(value):
        if isinstance(materializer, PickleMaterializer) and not allow_pickle:
            reasons.append(materializer.instead)
            continue
        try:
            return _save_with(materializer, value, sink, path, allow_pickle=allow_pickle)
        except CannotKeepError as error:
            reasons.append(str(error))
            if isinstance(materializer, BuiltinMaterializer) and materializer.describes_pickles:
                described_by = described_by or materializer.id
    if not allow_pickle:
        raise _refusal(value, path, reasons)
    try:
        saved = _save_with(builtin(_PICKLE), value, sink, path, allow_pickle=True)
        return replace(saved, why_pickled="; ".join(reasons), described_by=described_by)
    except CannotKeepError as error:
        why = "; ".join([*reasons, str(error)])
        raise MaterializerError(
            f"{path} cannot be kept: {why}. Leave it out, convert it, or subclass argosy.Materializer for its class"
        ) from error


def _save_with(
    materializer: Materializer[Any], value: object, sink: FileSink, path: str, *, allow_pickle: bool
) -> SavedValue:
    uses_pickle, packages = is_pickle(materializer), {*materializer.packages}
    if isinstance(materializer, NestingMaterializer) and type(materializer).save is NestingMaterializer.save:
        leaves = leaf_saver(sink, allow_pickle=allow_pickle, path=path)
        materializer.save_nested(value, sink, leaves)
        uses_pickle, packages = leaves.uses_pickle, packages | leaves.packages
    elif isinstance(materializer, BuiltinMaterializer):
        materializer.save(value, sink)
    else:
        _save_with_users(materializer, value, sink, path)
    data_type, identifier = type_name(type(value)), materializer_id(materializer)
    return SavedValue(data_type, materializer.format, identifier, uses_pickle, tuple(sorted(packages)))


def _save_with_users(materializer: Materializer[Any], value: object, sink: FileSink, path: str) -> None:
    before = len(sink.files)
    try:
        materializer.save(value, sink)
    except ArgosyError:
        raise
    except Exception as error:  # the user's code
        raise MaterializerError(f"{materializer_id(materializer)} failed to save {path}: {error!r}") from error
    if len(sink.files) == before:
        raise MaterializerError(f"{materializer_id(materializer)}.save wrote no file for {path}; call files.write(...)")
    if problem := sink.problem_since(before):
        raise MaterializerError(f"{materializer_id(materializer)}.save {problem}")


def _refusal(value: object, path: str, reasons: list[str]) -> PickleRefusedError:
    cls = type_name(type(value))
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return PickleRefusedError(
        f"{path} is a {cls}, which only pickle could keep, and pickle is off{why}. "
        f"Pass allow_pickle=True, {pickle_cure()}, or {_neutral_cure(value)}"
    )


def _neutral_cure(value: object) -> str:
    """Tell how a value could be kept without pickle: code has no other form, data needs someone who knows its class."""
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType | type):
        return "save the data it works on and import the code where it is needed"
    if type(value).__module__ == "builtins" and not is_importable(type(value)):  # a generator, an iterator, ...
        return "convert it to what it stands for, such as a list"
    if any(isinstance(known, BuiltinMaterializer) for known in candidates(value)):
        # Not for the class: its other values are kept as they are.
        return "pass materializer= one of your own for it, or keep what it is made of (arrays, JSON) and make it again"
    return f"subclass argosy.Materializer with types = ({type(value).__name__},)"


def is_pickle(materializer: Materializer[Any]) -> bool:
    """Tell whether what a materializer writes runs code when it is loaded."""
    return materializer.format == builtin(_PICKLE).format


def _imported(name: str) -> Any:
    try:
        return import_name(name)
    except MaterializerError as error:
        raise MaterializerError(
            f"materializer {name!r} is not known here: {error}; import or install its module, or pass materializer=..."
        ) from error

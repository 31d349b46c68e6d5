"""Fits a parameter to its annotation: the few conversions that lose nothing.

``"3"`` becomes ``3`` for an ``int``, ``3`` becomes ``3.0`` for a ``float``, a list becomes a
tuple, text becomes a path, a date or an enum member of that value. ``3.5`` never becomes an
``int`` and a number never becomes a ``str``. pydantic judges only what is pydantic's.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Literal

from argosy.graph.annotations import Unresolved
from argosy.graph.canonical_json import canonical_json, is_pydantic_model
from argosy.graph.constraints import broken_constraint
from argosy.graph.scalar_coercion import SCALARS, Mismatch
from argosy.value_types import is_instance_of, is_union, plain_annotation, type_name

_LISTS: tuple[Any, ...] = (list, Sequence, MutableSequence, Collection, Iterable)
_SETS: tuple[Any, ...] = (set, frozenset, AbstractSet)
_MAPPINGS: tuple[Any, ...] = (dict, Mapping, MutableMapping)


def coerce(value: object, annotation: Any) -> Any:
    """Return ``value`` as the annotation wants it.

    Raises:
        Mismatch: it does not fit; the message says what was expected and what was found.
    """
    value = _without_numpy(value)
    if isinstance(annotation, Unresolved):
        return value
    if _is_for_pydantic(annotation):
        return _by_pydantic(value, annotation)
    if typing.get_origin(annotation) is Annotated:
        return _to_constrained(value, annotation.__origin__, annotation.__metadata__)
    annotation = plain_annotation(annotation)
    if any(annotation is anything for anything in (Any, object, ...)):
        return value
    if annotation is None:
        return coerce(value, type(None))
    if is_union(annotation):
        return _to_first_fitting(value, annotation)
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return _to_choice(value, typing.get_args(annotation))
    return _to_class(value, annotation, origin or annotation)


def _to_class(value: object, annotation: Any, cls: Any) -> Any:
    if isinstance(cls, type) and (convert := SCALARS.get(cls)):
        return convert(value)
    arguments = typing.get_args(annotation)
    if cls is tuple:
        return _to_tuple(value, arguments)
    if cls in _LISTS:
        return _to_list(value, annotation, arguments)
    if cls in _SETS:
        return _to_set(value, annotation, cls, arguments)
    if cls in _MAPPINGS:
        return _to_dict(value, annotation, arguments)
    if hasattr(cls, "__required_keys__"):  # a TypedDict, of typing_extensions too
        return _to_typed_dict(value, cls)
    if isinstance(cls, type) and issubclass(cls, enum.Enum):
        return _to_member(value, cls)
    if dataclasses.is_dataclass(cls) and isinstance(value, Mapping):
        return _to_dataclass(value, typing.cast("type", cls))
    if not is_instance_of(value, annotation):
        raise Mismatch(annotation, value)
    if dataclasses.is_dataclass(cls) and dataclasses.is_dataclass(value):
        return _with_fitting_fields(value)
    return value


def _to_constrained(value: object, annotation: Any, metadata: tuple[Any, ...]) -> Any:
    coerced = coerce(value, annotation)
    if problem := broken_constraint(coerced, metadata):
        raise Mismatch(f"{type_name(annotation)} {problem}", value)
    return coerced


def _to_first_fitting(value: object, annotation: Any) -> Any:
    """Prefer the member that takes the value unchanged, else the first that takes it at all."""
    candidates: list[Any] = []
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    for member in typing.get_args(annotation):
        try:
            coerced = coerce(value, member)
        except Mismatch as error:
            if value is not None and members == [member] and error.expected != type_name(member):
                raise  # it tells more than the union does
            continue
        if coerced is value or (type(coerced) is type(value) and _same_text(coerced, value)):
            return coerced
        candidates.append(coerced)
    if not candidates:
        raise Mismatch(annotation, value)
    return candidates[0]


def _same_text(one: object, other: object) -> bool:
    try:
        return canonical_json(one) == canonical_json(other)
    except TypeError:
        return False


def _to_choice(value: object, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    raise Mismatch(f"one of {', '.join(map(repr, choices))}", value)


def _to_tuple(value: object, items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        raise Mismatch(f"tuple[{', '.join(map(type_name, items))}]" if items else "tuple", value)
    if not items:
        return tuple(value)
    if ... in items:
        return tuple(_each(value, items[0]))
    if len(items) != len(value):
        raise Mismatch(f"a tuple of {len(items)} items", value)
    return tuple(_at(index, part, item) for index, (part, item) in enumerate(zip(value, items, strict=True)))


def _to_list(value: object, annotation: Any, items: tuple[Any, ...]) -> Any:
    if not isinstance(value, (list, tuple)):
        raise Mismatch(annotation, value)
    coerced = _each(value, items[0] if items else Any)
    keeps_tuple = isinstance(value, tuple) and (typing.get_origin(annotation) or annotation) is not list
    return tuple(coerced) if keeps_tuple else coerced


def _to_set(value: object, annotation: Any, cls: Any, items: tuple[Any, ...]) -> Any:
    if not isinstance(value, (set, frozenset, list, tuple)):
        raise Mismatch(annotation, value)
    is_frozen = cls is frozenset or (cls is not set and isinstance(value, frozenset))
    make: Callable[[Iterable[Any]], Any] = frozenset if is_frozen else set
    coerced = _each(list(value), items[0] if items else Any)
    try:
        return make(coerced)
    except TypeError:
        raise Mismatch(f"{type_name(annotation)} of hashable items", value) from None


def _to_dict(value: object, annotation: Any, items: tuple[Any, ...]) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise Mismatch(annotation, value)
    key_type, item_type = items if len(items) == 2 else (Any, Any)
    return {coerce(key, key_type): _at(repr(key), item, item_type) for key, item in value.items()}


def _to_typed_dict(value: object, cls: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Mismatch(cls, value)
    hints = _field_hints(cls, value)
    items = {key: _typed_dict_item(hint, is_required=key in cls.__required_keys__) for key, hint in hints.items()}
    _require_keys(value, cls, known=set(hints), required={key for key, (_, required) in items.items() if required})
    return {key: _at(repr(key), item, items[key][0]) for key, item in value.items()}


def _typed_dict_item(hint: Any, *, is_required: bool) -> tuple[Any, bool]:
    """Return what an item has to be, and whether it must be there.

    The class itself knows the latter only of annotations that are no texts, as those of a module are which begins with
    ``from __future__ import annotations``.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        inner, is_required = _typed_dict_item(arguments[0], is_required=is_required)
        return typing.cast("Any", Annotated)[(inner, *arguments[1:])], is_required
    # By name: Python 3.10 has them in typing_extensions only, 3.13 is the first that has ReadOnly.
    qualifier = getattr(origin, "_name", None)
    if qualifier not in ("Required", "NotRequired", "ReadOnly"):
        return hint, is_required
    return _typed_dict_item(
        arguments[0], is_required=is_required if qualifier == "ReadOnly" else qualifier == "Required"
    )


def _field_hints(cls: Any, value: object) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError) as error:  # of a class in a function, say, or behind TYPE_CHECKING
        raise Mismatch(f"{cls.__name__}, whose annotations cannot be read here ({error})", value) from error


def _to_dataclass(value: Mapping[Any, Any], cls: type) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    missing = dataclasses.MISSING
    required = {n for n, field in fields.items() if field.default is missing and field.default_factory is missing}
    _require_keys(value, cls, known=set(fields), required=required)
    hints = _field_hints(cls, value)
    arguments = {name: _at(repr(name), item, hints[name]) for name, item in value.items()}
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        raise Mismatch(f"{cls.__name__} ({error})", value) from error


def _with_fitting_fields(instance: Any) -> Any:
    """Return an instance of a dataclass whose fields are what its class says, a copy where one had to be changed.

    Nothing of the class is run. A default that does not fit its own annotation is taken as it is.
    """
    try:
        hints = typing.get_type_hints(type(instance), include_extras=True)
    except (NameError, TypeError):  # written in terms that are not known here
        return instance
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if not field.init or value is field.default:
            continue
        fitting = _at(repr(field.name), value, hints[field.name])
        if fitting is not value:
            changed[field.name] = fitting
    if not changed:
        return instance
    fitted = copy.copy(instance)
    for name, value in changed.items():
        object.__setattr__(fitted, name, value)  # also of a frozen one
    return fitted


def _require_keys(value: Mapping[Any, Any], cls: Any, *, known: set[str], required: set[str]) -> None:
    if unknown := sorted(map(repr, set(value) - known)):
        raise Mismatch(f"{cls.__name__}, which has no {', '.join(unknown)}", value)
    if missing := sorted(required - set(value)):
        raise Mismatch(f"{cls.__name__} with {', '.join(missing)}", value)


def _to_member(value: object, cls: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, cls):
        return value
    for member in cls:
        if type(member.value) is type(value) and member.value == value:
            return member
    raise Mismatch(f"a member of {cls.__name__} or one of {', '.join(repr(m.value) for m in cls)}", value)


def _each(values: Sequence[Any], item_type: Any) -> list[Any]:
    return [_at(index, value, item_type) for index, value in enumerate(values)]


def _at(place: object, value: object, annotation: Any) -> Any:
    try:
        return coerce(value, annotation)
    except Mismatch as error:
        raise error.inside(place) from None


def _without_numpy(value: object) -> Any:
    """Turn a numpy scalar into the Python scalar it stands for; imports nothing."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item()
    return value


def _is_for_pydantic(annotation: Any) -> bool:
    """Tell whether pydantic alone knows what an annotation means; constraints of annotated-types need it not."""
    if "pydantic" not in sys.modules:
        return False
    if typing.get_origin(annotation) is Annotated:
        packages = {type(extra).__module__.partition(".")[0] for extra in annotation.__metadata__}
        return "pydantic" in packages or _is_for_pydantic(annotation.__origin__)
    return hasattr(annotation, "__pydantic_validator__") or hasattr(annotation, "__pydantic_core_schema__")


def _by_pydantic(value: object, annotation: Any) -> Any:
    pydantic = sys.modules["pydantic"]
    if is_pydantic_model(value) and is_instance_of(value, annotation):
        return value
    try:
        return pydantic.TypeAdapter(annotation).validate_python(value)
    except pydantic.PydanticSchemaGenerationError:  # of a class that pydantic does not know: an array, a table
        if typing.get_origin(annotation) is Annotated:
            return _to_constrained(value, annotation.__origin__, annotation.__metadata__)
        raise Mismatch(annotation, value) from None
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        text = f"{type_name(annotation)} ({where + ': ' if where else ''}{first['msg']})"
        raise Mismatch(text, value) from None

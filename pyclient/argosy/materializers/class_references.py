"""Classes by name: ``module:qualname`` is how a class is recorded, and how it is found again."""

from __future__ import annotations

import importlib
import sys
import typing

from argosy.errors import MaterializerError
from argosy.public_names import HOMES


def import_name(name: str) -> object:
    """Return the object recorded as ``module:qualname``, importing its module.

    Raises:
        MaterializerError: the name is malformed, its module cannot be imported or does not have it.
    """
    module_name, _, qualname = name.partition(":")
    if not module_name or not qualname:
        raise MaterializerError(f"{name!r} is not a class name of the form 'module:qualname'")
    if module_name.startswith("argosy.") and qualname in HOMES:  # wherever it lay when it was recorded
        module_name = "argosy"
    try:
        found: object = importlib.import_module(module_name)
        for part in qualname.split("."):
            found = getattr(found, part)
    except Exception as error:  # an import runs whatever code the module holds
        raise MaterializerError(f"class {name!r} cannot be imported here ({error})") from error
    return found


def is_importable(cls: type) -> bool:
    """Tell whether a class can be found by its recorded name (a class inside a function cannot)."""
    found: object = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls


def is_recorded_as(cls: type, name: str, hint: object) -> bool:
    """Tell whether a class is the one recorded as ``name``, or one that ``hint`` supplies for it.

    The module does not count: libraries move classes, and a script's are in ``__main__`` only while it runs.
    """
    recorded = name.partition(":")[2]
    return not recorded or cls.__qualname__ == recorded or cls in _classes_in(hint)


def find_class(name: str, hint: object) -> type:
    """Return the class recorded as ``name``, with ``hint`` (a class or annotation) for classes without a home.

    A class that was defined in a script (``__main__``) or inside a function cannot be imported
    elsewhere: it is taken from the hint, or from the module the hint lives in.

    Raises:
        MaterializerError: it is in none of these places.
    """
    module_name, _, qualname = name.partition(":")
    hinted = list(_classes_in(hint))
    if module_name != "__main__" and "<locals>" not in qualname:
        try:
            found = import_name(name)
        except MaterializerError:
            if not hinted:
                raise _unknown(name) from None
        else:
            if isinstance(found, type):
                return found
            raise MaterializerError(f"{name!r} is recorded as a class, but is {type(found).__name__} here")
    for cls in hinted:
        if cls.__qualname__.rpartition(".")[2] == qualname.rpartition(".")[2]:
            return cls
    for home in (*(sys.modules.get(cls.__module__) for cls in hinted), sys.modules.get("__main__")):
        neighbour = getattr(home, qualname, None)
        if isinstance(neighbour, type):
            return neighbour
    if isinstance(hint, type) and hint.__module__ != "builtins":
        return hint
    raise _unknown(name)


def _unknown(name: str) -> MaterializerError:
    return MaterializerError(
        f"class {name!r} cannot be found here; install or import its module, or pass the class as as_type=..."
    )


def _classes_in(annotation: object) -> typing.Iterator[type]:
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes_in(argument)

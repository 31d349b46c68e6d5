"""A digest of a whole module: of the source of its file, or of everything in its package."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from argosy.execution.caching.file_digest import file_digest
from argosy.execution.caching.joined_digest import digest_of
from argosy.execution.caching.project_code import is_project_module
from argosy.execution.caching.source_tree import module_source, was_made_from
from argosy.execution.caching.value_digest import UnhashableValueError, is_code

_CODE = frozenset({".py", ".pyi", ".so", ".pyd", ".pyx"})


def module_digest(module: ModuleType) -> str:
    """Return the digest of a module's files; of the project's own without their layout, comments and docs.

    Raises:
        UnhashableValueError: it has no files, cannot be read, or was edited since it was imported, so that what is
            executed is something else.
    """
    own = is_project_module(module.__name__)
    pieces: list[str] = []
    for name, path in _files(module):
        text = _own_text(path) if own and path.suffix == ".py" else None
        pieces += [name, _raw_digest(path) if text is None else text]
    if own:
        _refuse_edited(module)
    return digest_of(piece.encode(errors="surrogatepass") for piece in pieces)


def _files(module: ModuleType) -> Iterator[tuple[str, Path]]:
    """Yield (name inside the module, path) of each file of code, in an order that is the same everywhere."""
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    file = getattr(module, "__file__", None)
    if not folders and (file is None or not Path(file).is_file()):
        raise UnhashableValueError(f"module {module.__name__} has no file of its own")
    if not folders and file is not None:
        yield "", Path(file)
    for folder in folders:
        found = (path for path in folder.rglob("*") if path.suffix in _CODE and path.is_file())
        yield from sorted((path.relative_to(folder).as_posix(), path) for path in found)


def _own_text(path: Path) -> str | None:
    try:
        return module_source(path.read_bytes())
    except OSError as error:
        raise UnhashableValueError(f"{path} cannot be read ({error.strerror})") from error


def _raw_digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise UnhashableValueError(f"{path} cannot be read ({error.strerror})") from error


def _refuse_edited(module: ModuleType) -> None:
    """Refuse files that say something else than what was imported from them: a result would be kept as theirs."""
    inside = f"{module.__name__}."
    for name, imported in list(sys.modules.items()):
        if (name == module.__name__ or name.startswith(inside)) and isinstance(imported, ModuleType):
            for function in _functions(imported):
                if not was_made_from(function):
                    raise UnhashableValueError(
                        f"{function.__qualname__} is not what {function.__code__.co_filename} says, which was edited "
                        "since it was imported; start Python anew, or reload the module"
                    )


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions and methods that the file of a module defines.

    None when it was loaded in a way that changes them, as pytest does with tests: then they cannot be compared.
    """
    if type(getattr(module, "__loader__", None)) is not SourceFileLoader:
        return
    for thing in list(vars(module).values()):
        for member in list(vars(thing).values()) if isinstance(thing, type) else [thing]:
            function = _innermost(member)
            if function is not None and function.__code__.co_filename == getattr(module, "__file__", None):
                yield function


def _innermost(thing: Any) -> FunctionType | None:
    if isinstance(thing, property):
        thing = thing.fget
    if isinstance(thing, (staticmethod, classmethod)):
        thing = thing.__func__
    if is_code(thing) and not isinstance(thing, (type, ModuleType)):
        thing = inspect.unwrap(thing)
    return thing if isinstance(thing, FunctionType) else None

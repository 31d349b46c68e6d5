"""A digest of code somebody named as a dependency: a function, a class, or a whole module."""

from __future__ import annotations

import sys
from types import FunctionType, MethodType, ModuleType
from typing import Any

from argosy.execution.caching.code_fingerprint import fingerprint_dependency
from argosy.execution.caching.module_source import module_digest
from argosy.execution.caching.project_code import is_project_module
from argosy.execution.caching.value_digest import UnhashableValueError


def dependency_name(thing: Any) -> str:
    """Return what a dependency is called in a cache key: ``package.module`` or ``package.module.function``."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    return f"{getattr(thing, '__module__', None) or 'builtins'}.{getattr(thing, '__qualname__', repr(thing))}"


def dependency_digest(thing: Any) -> str:
    """Return the digest of its code.

    A function or class of the project counts with all of the project it refers to; one of a library with the whole
    module it stands in; a module or package with its files.

    Raises:
        UnhashableValueError: part of it has no digest; the message names it.
    """
    if isinstance(thing, MethodType):
        thing = thing.__func__
    if isinstance(thing, ModuleType):
        return module_digest(thing)
    home = str(getattr(thing, "__module__", None) or "builtins")
    if isinstance(thing, (FunctionType, type)) and is_project_module(home):
        code = fingerprint_dependency(thing)
        if code.digest is None:
            raise UnhashableValueError("; ".join(code.reasons))
        return code.digest
    module = sys.modules.get(home)
    if module is None:
        raise UnhashableValueError(f"its module {home} is not imported")
    return module_digest(module)

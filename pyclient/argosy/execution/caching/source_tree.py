"""Finds the syntax tree of a function that is alive, if its source is what it was made from.

A file may have been edited since it was imported. Then its text says something else than the
function does, so every tree is compiled and compared with the living code before it is used.
"""

from __future__ import annotations

import ast
import functools
import linecache
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, MappingProxyType
from typing import Any

from argosy.execution.caching.code_object import code_object_digest, inner_code_objects

_Position = tuple[str, int]  # a function's name and its first line, decorators included
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _SourceFile:
    trees: MappingProxyType[_Position, _Function]
    codes: MappingProxyType[_Position, CodeType]


def function_source(function: FunctionType) -> str | None:
    """Return a text that is equal for functions that differ in layout, comments, docs and decorators only.

    ``None`` when there is no source, or when it is not what the function was made from.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    source = _parsed(text) if text else None
    position = (code.co_name, code.co_firstlineno)
    if source is None or position not in source.trees or position not in source.codes:
        return None
    if code_object_digest(source.codes[position]) != code_object_digest(code):
        return None
    return _normal_text(source.trees[position])


def was_made_from(function: FunctionType) -> bool:
    """Tell whether the source of a function, as it is in its file now, is what the function was made from."""
    file = function.__code__.co_filename
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file, function.__globals__))
    return code_object_digest(function.__code__) in _code_digests(text)


@functools.lru_cache(maxsize=256)
def _code_digests(text: str) -> frozenset[str]:
    """Return the digests of every function of a source."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = compile(text, "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return frozenset(map(code_object_digest, _all_codes(module)))


@functools.lru_cache(maxsize=1024)
def module_source(content: bytes) -> str | None:
    """Return a text that is equal for modules that differ in layout, comments and docs only; ``None`` for no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _dumped(ast.parse(content))
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> _SourceFile | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were shown when the module was imported
            tree = ast.parse(text)
            module = compile(tree, "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    functions = [node for node in ast.walk(tree) if isinstance(node, _Function)]
    trees = {_position_of(node): node for node in functions}
    codes = {(code.co_name, code.co_firstlineno): code for code in _all_codes(module)}
    counted = Counter(_position_of(node) for node in functions)
    unique = {position: tree for position, tree in trees.items() if counted[position] == 1}
    return _SourceFile(MappingProxyType(unique), MappingProxyType(codes))


def _position_of(node: _Function) -> _Position:
    return node.name, min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _all_codes(code: CodeType) -> Iterator[CodeType]:
    for inner in inner_code_objects(code):
        yield inner
        yield from _all_codes(inner)


@functools.lru_cache(maxsize=1024)
def _normal_text(node: _Function) -> str:
    bare = type(node)(
        **{name: value for name, value in ast.iter_fields(node) if name != "decorator_list"}, decorator_list=[]
    )
    return _dumped(bare)


def _dumped(node: Any) -> str:
    """Write a tree as text without positions and docs, the same in every version that has the same syntax."""
    if isinstance(node, ast.AST):
        fields = ((name, _without_docs(node, name, value)) for name, value in ast.iter_fields(node))
        kept = (f"{name}={_dumped(value)}" for name, value in fields if value not in (None, []) and name != "kind")
        return f"{type(node).__name__}({','.join(kept)})"
    if isinstance(node, list):
        return f"[{','.join(map(_dumped, node))}]"
    return repr(node)


def _without_docs(node: ast.AST, field: str, value: Any) -> Any:
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    if field != "body" or not isinstance(node, documented) or ast.get_docstring(node, clean=False) is None:
        return value
    return value[1:]

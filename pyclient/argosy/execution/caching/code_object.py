"""What a code object says about itself: a digest of what it does, and the names it reads."""

from __future__ import annotations

import dis
import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, MappingProxyType
from typing import Any, TypeAlias

from blake3 import blake3

_FLAGS_OF_BEHAVIOUR = 0xFF  # above are flags of `from __future__ import ...`
_READS_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_READS_CELL = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
_READS_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_SETS_ATTRIBUTE = frozenset({"STORE_ATTR", "DELETE_ATTR"})
_BESIDE_IMPORTS = frozenset({"SWAP", "ROT_TWO", "POP_TOP"})

Path: TypeAlias = "tuple[str, ...]"
"""Attributes that are read one after the other: ``("inner", "scale")`` of ``package`` in ``package.inner.scale``.

An empty one means the thing itself: it is called, handed on, or given another name."""


@dataclass(frozen=True)
class ImportedName:
    """One ``import`` statement inside a function.

    Attributes:
        module: the module as written.
        level: the number of leading dots.
        names: what ``from module import ...`` names; empty for ``import module``.
        paths: what is read of the module, or of its first package when it names no names.
    """

    module: str
    level: int
    names: tuple[str, ...]
    paths: frozenset[Path]


@dataclass(frozen=True)
class NamesRead:
    """The names a function reads, those of the functions inside it too.

    Attributes:
        global_names: each name looked up in the module -> what is read of it.
        variables: each local variable, and each of an enclosing function -> what is read of it.
        imports: imports in the body, in order.
    """

    global_names: Mapping[str, frozenset[Path]]
    variables: Mapping[str, frozenset[Path]]
    imports: tuple[ImportedName, ...]


def code_object_digest(code: CodeType) -> str:
    """Return a digest of the byte code, constants and names, whatever lines they stand on."""
    return blake3(_described(code).encode()).hexdigest()


@functools.lru_cache(maxsize=4096)
def names_read_by(code: CodeType) -> NamesRead:
    """Find the names a code object and those inside it read, and which attributes of each."""
    global_names: defaultdict[str, set[Path]] = defaultdict(set)
    variables: defaultdict[str, set[Path]] = defaultdict(set)
    bodies = [_instructions(part) for part in _with_inner(code)]
    for part, instructions in zip(_with_inner(code), bodies, strict=True):
        for index, instruction in enumerate(instructions):
            if instruction.opname in _READS_GLOBAL:
                global_names[instruction.argval].add(_path_read(instructions, index + 1))
            for variable, whole in _variables_read(part, instruction):
                variables[variable].add(() if whole else _path_read(instructions, index + 1))

    def read_of(variable: str) -> set[Path]:
        return global_names.get(variable, set()) | variables.get(variable, set())

    imports = [
        _imported(instructions, index, read_of)
        for instructions in bodies
        for index, instruction in enumerate(instructions)
        if instruction.opname == "IMPORT_NAME"
    ]
    return NamesRead(_frozen(global_names), _frozen(variables), tuple(imports))


def _instructions(code: CodeType) -> list[dis.Instruction]:
    return [instruction for instruction in dis.get_instructions(code) if instruction.opname != "EXTENDED_ARG"]


def _path_read(instructions: Sequence[dis.Instruction], index: int) -> Path:
    """Return the attributes that are read from ``index`` on of what was loaded just before."""
    path: list[str] = []
    while instructions[index].opname in _READS_ATTRIBUTE:
        path.append(instructions[index].argval)
        index += 1
    if instructions[index].opname in _SETS_ATTRIBUTE:
        path.append(instructions[index].argval)
    return tuple(path)


def _variables_read(code: CodeType, instruction: dis.Instruction) -> Iterator[tuple[str, bool]]:
    """Yield the variables an instruction loads, and whether the next instruction cannot be about it."""
    name, found = instruction.opname, instruction.argval
    if name in _READS_CELL:
        yield found, False
    elif name.startswith("LOAD_FAST") and isinstance(found, tuple):  # two at once, from Python 3.13 on
        yield found[0], True
        yield found[1], False
    elif name.startswith("LOAD_FAST") and name != "LOAD_FAST_AND_CLEAR":
        # A cell itself is loaded only to hand it to an inner function, whose own reads count.
        if found not in (*code.co_cellvars, *code.co_freevars):
            yield found, False
    elif name == "STORE_FAST_LOAD_FAST":
        yield found[1], False


def _imported(instructions: Sequence[dis.Instruction], index: int, read_of: Callable[[str], set[Path]]) -> ImportedName:
    """Read an import: the level and the names stand before it, and after it which variables get what."""
    level, names = (before.argval for before in instructions[index - 2 : index])
    module: str = instructions[index].argval
    path: Path = ()
    paths: set[Path] = set()
    for instruction in itertools.islice(instructions, index + 1, None):
        if instruction.opname == "IMPORT_FROM":
            path = (instruction.argval,) if names else (*path, instruction.argval)
        elif instruction.opname.startswith("STORE_"):
            variable = instruction.argval[0] if isinstance(instruction.argval, tuple) else instruction.argval
            unread = () if path else tuple(module.split(".")[1:])  # it is imported for what importing it does
            paths.update((*path, *rest) for rest in read_of(variable) or {unread})
            if not names:
                break
        elif instruction.opname not in _BESIDE_IMPORTS:
            break
    return ImportedName(module, level, tuple(names or ()), frozenset(paths))


def _frozen(read: Mapping[str, set[Path]]) -> Mapping[str, frozenset[Path]]:
    return MappingProxyType({name: frozenset(paths) for name, paths in sorted(read.items())})


def inner_code_objects(code: CodeType) -> list[CodeType]:
    """Return the code objects of everything defined directly inside ``code``."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _with_inner(code: CodeType) -> list[CodeType]:
    found = [code]
    for inner in inner_code_objects(code):
        found.extend(_with_inner(inner))
    return found


def _described(constant: Any) -> str:
    if isinstance(constant, CodeType):
        code = constant
        counts = (
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags & _FLAGS_OF_BEHAVIOUR,
        )
        names = (code.co_varnames, code.co_names, code.co_freevars, code.co_cellvars)
        constants = [_described(inner) for inner in code.co_consts]
        handlers = getattr(code, "co_exceptiontable", b"")
        return f"code({code.co_name!r},{counts},{names},{code.co_code.hex()},{handlers.hex()},{constants})"
    if isinstance(constant, tuple):
        return f"({','.join(map(_described, constant))})"
    if isinstance(constant, frozenset):
        return f"{{{','.join(sorted(map(_described, constant)))}}}"
    return f"{type(constant).__name__}:{constant!r}"

"""What a code object says about itself: a digest of what it does, and the names it reads."""

from __future__ import annotations

import dis
import functools
from dataclasses import dataclass
from types import CodeType
from typing import Any

from blake3 import blake3

_FLAGS_OF_BEHAVIOUR = 0xFF  # above are flags of `from __future__ import ...`
_READS_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_READS_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM"})


@dataclass(frozen=True)
class ImportedName:
    """One ``import`` statement inside a function.

    Attributes:
        module: the module as written.
        level: the number of leading dots.
        names: what ``from module import ...`` names; empty for ``import module``.
    """

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class NamesRead:
    """The names a function reads, those of the functions inside it too.

    Attributes:
        global_names: names looked up in the module, sorted.
        attributes: names looked up on any object.
        texts: the texts it contains, which may be names for ``getattr``.
        imports: imports in the body, in order.
    """

    global_names: tuple[str, ...]
    attributes: frozenset[str]
    texts: frozenset[str]
    imports: tuple[ImportedName, ...]


def code_object_digest(code: CodeType) -> str:
    """Return a digest of the byte code, constants and names, whatever lines they stand on."""
    return blake3(_described(code).encode()).hexdigest()


@functools.lru_cache(maxsize=4096)
def names_read_by(code: CodeType) -> NamesRead:
    """Find the names a code object and those inside it read."""
    global_names: set[str] = set()
    attributes: set[str] = set()
    texts: set[str] = set()
    imports: list[ImportedName] = []
    for part in _with_inner(code):
        texts.update(constant for constant in part.co_consts if isinstance(constant, str))
        instructions = list(dis.get_instructions(part))
        for index, instruction in enumerate(instructions):
            if instruction.opname in _READS_GLOBAL:
                global_names.add(instruction.argval)
            elif instruction.opname in _READS_ATTRIBUTE:
                attributes.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                level, names = (before.argval for before in instructions[index - 2 : index])
                imports.append(ImportedName(instruction.argval, level, tuple(names or ())))
    return NamesRead(tuple(sorted(global_names)), frozenset(attributes), frozenset(texts), tuple(imports))


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

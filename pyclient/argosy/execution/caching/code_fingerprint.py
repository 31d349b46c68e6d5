"""The fingerprint of a step's code: what must be unchanged for an earlier result to be reused.

It covers the step's syntax tree without decorators, layout, comments and docs; recursively
the project's functions and classes it names, also through modules; and the values of the
globals and closure cells it reads. Installed libraries count by name only. Each part has a
digest of its own, so that a miss can say what changed.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import sys
import typing
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from types import CellType, FunctionType, MappingProxyType, ModuleType
from typing import Any

from argosy.execution.caching.class_parts import class_attributes
from argosy.execution.caching.code_object import ImportedName, Path, code_object_digest, names_read_by
from argosy.execution.caching.joined_digest import digest_of
from argosy.execution.caching.project_code import is_project_module
from argosy.execution.caching.source_tree import function_source
from argosy.execution.caching.value_digest import UnhashableValueError, ValueDigester, is_code
from argosy.graph.source_location import SourceLocation
from argosy.materializers.base import registered_for
from argosy.public_names import LASTING, lasting_module

_ITSELF: frozenset[Path] = frozenset({()})
_OF_EVERY_MODULE = frozenset(vars(ModuleType(""))) | {"__builtins__", "__cached__", "__file__", "__path__"}


class UncachedStepWarning(UserWarning):
    """A step is not cached, because a part of its code has no digest."""


@dataclass(frozen=True)
class CodeFingerprint:
    """What was found about the code of a step.

    Attributes:
        own: digest of the function itself.
        parts: name -> digest of everything of the project it refers to (``mymodule.helper``).
        digest: digest of all of it; ``None`` when a part has none.
        reasons: for each part without a digest its name and why; empty when all have one.
    """

    own: str
    parts: Mapping[str, str]
    digest: str | None
    reasons: tuple[str, ...] = ()


def fingerprint_code(function: Callable[..., Any], *used: object) -> CodeFingerprint:
    """Make the fingerprint of a step's function; nothing is executed except imports it would do itself.

    Args:
        function: of the step.
        used: objects the step is run with, such as materializers; those of the project's classes count too.
    """
    walk = _Walk(function, is_step=True)
    for thing in used:
        walk.use(thing)
    return _fingerprint(walk)


def fingerprint_dependency(thing: FunctionType | type) -> CodeFingerprint:
    """Make the fingerprint of a function or class of the project that a step depends on; its defaults count too."""
    return _fingerprint(_Walk(thing, is_step=False))


def _fingerprint(walk: _Walk) -> CodeFingerprint:
    walk.finish()
    own = walk.parts.pop(walk.root, walk.root)
    parts = dict(sorted(walk.parts.items()))
    reasons = tuple(f"{name}: {reason}" for name, reason in sorted(walk.reasons.items()))
    whole = digest_of([own, *(text for item in parts.items() for text in item)])
    return CodeFingerprint(own, MappingProxyType(parts), None if reasons else whole, reasons)


def warn_if_uncached(step: str, fingerprint: CodeFingerprint, location: SourceLocation) -> None:
    """Warn where the step is defined, naming the parts, when the fingerprint cannot be part of a cache key."""
    if fingerprint.digest is None:
        warnings.warn_explicit(
            f"step {step!r} is not cached, since it reads what has no digest: {'; '.join(fingerprint.reasons)}. "
            "Pass it as an input or make it inside the step; enable_cache=False silences this",
            UncachedStepWarning,
            location.file,
            location.line,
            registry=_warned,
        )


_warned: dict[str | tuple[str, type[Warning], int], int] = {}
"""What Python keeps to show a warning once, however often the step runs."""


class _Walk:
    """Visits code breadth first; each function, class and value is one part."""

    def __init__(self, root: Callable[..., Any], *, is_step: bool) -> None:
        self.parts: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self._value_names: dict[tuple[str, int], str] = {}
        self._kept_alive: list[object] = []  # ids are only names while their objects live
        self._waiting: list[tuple[str, Callable[[], str]]] = []
        self._values = ValueDigester(self.name_code)
        self._is_step = is_step
        self.root = self.name_code(root)

    def finish(self) -> None:
        """Digest every part, until no new ones turn up."""
        while self._waiting:
            name, digest = self._waiting.pop(0)
            try:
                self.parts[name] = digest()
            except UnhashableValueError as error:
                self.reasons[name] = str(error)

    def use(self, thing: object) -> None:
        """Plan to visit an object if its class is the project's."""
        if is_project_module(type(thing).__module__):
            self._refer(_qualified_name(type(thing)), thing)

    def name_code(self, thing: Any) -> str:
        """Return the name of a function, class, module or wrapper, and plan to visit it if it is the project's."""
        if id(thing) in self._names:
            return self._names[id(thing)]
        if isinstance(thing, ModuleType):
            return self._name_module(thing)
        if not isinstance(thing, (FunctionType, type)):
            return self._name_wrapper(thing)
        name = self._free_name(_qualified_name(thing))
        self._names[id(thing)] = name
        self._kept_alive.append(thing)
        if isinstance(thing, FunctionType):
            if is_project_module(_module_of(thing)):
                self._waiting.append((name, lambda: self._function(name, thing)))
            elif wrapped := _project_code_inside(thing):
                self._waiting.append((name, lambda: digest_of([name, *map(self.name_code, wrapped)])))
        elif is_project_module(thing.__module__):
            self._waiting.append((name, lambda: self._class(name, thing)))
        return name

    def _name_wrapper(self, wrapper: Any) -> str:
        """Return the name of an object around a function, and plan to visit what an object of the project knows."""
        inside = self._refer(f"{type(wrapper).__qualname__}.__wrapped__", wrapper.__wrapped__)
        name = self._names[id(wrapper)] = f"{self.name_code(type(wrapper))} around {inside}"
        self._kept_alive.append(wrapper)
        if is_project_module(type(wrapper).__module__) and (known := _own_attributes(wrapper)):
            self._refer(f"{inside}.<wrapper>", known)
        return name

    def _free_name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}#{number}"
        self._taken.add(name)
        return name

    def _function(self, name: str, function: FunctionType) -> str:
        code = function.__code__
        source = function_source(function)
        pieces = [source or code_object_digest(code), self._defaults(name, function)]
        if known := _own_attributes(function):
            pieces.append(self._refer(f"{name}.<attributes>", known))
        pieces.extend(self._cells(name, function))
        read = names_read_by(code)
        module = _module_of(function)
        for global_name, paths in read.global_names.items():
            if global_name in function.__globals__:
                value = function.__globals__[global_name]
                pieces.append(f"{global_name} is {self._refer(f'{module}.{global_name}', value, paths)}")
            elif not hasattr(builtins, global_name):
                pieces.append(f"{global_name} is undefined")
        pieces.extend(self._imports(name, function, read.imports))
        pieces.extend(sorted(map(self.name_code, _project_classes(function))))
        return digest_of(pieces)

    def _class(self, name: str, cls: type) -> str:
        pieces = [self.name_code(type(cls)), *map(self.name_code, cls.__bases__)]
        for attribute, value in class_attributes(cls):
            pieces.append(f"{attribute} is {self._refer(f'{name}.{attribute}', value)}")
        return digest_of(pieces)

    def _defaults(self, name: str, function: FunctionType) -> str:
        """The defaults of a step are bound as its parameters; those of other functions are values they read."""
        if (self._is_step and name == self.root) or (function.__defaults__ is None and function.__kwdefaults__ is None):
            return ""
        return self._refer(f"{name}.<defaults>", (function.__defaults__, function.__kwdefaults__))

    def _cells(self, name: str, function: FunctionType) -> Iterator[str]:
        variables = names_read_by(function.__code__).variables
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            value = _content(cell)
            yield f"{variable} is {self._refer(f'{name}.<{variable}>', value, variables.get(variable, _ITSELF))}"

    def _refer(self, name: str, value: Any, paths: frozenset[Path] = _ITSELF) -> str:
        """Return what stands for a value that code reads under a name, and plan to visit it.

        Args:
            name: of the value.
            value: it.
            paths: what is read of it; of a module the rest does not count.
        """
        if isinstance(value, ModuleType):
            return self._refer_to_module(value, paths)
        if is_code(value):
            return self.name_code(value)
        key = (name, id(value))
        if key not in self._value_names:
            part = self._value_names[key] = self._free_name(name)
            self._kept_alive.append(value)
            self._waiting.append((part, lambda: self._values.digest(value).hex()))
        return f"value {self._value_names[key]}"

    def _refer_to_module(self, module: ModuleType, paths: frozenset[Path]) -> str:
        """Follow what is read of a project's module: all of it unless only its attributes are."""
        if not is_project_module(module.__name__) or any(path[:1] in ((), ("__dict__",)) for path in paths):
            return self._name_module(module)
        rests: defaultdict[str, set[Path]] = defaultdict(set)
        for path in paths:
            rests[path[0] if path[0] in vars(module) else "__getattr__"].add(path[1:])
        return self._attributes(module, rests)

    def _name_module(self, module: ModuleType) -> str:
        """Return the name of a module that is handed on, and plan to visit all of it if it is the project's."""
        if id(module) not in self._names:
            name = self._names[id(module)] = self._free_name(f"module {module.__name__}")
            self._kept_alive.append(module)
            if is_project_module(module.__name__):
                everything = {attribute: {()} for attribute in vars(module) if not _is_special(attribute)}
                self._waiting.append((name, lambda: digest_of([self._attributes(module, everything)])))
        return self._names[id(module)]

    def _attributes(self, module: ModuleType, rests: Mapping[str, Set[Path]]) -> str:
        present = sorted(rests.keys() & vars(module).keys() - _OF_EVERY_MODULE)
        found = (
            f", {name} is {self._refer(f'{module.__name__}.{name}', vars(module)[name], frozenset(rests[name]))}"
            for name in present
        )
        return f"module {module.__name__}{''.join(found)}"

    def _imports(self, name: str, function: FunctionType, imports: Iterable[ImportedName]) -> Iterator[str]:
        for imported in imports:
            try:
                module = _imported_module(imported, function)
            except Exception as error:  # importing runs the module, which can raise anything
                self.reasons[f"{name}: import {imported.module}"] = str(error)
                continue
            if module is not None:
                yield self._refer_to_module(module, imported.paths)


def _imported_module(imported: ImportedName, function: FunctionType) -> ModuleType | None:
    """Return the project's module that an import inside a function means, ``None`` for other modules."""
    name = imported.module
    if imported.level:
        package = function.__globals__.get("__package__") or _module_of(function).rpartition(".")[0]
        name = importlib.util.resolve_name("." * imported.level + name, package)
    if not is_project_module(name):
        return None
    module = sys.modules.get(name) or importlib.import_module(name)
    for attribute in imported.names:
        if not hasattr(module, attribute):
            importlib.import_module(f"{name}.{attribute}")
    return module if imported.names or imported.level else sys.modules[name.partition(".")[0]]


def _is_special(attribute: str) -> bool:
    return attribute.startswith("__") and attribute.endswith("__") and attribute != "__getattr__"


def _own_attributes(thing: Any) -> dict[str, Any]:
    """Return what was set on a function or on an object around one, but for what it has of the function inside."""
    return {name: value for name, value in sorted(vars(thing).items()) if not _is_special(name)}


def _project_classes(function: FunctionType) -> list[type]:
    """The classes of the project that the annotations name, and the materializers that keep their values."""
    try:
        annotations = typing.get_type_hints(function)
    except Exception:  # an annotation is the user's expression; the syntax tree has it as text anyway
        annotations = {}
    found: list[type] = []
    waiting = list(annotations.values())
    while waiting:
        annotation = waiting.pop()
        waiting.extend(argument for argument in typing.get_args(annotation) if not isinstance(argument, str))
        if not inspect.isclass(annotation):
            continue
        keepers = [keeper for base in annotation.__mro__ if (keeper := registered_for(base)) is not None]
        for cls in (annotation, *keepers[:1]):
            if is_project_module(cls.__module__) and cls not in found:
                found.append(cls)
    return found


def _project_code_inside(function: FunctionType) -> list[Any]:
    """The project's functions and classes that a library's function wraps: it is a decorator's result.

    Its other cells are the decorator's arguments, which do not count, as decorators do not.
    """
    found: list[Any] = []
    seen: list[Any] = []
    waiting: list[Any] = [function]
    while waiting:
        thing = waiting.pop()
        if any(thing is known for known in seen):
            continue
        seen.append(thing)
        if isinstance(thing, (FunctionType, type)) and is_project_module(_home_of(thing)):
            found.append(thing)
        elif isinstance(thing, FunctionType):
            for content in map(_content, thing.__closure__ or ()):
                # A mapping holds what is chosen from when it is called: functools.singledispatch.
                candidates = list(content.values()) if isinstance(content, dict) else [content]
                waiting.extend(filter(is_code, candidates))
        elif not isinstance(thing, (type, ModuleType)):
            waiting.append(thing.__wrapped__)
    return found


def _home_of(thing: FunctionType | type) -> str:
    return thing.__module__ if isinstance(thing, type) else _module_of(thing)


def _module_of(function: FunctionType) -> str:
    return str(function.__globals__.get("__name__", "__main__"))


def _qualified_name(thing: FunctionType | type) -> str:
    module = lasting_module(str(thing.__module__), thing.__qualname__)
    if isinstance(thing, type) or module == LASTING:  # as users know it, whatever it is wrapped in
        return f"{module}.{thing.__qualname__}"
    own_name = getattr(thing.__code__, "co_qualname", thing.__qualname__)  # wrappers bear the name of what they wrap
    return f"{_module_of(thing)}.{own_name}"


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "<empty>"

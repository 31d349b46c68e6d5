"""The class users subclass to teach Argosy a type of their own.

A materializer turns a value into files of a documented *format* and back::

    class ImageMaterializer(Materializer[Image]):
        types = (Image,)
        format = "png"

        def save(self, value, files):
            files.write("image.png", value.to_png())

        def load(self, files, as_type):
            return Image.from_png(files.read("image.png"))

Defining the class is all: from then on values of its types are kept by it.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from argosy.errors import DefinitionError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

T = TypeVar("T")

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
"""What a JSON document can say."""

_FORMAT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


_registered: dict[type, type[Materializer[Any]]] = {}
_by_name: dict[str, type[Materializer[Any]]] = {}
_is_suspended = False


class MaterializerReplacedWarning(UserWarning):
    """A materializer took over a type that another one of the user's kept."""


class Materializer(Generic[T]):
    """Turns values of some types into files and back.

    A class is checked when it is defined. One that says ``types`` itself, or has them from an abstract
    base, is registered for them; the newest registration of a type wins, also over the built-in ones.
    One that inherits ``types`` from a materializer takes nothing over: it keeps what is given to it by
    ``materializer=``. It is made without arguments. ``abstract=True`` in the class statement marks a
    base class for other materializers.

    Attributes:
        types: the classes it keeps, subclasses included.
        format: the language-neutral name of its file layout.
        packages: names of the distributions (as ``pip`` takes them) on whose version the bytes depend. What is
            installed of them is recorded with every value, and compared when it is loaded.
    """

    types: ClassVar[tuple[type, ...]]
    format: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    _is_abstract: ClassVar[bool] = True

    def save(self, value: T, files: FileSink) -> None:
        """Write ``value`` as files. Buffers are not copied; nothing is sent before this returns."""
        raise NotImplementedError

    def load(self, files: FileSource, as_type: type[T] | None) -> T:
        """Make the value again from its files.

        Args:
            files: what ``save`` wrote.
            as_type: the class of what is to be made: the one the caller asked for, else the recorded one, a subclass of
                one of ``types`` perhaps; ``None`` where it cannot be found by the name it was recorded under.
        """
        raise NotImplementedError

    def extract_metadata(self, value: T) -> dict[str, JSON]:
        """Return searchable facts about ``value``; nothing by default."""
        return {}

    def visualize(self, value: T) -> dict[str, bytes]:
        """Return small previews as path -> content (``{"head.html": b"..."}``); nothing by default.

        The end of a path says what it is: ``.html``, ``.png``, ``.svg``, ``.csv``, ``.md``, ``.json``, ``.txt``. This
        runs in a thread beside the transfer of the value. What raises, is late (2 s after all else is sent) or more
        than 20 files or 1 MiB is left out with a warning; the value is saved all the same.
        """
        return {}

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: object) -> None:
        """Check the class, then register it for the types it names.

        Raises:
            DefinitionError: ``types``, ``format``, ``save`` or ``load`` is missing or malformed.
        """
        super().__init_subclass__(**kwargs)
        cls._is_abstract = abstract
        if abstract:
            return
        if _is_suspended:
            return
        for message in take_in(cls):
            warnings.warn(message, MaterializerReplacedWarning, stacklevel=2)


class BuiltinMaterializer(Materializer[T], abstract=True):
    """A materializer that ships with Argosy; found by its id, never registered.

    Attributes:
        id: the short stable name recorded with every value it keeps.
        describes_pickles: whether it knows what to tell and show of a value that it cannot keep.
    """

    id: ClassVar[str]
    describes_pickles: ClassVar[bool] = False


def type_name(cls: type) -> str:
    """Return ``module:qualname``, the recorded name of a class."""
    return f"{cls.__module__}:{cls.__qualname__}"


def check_definition(cls: type[Materializer[Any]]) -> None:
    """Refuse a materializer class that could not work.

    Raises:
        DefinitionError: names the class, the rule and the cure.
    """
    types = getattr(cls, "types", None)
    if isinstance(types, type):
        raise DefinitionError(f"{cls.__qualname__}.types must be a tuple of classes; write types = ({types.__name__},)")
    if not isinstance(types, tuple) or not types:
        raise DefinitionError(f"{cls.__qualname__}.types must be a tuple of at least one class, got {types!r}")
    for item in types:
        if not isinstance(item, type) or hasattr(item, "__origin__"):
            raise DefinitionError(f"{cls.__qualname__}.types holds {item!r}, which is not a class; name classes only")
    file_format = getattr(cls, "format", None)
    if not isinstance(file_format, str) or not _FORMAT.fullmatch(file_format):
        raise DefinitionError(
            f"{cls.__qualname__}.format must name the file layout with lower-case letters, digits, '.', '_' or '-' "
            f"(for example format = 'png'), got {file_format!r}"
        )
    _check_packages(cls)
    _check_method(cls, "save", "(self, value, files)", 3)
    _check_method(cls, "load", "(self, files, as_type)", 3)


def _check_packages(cls: type[Materializer[Any]]) -> None:
    given: object = cls.packages
    if isinstance(given, str):
        raise DefinitionError(f"{cls.__qualname__}.packages is one text; write packages = ({given!r},)")
    if not isinstance(given, tuple) or not all(isinstance(name, str) and name for name in given):
        raise DefinitionError(
            f"{cls.__qualname__}.packages must be a tuple of names of distributions (packages = ('pillow',)), "
            f"got {given!r}"
        )


def _check_method(cls: type[Materializer[Any]], name: str, signature: str, arguments: int) -> None:
    method = getattr(cls, name)
    if method is getattr(Materializer, name):
        raise DefinitionError(
            f"{cls.__qualname__} must define {name}{signature}; a base class for others is marked by "
            f"class {cls.__name__}(..., abstract=True)"
        )
    try:
        inspect.signature(method).bind(*range(arguments))
    except TypeError:
        raise DefinitionError(f"{cls.__qualname__}.{name} must take {signature}") from None


@contextlib.contextmanager
def registration_suspended() -> Iterator[None]:
    """Leave classes alone that are made in the block: a pickle makes them empty first. Then :func:`take_in` them."""
    global _is_suspended
    _is_suspended = True
    try:
        yield
    finally:
        _is_suspended = False


def registered_classes() -> list[type[Materializer[Any]]]:
    """Return the user's materializers of this process."""
    return list(_by_name.values())


def take_in(cls: type[Materializer[Any]]) -> list[str]:
    """Check a new class, then register it for the types it names; tell which others it replaces.

    Raises:
        DefinitionError: it could not work.
    """
    check_definition(cls)
    if issubclass(cls, BuiltinMaterializer) and cls.__module__.partition(".")[0] == "argosy":
        return []
    _by_name[type_name(cls)] = cls
    names_types = next(base for base in cls.__mro__ if "types" in vars(base))
    return _take_over(cls) if names_types is cls or vars(names_types).get("_is_abstract") else []


def register_materializer(cls: type[Materializer[T]]) -> type[Materializer[T]]:
    """Make ``cls`` the materializer of its ``types`` in this process; the newest wins.

    Subclassing :class:`Materializer` does this already, with a warning where it replaces another; call it
    to bring an older class back.

    Raises:
        DefinitionError: ``cls`` is not a complete materializer class.
    """
    given: object = cls
    if not (isinstance(given, type) and issubclass(given, Materializer)):
        raise DefinitionError(f"register_materializer takes a subclass of Materializer, got {cls!r}")
    check_definition(cls)
    _by_name[type_name(cls)] = cls
    _take_over(cls)
    return cls


def _take_over(cls: type[Materializer[Any]]) -> list[str]:
    """Register ``cls`` for its types; tell which other materializers of the user's it replaces."""
    replaced: list[str] = []
    for item in cls.types:
        former = _registered.get(item, cls)
        if type_name(former) != type_name(cls):  # the same name is the same class, written again in a notebook
            replaced.append(
                f"{type_name(cls)} keeps {type_name(item)} from now on, instead of {type_name(former)}; to keep single "
                f"values with it, inherit types from {former.__name__} and pass materializer={cls.__name__}"
            )
        _registered[item] = cls
    return replaced


def registered_for(cls: type) -> type[Materializer[Any]] | None:
    """Return the user's materializer registered for exactly this class."""
    return _registered.get(cls)


def registered_by_name(name: str) -> type[Materializer[Any]] | None:
    """Return the user's materializer class of this process recorded as ``module:qualname``."""
    return _by_name.get(name)

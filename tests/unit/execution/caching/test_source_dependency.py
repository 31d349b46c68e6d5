from __future__ import annotations

import colorsys
import importlib
import json
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from argosy.execution.caching.source_dependency import dependency_digest, dependency_name
from argosy.execution.caching.value_digest import UnhashableValueError

Write = Callable[[str, str], None]
Import = Callable[[str], Any]
HELPERS = """
    LIMIT = 3

    class Scaler:
        factor = 2

        def scale(self, x):
            return x * self.factor

    def inner(x):
        return x + LIMIT

    def outer(x, by=1):
        return inner(x) + by
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        linecache.clearcache()

    return write


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Import]:
    """Import a module as it is in its file now."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("dependency", "bundle")]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def load(name: str) -> ModuleType:
        forget()
        return importlib.import_module(name)

    yield load
    forget()


@pytest.mark.parametrize(
    ("what", "old", "new", "counts"),
    [
        ("outer", "inner(x) + by", "inner(x) - by", True),
        ("outer", "x + LIMIT", "x - LIMIT", True),
        ("outer", "LIMIT = 3", "LIMIT = 4", True),
        ("outer", "by=1", "by=2", True),
        ("outer", "factor = 2", "factor = 3", False),
        ("Scaler", "x * self.factor", "self.factor * x", True),
        ("Scaler", "factor = 2", "factor = 3", True),
        ("Scaler", "LIMIT = 3", "LIMIT = 4", False),
        ("module", "LIMIT = 3", "LIMIT = 4", True),
        ("module", "by=1", "by=2", True),
        ("module", "LIMIT = 3", "LIMIT = 3  # three", False),
        ("module", "LIMIT = 3", '"""About."""\nLIMIT = 3', False),
    ],
)
def test_what_counts_of_a_function_a_class_and_a_module(
    write: Write, load: Import, what: str, old: str, new: str, counts: bool
) -> None:
    def digest() -> str:
        module = load("dependency")
        return dependency_digest(module if what == "module" else getattr(module, what))

    text = textwrap.dedent(HELPERS)
    write("dependency.py", text)
    before = digest()
    assert digest() == before
    write("dependency.py", text.replace(old, new))
    assert (digest() != before) == counts


def test_a_package_counts_with_every_module_in_it_imported_or_not(write: Write, load: Import) -> None:
    write("bundle/__init__.py", "")
    write("bundle/a.py", "def f(): return 1")
    write("bundle/deep/b.py", "def g(): return 1")
    before = dependency_digest(load("bundle"))
    for name, text in {
        "bundle/deep/b.py": "def g(): return 2",
        "bundle/c.py": "",
    }.items():
        write(name, text)
        now = dependency_digest(load("bundle"))
        assert now != before
        before = now
    write("bundle/notes.txt", "not code")
    write("bundle/c.py", "# not code either")
    assert dependency_digest(load("bundle")) == before


def test_a_module_that_was_edited_since_it_was_imported_has_no_digest(write: Write, load: Import) -> None:
    """What runs is the old code: its result must not be kept as one of the new."""
    write("dependency.py", HELPERS)
    module = load("dependency")
    write("dependency.py", textwrap.dedent(HELPERS).replace("x + LIMIT", "x - LIMIT"))
    with pytest.raises(UnhashableValueError, match=r"inner is not what .*dependency\.py says.*reload the module"):
        dependency_digest(module)
    assert dependency_digest(load("dependency"))


def test_a_part_of_a_dependency_without_a_digest_is_named(write: Write, load: Import) -> None:
    write("dependency.py", "import threading\nlock = threading.Lock()\ndef f():\n    return lock")
    with pytest.raises(UnhashableValueError, match=r"dependency\.lock: "):
        dependency_digest(load("dependency").f)


@pytest.mark.parametrize("thing", [sys, sys.getsizeof, len], ids=["module", "function", "builtin"])
def test_what_has_no_source_has_no_digest(thing: Any) -> None:
    with pytest.raises(UnhashableValueError, match="has no file of its own"):
        dependency_digest(thing)


def test_code_of_libraries_counts_with_its_module() -> None:
    assert dependency_digest(colorsys.rgb_to_hls) == dependency_digest(colorsys)
    assert dependency_digest(json.JSONDecoder) == dependency_digest(sys.modules["json.decoder"])
    assert len({dependency_digest(thing) for thing in (colorsys, json, json.JSONDecoder)}) == 3


class Here:
    def method(self) -> None: ...


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (json, "json"),
        (json.dumps, "json.dumps"),
        (len, "builtins.len"),
        (Here, f"{__name__}.Here"),
        (Here().method, f"{__name__}.Here.method"),
    ],
    ids=["module", "function", "builtin", "class", "method"],
)
def test_a_dependency_is_called_by_its_module_and_name(thing: Any, name: str) -> None:
    assert dependency_name(thing) == name


def test_a_method_counts_by_its_function() -> None:
    assert dependency_digest(Here().method) == dependency_digest(Here.method)


def test_a_module_that_pytest_changed_while_it_loaded_it_is_not_taken_for_edited() -> None:
    assert "assert" in Path(__file__).read_text()
    assert dependency_digest(sys.modules[__name__])

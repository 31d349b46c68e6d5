"""Modules written, imported and fingerprinted for one test each."""

from __future__ import annotations

import importlib
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from argosy.execution.caching.code_fingerprint import CodeFingerprint, fingerprint_code

Fingerprint = Callable[..., CodeFingerprint]
MODULES = ("steps", "helpers", "helpers.inner", "package", "package.inner")


def forget_modules() -> None:
    for name in MODULES:
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@pytest.fixture
def fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fingerprint]:
    """Write modules as text (``a_in_b`` is the file a/b.py), import ``steps`` from them and fingerprint its ``fit``."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(steps: str, **others: str) -> CodeFingerprint:
        forget_modules()
        for name, text in {"steps": steps, **others}.items():
            file = tmp_path / f"{name.replace('_in_', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(text))
        linecache.clearcache()
        module: Any = importlib.import_module("steps")
        return fingerprint_code(module.fit)

    yield make
    forget_modules()

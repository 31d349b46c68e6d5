"""The reference of the Python packages: every public name, taken from ``__all__``, documented by its docstring."""

from __future__ import annotations

import importlib
import inspect
import re

_INTRODUCTIONS = {
    "argosy": "What steps, scripts and notebooks use. All of it is `from argosy import …`.",
    "argosy.aio": "The twins for event loops; [services on asyncio](../services_asyncio.md) shows them at work.",
    "argosy.testing": "What tests of your own pipelines and materializers use; [testing](../testing.md) shows how.",
}


def pages() -> dict[str, str]:
    """Return the pages, by their place in the site."""
    return {
        "reference/python.md": _page("argosy", errors=False),
        "reference/errors.md": _errors_page(),
        "reference/aio.md": _page("argosy.aio"),
        "reference/testing.md": _page("argosy.testing"),
    }


def is_error(value: object) -> bool:
    """Whether a public name is an error or a warning."""
    return inspect.isclass(value) and issubclass(value, Exception)


def _public(package: str) -> dict[str, object]:
    module = importlib.import_module(package)
    return {name: getattr(module, name) for name in sorted(module.__all__) if not name.startswith("__")}


def _page(package: str, *, errors: bool = True) -> str:
    names = {name: value for name, value in _public(package).items() if errors or not is_error(value)}
    functions = [name for name, value in names.items() if not inspect.isclass(value)]
    classes = [name for name, value in names.items() if inspect.isclass(value)]
    title = f"# Python: `{package}`\n\n{_INTRODUCTIONS[package]}\n"
    return title + _section("Functions", package, functions) + _section("Classes", package, classes)


def _errors_page() -> str:
    names = _public("argosy")
    errors = [name for name, value in names.items() if is_error(value)]
    module = inspect.getdoc(importlib.import_module("argosy.errors")) or ""
    others = [f"`{name}`" for name in re.findall(r"── (\w+)", module) if name not in errors]
    where = f"All of them are names of `argosy`, but for {', '.join(others)}: those are names of `argosy.errors`."
    return f"# Python: errors and warnings\n\n{where}\n\n```text\n{module}\n```\n" + _section(
        "Each of them", "argosy", errors
    )


def _section(title: str, package: str, names: list[str]) -> str:
    if not names:
        return ""
    entries = "".join(f"\n::: {package}.{name}\n    options:\n      heading_level: 3\n" for name in names)
    return f"\n## {title}\n{entries}"

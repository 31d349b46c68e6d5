"""What the pages teach passes a type checker as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.typing.test_types import ROOT, mypy

STRICT = (
    "docs/pipelines.md",
    "docs/failures.md",
    "docs/caching.md",
    "docs/watching.md",
    "docs/several_servers.md",
    "docs/coming-from-zenml.md",
    "docs/coming-from-mlflow.md",
    "docs/coming-from-metaflow.md",
)
FIRST = (
    "README.md",
    "docs/index.md",
    "docs/getting-started.md",
    "docs/artifacts.md",
    "docs/previews.md",
    "docs/materializers.md",
)
LENIENT = ("--allow-untyped-defs", "--allow-untyped-calls", "--allow-any-generics", "--no-warn-return-any")
"""What a checker does not ask for unless it is told to: these pages are read before any of it matters."""
KNOWN_TO_BE_THERE = ("--disable-error-code", "union-attr")
"""The producer of a version that was just made by a step: any version may have none."""


def examples_of(pages: Iterable[str], folder: Path) -> list[Path]:
    """Write the examples of each page to a module of its own."""
    modules = []
    for page in pages:
        examples = re.findall(
            r"^```python(?: file=\S+)?\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
        )
        modules.append(folder / f"page_{Path(page).stem.replace('-', '_')}.py")
        modules[-1].write_text("\n".join(examples))
    return modules


@pytest.mark.timeout(300)
def test_examples_pass_a_strict_checker(tmp_path: Path) -> None:
    modules = examples_of(STRICT, tmp_path)
    assert mypy(*modules) == [f"Success: no issues found in {len(STRICT)} source files"]


@pytest.mark.timeout(300)
def test_first_examples_pass_a_checker_as_it_comes(tmp_path: Path) -> None:
    modules = examples_of(FIRST, tmp_path)
    assert mypy(*LENIENT, *KNOWN_TO_BE_THERE, *modules) == [f"Success: no issues found in {len(FIRST)} source files"]

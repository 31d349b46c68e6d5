"""What the pages teach passes a strict type checker as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.typing.test_types import ROOT, mypy


@pytest.mark.timeout(300)
def test_examples_pass(tmp_path: Path) -> None:
    for page in ("pipelines", "failures", "caching", "watching"):
        text = (ROOT / "docs" / f"{page}.md").read_text()
        examples = re.findall(r"^```python(?: file=\S+)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        (tmp_path / f"page_{page}.py").write_text("\n".join(examples))
    assert mypy(*tmp_path.glob("page_*.py")) == [
        f"Success: no issues found in {len(list(tmp_path.iterdir()))} source files"
    ]

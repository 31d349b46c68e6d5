"""What the page about asyncio services shows is run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs/services_asyncio.md").read_text()


def test_every_block_runs_one_after_the_other(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "predictor", raising=False)
    names: dict[str, object] = {"__name__": "page"}
    for file, text in re.findall(r"^```python(?: file=(\S+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if file:
            (tmp_path / file).write_text(text)
        else:
            exec(compile(text, "services_asyncio.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == [
        "[1, 2, 3] 1",
        "numbers 7 [1, 2, 3]",
        "{'version': '1', 'prediction': 5.0}",
        "{'version': '2', 'prediction': 20.0}",
    ]

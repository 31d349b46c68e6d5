"""What docs/testing.md shows is a suite that passes wherever Argosy is installed, by its pytest plugin."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).resolve().parents[2] / "docs/testing.md").read_text()


def files_of_the_page() -> dict[str, str]:
    """Return the files by name: each block says in its first line which one it is a part of."""
    files: defaultdict[str, str] = defaultdict(str)
    for fence in re.finditer(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        files[fence[1]] += f"{fence[2]}\n"
    return files


def test_the_tests_of_the_page_pass_and_leave_the_store_of_the_person_alone(
    home: Path, pytester: pytest.Pytester
) -> None:
    files = files_of_the_page()
    assert PAGE.count("```python\n# ") == PAGE.count("```python")
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    (pytester.path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    # Whoever would read it could not connect.
    (pytester.path / "pyproject.toml").write_text('[tool.argosy]\nserver = "grpc://127.0.0.1:1"\nproject = "theirs"\n')
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 0
    tests = len(re.findall(r"^def test_", "".join(files.values()), re.MULTILINE))
    assert outcomes["passed"] > tests  # those of the contract come on top
    assert not home.exists()


@pytest.mark.parametrize("autoload", ["", "1"], ids=["plugins are loaded", "no plugin is loaded by itself"])
def test_the_plugin_is_named_where_none_is_loaded_by_itself_and_may_be_elsewhere(
    home: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, autoload: str
) -> None:
    assert "`pytest -p argosy`" in PAGE
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", autoload)
    pytester.makepyfile("def test_it(argosy_project, argosy_clock):\n    assert argosy_project.home")
    result = pytester.runpytest_subprocess("-p", "argosy", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)

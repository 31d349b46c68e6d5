"""``examples/notebook.ipynb`` runs from top to bottom, and a cell that is run again does what the notebook says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import argosy
from argosy.testing import isolated_project

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples/notebook.ipynb"


class Notebook:
    """The notebook in a kernel of its own: cells are found by what stands in them."""

    def __init__(self, client: NotebookClient) -> None:
        self._client = client
        self.cells: list[Any] = [cell for cell in client.nb.cells if cell.cell_type == "code"]

    def run(self, part: str, instead: str | None = None) -> dict[str, str]:
        """Run the cell with ``part`` in it, or with ``instead`` in its place; return what its last line shows."""
        (cell,) = [cell for cell in self.cells if part in cell.source]
        index = self._client.nb.cells.index(cell)
        if instead is not None:
            cell = copy.deepcopy(cell)
            cell.source = cell.source.replace(part, instead)
        done = self._client.execute_cell(cell, index)
        shown: dict[str, str] = next((out.data for out in done.outputs if out.output_type == "execute_result"), {})
        return shown

    def run_all(self) -> list[dict[str, str]]:
        return [self.run(cell.source) for cell in self.cells]


def committed() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has types in parts


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    client = NotebookClient(committed(), timeout=60, kernel_name="python3")
    with isolated_project(tmp_path), client.setup_kernel(cwd=str(tmp_path)):
        yield Notebook(client)


def versions(name: str) -> list[str]:
    return sorted((version.version for version in argosy.list_artifact_versions(name)), key=int)


def statuses() -> dict[str, str]:
    client = argosy.Client()
    record = client.get_run(next(client.list_runs("assessment")).id)
    return {name: step.status for name, step in record.steps.items()}


def test_it_runs_from_top_to_bottom_and_cells_run_again_do_what_it_says(notebook: Notebook) -> None:
    shown = notebook.run_all()
    assert ["text/html" in data for data in shown] == [False, True, True, False, True, True, True]
    assert "'source': 'clinic A'" in shown[3]["text/plain"]
    assert "<iframe sandbox" in shown[4]["text/html"]
    assert argosy.load_artifact("risk") == "high"
    assert statuses() == {"share_above": "completed", "judge": "completed"}

    for _ in range(10):
        notebook.run("def judge")
        assert statuses() == {"share_above": "cached", "judge": "cached"}
    assert (versions("share"), versions("risk")) == (["1"], ["1"])

    for _ in range(10):
        notebook.run("argosy.save_artifact")
    assert versions("patients") == [str(number) for number in range(1, 12)]
    notebook.run("def judge")  # the same bytes under another number are the same input
    assert statuses() == {"share_above": "cached", "judge": "cached"}

    notebook.run("share > 0.5", instead="share > 0.9")
    assert statuses() == {"share_above": "cached", "judge": "completed"}
    assert argosy.load_artifact("risk") == "low"
    assert (versions("share"), versions("risk")) == (["1"], ["1", "2"])


def test_it_is_committed_without_what_it_showed() -> None:
    cells = committed().cells
    assert [cell.source for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []

"""The report on data quality, made by Evidently in the environment that ``make test-data-quality`` installs it in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import argosy
from tests.backends.missing import missing
from tests.e2e.command_line import ARGOSY
from tests.e2e.test_examples import EXAMPLES

ROOT = EXAMPLES.parent
PYTHON = ROOT / ".venv-data-quality/bin/python"
pytestmark = pytest.mark.timeout(300)  # one program loads a gigabyte of libraries


def require() -> None:
    """Skip the test without Evidently, or fail it where ``ARGOSY_TEST_REQUIRE`` contains ``data-quality``."""
    if PYTHON.exists():
        return
    missing("data-quality", "Evidently is not there; install it: make test-data-quality")


def run(python: str | Path, *command: str | Path) -> str:
    done = subprocess.run([python, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which three programs of two environments ran: training, inference and the report."""
    require()
    home = tmp_path_factory.mktemp("data_quality") / "home"
    with pytest.MonkeyPatch.context() as settings:
        for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
            settings.delenv(name)
        settings.setenv("ARGOSY_HOME", str(home))
        run(sys.executable, EXAMPLES / "breast_cancer/training.py")
        run(sys.executable, EXAMPLES / "breast_cancer/batch_inference.py")
        printed = run(PYTHON, EXAMPLES / "breast_cancer/data_quality.py")
    assert "argosy artifact preview data_quality_report --scripts\n" in printed
    return home


@pytest.fixture
def report(stored: Path, home: Path) -> argosy.ArtifactVersion:
    """The report, in a copy of that home for the test's own."""
    shutil.copytree(stored, home)
    return argosy.get_artifact("data_quality_report")


def test_the_report_is_of_what_training_and_inference_left_in_the_store(report: argosy.ArtifactVersion) -> None:
    client = argosy.Client()
    training, inference, quality = (
        client.get_run(next(client.list_runs(f"breast_cancer_{name}")).id)
        for name in ("training", "batch_inference", "data_quality")
    )
    assert quality.steps["evidently_report"].inputs == {
        "reference_dataset": training.steps["preprocess"].outputs["dataset_trn"],
        "comparison_dataset": inference.steps["inference_preprocess"].output,
    }
    assert (report.format, report.file_count) == ("html", 1)


def test_the_report_tells_of_both_datasets_and_of_drift(report: argosy.ArtifactVersion) -> None:
    page = report.load()
    assert type(page) is argosy.HTMLString
    # Of the new patients and those of training; the column `target` of the latter is left out.
    assert '["number of rows", "114", "341"]' in page
    assert '["number of columns", "30", "30"]' in page
    assert re.search(r"Drift is detected for [\d.]+% of columns \(\d+ out of 30\)", page)
    assert '"column_name": "mean texture", "column_type": "num"' in page


def test_the_report_needs_nothing_from_elsewhere(report: argosy.ArtifactVersion) -> None:
    loaded = re.findall(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?!data:)[^"'>]+""", report.load())
    assert loaded == []


def test_the_report_is_its_own_preview_in_notebooks_and_for_a_browser(report: argosy.ArtifactVersion) -> None:
    shown = report.preview()
    assert (shown.media_type, shown.text) == ("text/html", report.load())
    assert len(shown.with_scripts()._repr_html_() or "") < 3_000_000  # notebooks drop more by themselves
    path = Path(run(ARGOSY, "artifact", "preview", report.name, "--scripts").removesuffix("\n"))
    assert '<iframe sandbox="allow-scripts" ' in path.read_text()

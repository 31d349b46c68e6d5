"""The examples, run as their readers run them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

import argosy
from tests.e2e.command_line import ARGOSY
from tests.e2e.conftest import Leases

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(*command: str | Path) -> str:
    """Run an example with every warning an error; return what it printed."""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stderr == ""
    return done.stdout


def train() -> str:
    return run(EXAMPLES / "breast_cancer/training.py")


def infer(*arguments: str) -> str:
    return run(EXAMPLES / "breast_cancer/batch_inference.py", *arguments)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home that was trained in once, and what was printed."""
    home = tmp_path_factory.mktemp("training") / "home"
    with pytest.MonkeyPatch.context() as settings:
        for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
            settings.delenv(name)
        settings.setenv("ARGOSY_HOME", str(home))
        return home, train()


@pytest.fixture
def printed_by_training(training: tuple[Path, str], home: Path) -> str:
    """Have a copy of that home for the test's own; return what was printed."""
    trained, printed = training
    shutil.copytree(trained, home)
    return printed


def test_training_keeps_what_inference_needs(printed_by_training: str) -> None:
    record = argosy.Client().get_run(next(argosy.Client().list_runs("breast_cancer_training")).id)
    steps = {name: step.status for name, step in record.steps.items()}
    assert steps == dict.fromkeys(["load_data", "split", "preprocess", "train", "evaluate"], "completed")
    assert "model 1 is 'prod' now" in printed_by_training
    assert 0.98 <= argosy.load_artifact("metrics", pipeline_name="breast_cancer_training")["auc"] <= 1.0


@pytest.mark.usefixtures("printed_by_training")
def test_the_fitted_objects_are_kept_without_pickle() -> None:
    client = argosy.Client()
    formats = {
        name: client.get_artifact_version(name).format for name in ("preprocess_pipeline", "model", "dataset_trn")
    }
    assert formats == {"preprocess_pipeline": "skops", "model": "skops", "dataset_trn": "parquet"}
    assert type(argosy.load_artifact("preprocess_pipeline")) is Pipeline
    assert type(argosy.load_artifact("model", alias="prod")) is LogisticRegression


def test_inference_uses_what_training_stored(store: str) -> None:
    train()
    printed = infer()
    client = argosy.Client()
    trained = client.get_run(next(client.list_runs("breast_cancer_training")).id)
    inferred = client.get_run(next(client.list_runs("breast_cancer_batch_inference")).id)
    kept = trained.steps["preprocess"].outputs
    assert inferred.steps["inference_preprocess"].inputs["preprocess_pipeline"] == kept["preprocess_pipeline"]
    assert inferred.steps["report_drift"].inputs["reference_dataset"] == kept["dataset_trn"]
    assert inferred.steps["predict"].inputs["model"] == trained.steps["train"].output
    predictions = inferred.steps["predict"].output.load()
    assert isinstance(predictions, pd.Series)
    assert (len(predictions), predictions.name, predictions.index[0]) == (114, "p_malignant", 455)
    assert "114 new patients, 26 of them probably malignant" in printed
    assert "Drift: 0 of 30 columns" in printed


@pytest.mark.usefixtures("printed_by_training")
def test_another_stain_is_found_as_drift_of_the_texture_columns() -> None:
    infer("--stain", "1.15")
    report = argosy.load_artifact("drift_report", as_type=pd.DataFrame)
    assert {"mean texture", "worst texture", "texture error"} <= set(report.index[report["drifted"]])
    assert report["drifted"].sum() < 6


@pytest.mark.usefixtures("printed_by_training")
def test_a_second_training_is_all_cached() -> None:
    printed = train()
    assert printed.count(" cached ") == 5
    assert argosy.Client().get_artifact_version("model").version == "1"


def test_inference_before_any_training_says_what_is_missing(home: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "breast_cancer/batch_inference.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NotFoundError: artifact 'preprocess_pipeline' does not exist" in done.stderr
    assert "step 'inference_preprocess'" in done.stderr


def test_the_handoff_prints_what_it_did(store: str) -> None:
    lines = run(EXAMPLES / "handoff.py").splitlines()
    assert lines[0] == "saved handoff/weights version 1: [1000, 8] of float64"
    assert lines[1].startswith("loaded weights (1000, 8)")
    assert lines[2].startswith("a misspelt name is told: artifact 'handoff/wieghts' does not exist")
    assert "handoff/weights" in lines[2]


def statuses(name: str) -> tuple[str, dict[str, str]]:
    record = argosy.Client().get_run(name)
    return record.status, {name: step.status for name, step in record.steps.items()}


def test_a_bad_day_ends_well_when_only_the_network_stutters(store: str) -> None:
    printed = run(EXAMPLES / "bad_day.py")
    assert re.findall(r"download, attempt (\d)", printed) == ["1", "2", "3"]
    assert "mean 20.0, largest 28.1\n" in printed


def test_a_bad_day_goes_on_after_the_program_was_killed(leases: Leases) -> None:
    environment = {**os.environ, "CRASH": "1"}
    command = [sys.executable, str(EXAMPLES / "bad_day.py")]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    (name,) = re.findall(r"argosy run resume (\S+)", killed.stdout)
    leases.end(name)
    assert statuses(name) == ("abandoned", {"download": "completed", "summarize": "abandoned"})
    resumed = run(ARGOSY, "run", "resume", name)
    assert "mean 20.0, largest 28.1\n" in resumed
    assert "download, attempt" not in resumed
    assert statuses(name) == ("completed", dict.fromkeys(["download", "summarize", "report"], "completed"))


def two_processes(**environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "PYTHON": sys.executable, **environment}
    return subprocess.run([EXAMPLES / "two_processes.sh"], env=settings, capture_output=True, text=True, check=False)


def test_three_processes_share_artifacts_through_a_server(home: Path) -> None:
    done = two_processes()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    # With its preview, which has some kilobytes.
    assert re.search(r"saved shared/weights version 1 as npy, 8,00\d,\d\d\d bytes", done.stdout)
    assert "loaded a table of 3 rows and 1,000,000 weights, all as saved" in done.stdout
    assert "read shared/settings version 1 (json) without the SDK" in done.stdout
    assert done.stdout.endswith("the server drained and stopped\n")
    assert not home.exists()


def test_the_script_tells_and_fails_when_the_server_does_not_start(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\n[ \"$1\" = -c ] && exit\necho 'no module here' >&2\nexit 3\n")
    broken.chmod(0o755)
    done = two_processes(PYTHON=str(broken))
    assert done.returncode == 1
    assert "the server did not start" in done.stderr
    assert "no module here" in done.stderr


@pytest.mark.parametrize("script", ["two_processes.sh", "polyglot/run.sh"])
def test_a_script_names_the_python_that_lacks_what_it_needs_and_the_cure(script: str, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    done = subprocess.run(
        [EXAMPLES / script], env={**os.environ, "PYTHON": str(bare)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"{bare} has no argosy\[\w+\]; make one that has, in \.venv: \S.*\n", done.stderr)


@pytest.mark.parametrize(
    "example", ["breast_cancer/training.py", "breast_cancer/batch_inference.py", "handoff.py", "bad_day.py"]
)
def test_an_example_says_how_it_is_run(example: str) -> None:
    assert f"    python examples/{example}\n" in (EXAMPLES / example).read_text()

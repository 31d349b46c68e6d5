"""Type checkers accept what is right and find what is wrong, before anything runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HEAD = """\
from typing import Any
import argosy
import argosy.aio
from argosy.graph.external_artifact import ExternalArtifact
from argosy.sdk.artifacts import load_artifact
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step

@step
def fit(x: int, rate: float = 0.1) -> str:
    return str(x * rate)

@pipeline
def training(rate: float) -> None: ...

"""
WRONG = {
    'fit("a")': "arg-type",
    "fit()": "call-arg",
    "fit(1, rat=1.0)": "call-arg",
    "fit(1).missing": "attr-defined",
    "fit.with_options(cache=True)": "call-arg",
    'step("name")': "call-overload",
    "step(enable_cache=3)": "call-overload",
    "step(retires=3)": "call-overload",
    'step(timeout="1h")': "call-overload",
    "fit.with_options(ater=fit)": "call-arg",
    'fit.with_options(retry="a")': "arg-type",
    "step(lambda: 1)(1)": "call-arg",
    'training("a")': "arg-type",
    "training()": "call-arg",
    "training.record(rate=1, rows=2)": "call-arg",
    "training(1).missing": "attr-defined",
    "pipeline(cache=True)": "call-overload",
    'pipeline(execution_mode="fail-fast")': "call-overload",
    'pipeline(runner="process")': "call-overload",
    'training.with_options(runner="process")': "arg-type",
    "fit.map([1])[0].missing": "attr-defined",
    'training.inline("a")': "arg-type",
    'ExternalArtifact(nme="a")': "call-arg",
    "ExternalArtifact(id=3)": "arg-type",
    'ExternalArtifact(name="a", version=1.5)': "arg-type",
    "argosy.save_artefact": "attr-defined",
    "argosy.aio.load_artefact": "attr-defined",
    "from argosy import Nonsense": "attr-defined",
    'load_artifact("a", rows=3)': "call-overload",
    'load_artifact("a", columns=3)': "call-overload",
    'load_artifact("a", as_type=int, rows=range(3))': "call-overload",
}


def mypy(*arguments: str | Path) -> list[str]:
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-pretty"]
    done = subprocess.run([*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if ": note: " not in line]


@pytest.mark.timeout(300)
def test_right_uses_pass_and_each_wrong_use_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong_uses.py"
    wrong.write_text(HEAD + "\n".join(WRONG) + "\n")
    lines = mypy(HERE / "right_uses.py", wrong)
    assert [line for line in lines if "right_uses.py" in line] == []
    first = HEAD.count("\n") + 1
    found = [
        (int(line.split(":")[1]), line.rpartition("[")[2].rstrip("]")) for line in lines if "wrong_uses.py:" in line
    ]
    assert found == [(first + index, code) for index, code in enumerate(WRONG.values())]

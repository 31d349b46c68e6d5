"""The example of three languages runs as its page says."""

from __future__ import annotations

import re
import sys

import pytest

from tests.clients.conftest import Programs
from tests.clients.languages import OTHERS, ROOT, run


def test_services_swap_the_model_when_python_promotes_one_and_a_go_step_is_in_its_run(programs: Programs) -> None:
    if not {"go", "typescript"} <= set(OTHERS):
        pytest.skip("ARGOSY_TEST_CLIENTS leaves Go or TypeScript out")
    programs("typescript")  # compiled before, and once
    said = run(["env", f"PYTHON={sys.executable}", "examples/polyglot/run.sh"], ROOT)
    served = re.findall(r"^(go|node) +version (\d): (\d\.\d+)$", said, re.MULTILINE)
    assert [(service, version) for service, version, _ in served] == [
        ("go", "1"),
        ("node", "1"),
        ("go", "2"),
        ("node", "2"),
    ]
    assert re.search(r"^  train +completed .* classifier 2 .*\n  └─ score +completed .* scores 2 ", said, re.MULTILINE)
    lineage = [line.lstrip("│├└─ ") for line in said.partition("Where the scores come from:\n")[2].splitlines()]
    (name,) = set(re.findall(r"run (training-\S+)", "\n".join(lineage)))
    assert lineage == [
        "scores 2",
        f"made by score, run {name}",
        "classifier 2",
        f"made by train, run {name}",
        "patients 2 [external]",
        "patients 2 [external]",
        "classifier_weights 2 [loaded]",
        f"saved by train, run {name} (see above)",
    ]
    probabilities = [float(probability) for _, _, probability in served]
    assert probabilities[0] == probabilities[1] != probabilities[2] == probabilities[3]

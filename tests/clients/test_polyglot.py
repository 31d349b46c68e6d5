"""The example of three languages runs as its page says: services swap a model while they serve it."""

from __future__ import annotations

import re
import sys

import pytest

from tests.clients.conftest import Programs
from tests.clients.languages import OTHERS, ROOT, run


def test_go_and_node_services_swap_the_model_when_python_promotes_one(programs: Programs) -> None:
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
    probabilities = [float(probability) for _, _, probability in served]
    assert probabilities[0] == probabilities[1] != probabilities[2] == probabilities[3]

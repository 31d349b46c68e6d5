"""How many small values one Go client loads a second, as a service does whose requests each need one.

Sixteen goroutines load one value each, again and again, by ``Client.Load`` and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from argosy import Client
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_least
from bench.transfer.rounds import take_turns
from tests.clients.languages import GO, run

PROMISED = 1500.0
AT_ONCE = 16


def measure_small_loads(seconds: float, rounds: int) -> list[Line]:
    """Return one line: loads a second of small values against what is promised."""
    with tempfile.TemporaryDirectory() as folder, fresh_server("--durability=process") as fresh:
        program = Path(folder, "smallloads")
        run(["go", "build", "-o", program, "./cmd/smallloads"], GO)
        client = Client(fresh.server.url)
        for number in range(AT_ONCE):
            client.save_artifact({"rates": [0.05, 0.1 * number]}, f"small-{number}")

        def load(number: int) -> dict[str, float]:
            done = subprocess.run(
                [program, "small", str(seconds), str(AT_ONCE)],
                env={**os.environ, "ARGOSY_SERVER": fresh.server.url},
                capture_output=True,
                text=True,
                check=True,
            )
            told = json.loads(done.stdout)
            return {"rate": told["loads"] / told["seconds"]}

        samples = take_turns({"go": load}, rounds, warm_up=False)
    what = f"go: Load of {AT_ONCE} small values by {AT_ONCE} goroutines"
    ours = samples.figures.get("go.rate", [])
    return [Line(what, "promised", ours, [PROMISED], "1/s", at_least(1), samples.errors.get("go", ""), is_rate=True)]

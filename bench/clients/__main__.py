"""Measures the clients of all languages against the Python SDK and prints one table."""

from __future__ import annotations

import sys
import tempfile

from bench.child import compile_sources
from bench.clients.small_loads import measure_small_loads
from bench.clients.transfers import MEBI, measure_transfers
from bench.options import parser
from bench.transfer.run import WHERE
from bench.transfer.table import are_kept, tell
from tests.clients.languages import OTHERS


def main() -> None:
    """Measure; the exit code is 1 when a promise is broken or a side could not be measured."""
    options = parser("bench.clients", __doc__, epilog=f"ARGOSY_TEST_CLIENTS=go,java measures these alone. {WHERE}")
    options.add_argument("--mebibytes", type=int, default=1024, help="size of the file (%(default)s)")
    asked = options.parse_args()
    size, rounds, seconds = (24, 1, 0.5) if asked.quick else (asked.mebibytes, 5, 5.0)
    rounds = asked.rounds or rounds

    compile_sources()
    with tempfile.TemporaryDirectory(prefix="argosy-bench-") as folder:
        tempfile.tempdir = folder
        lines = measure_transfers(size * MEBI, rounds, OTHERS)
        if "go" in OTHERS:
            lines += measure_small_loads(seconds, rounds)
    tell(lines, rounds, as_json=asked.json)
    sys.exit(0 if are_kept(lines) else 1)


if __name__ == "__main__":
    main()

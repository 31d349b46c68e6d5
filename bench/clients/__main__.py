"""Measures the clients of all languages against the Python SDK and prints one table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence

from bench.child import compile_sources
from bench.clients.small_loads import measure_small_loads
from bench.clients.transfers import MEBI, measure_transfers
from bench.transfer.table import are_kept, tell
from tests.clients.languages import OTHERS


def main(words: Sequence[str] | None = None) -> None:
    """Measure; the exit code is 1 when a promise is broken or a side could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.clients",
        description=__doc__,
        epilog="ARGOSY_TEST_CLIENTS=go,java measures these alone. TMPDIR chooses the file system that is measured.",
    )
    parser.add_argument("--quick", action="store_true", help="one round of little work: does it still work?")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the file (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is measured; the median counts")
    parser.add_argument("--json", action="store_true", help="every sample as JSON instead of the table")
    arguments = parser.parse_args(words)
    size, rounds, seconds = arguments.mebibytes * MEBI, arguments.rounds, 5.0
    if arguments.quick:
        size, rounds, seconds = 24 * MEBI, 1, 0.5

    compile_sources()
    with tempfile.TemporaryDirectory(prefix="argosy-bench-") as folder:
        tempfile.tempdir = folder
        lines = measure_transfers(size, rounds, OTHERS)
        if "go" in OTHERS:
            lines += measure_small_loads(seconds, rounds)
    tell(lines, rounds, as_json=arguments.json)
    sys.exit(0 if are_kept(lines) else 1)


if __name__ == "__main__":
    main()

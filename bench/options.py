"""What the command lines of all benches have in common."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable


def parser(module: str, about: str | None, benches: Iterable[str] = (), epilog: str = "") -> argparse.ArgumentParser:
    """Return a parser with the options that all of them take.

    Args:
        module: what follows ``python -m``.
        about: what it does.
        benches: names of those that can be chosen, if there are several.
        epilog: what else is to be said.
    """
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=about, epilog=epilog)
    if benches:
        made.add_argument("--only", action="append", choices=list(benches), help="this bench alone; may be repeated")
    made.add_argument("--quick", action="store_true", help="one round of little work: does it still work?")
    made.add_argument("--rounds", type=int, help="how often each number is measured; the median counts")
    made.add_argument("--json", action="store_true", help="every sample as JSON instead of the table")
    return made


def machine() -> str:
    """Return what a table says of the machine it was measured on."""
    return f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python {platform.python_version()}"

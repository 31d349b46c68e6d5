"""``python -m tests.soak``: soak a fleet, check what it did, and end with 1 when an invariant does not hold."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backends import postgres
from tests.soak.checker import RULES, check, rule_name
from tests.soak.mutants import MUTANTS
from tests.soak.plan import Plan
from tests.soak.report import report
from tests.soak.soak import soak


def main() -> None:
    """Do it."""
    arguments = _arguments()
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    plan = Plan(
        seed=seed,
        seconds=60 * arguments.minutes,
        replicas=arguments.replicas,
        workers=arguments.workers,
        blobs=arguments.blobs,
        mutant=arguments.mutant,
    )
    if arguments.no_faults:
        plan = replace(plan, faults=())
    if postgres.GIVEN and plan.faults:
        print("ARGOSY_TEST_POSTGRES is set: the database is not stopped, for others may use that server")
        plan = plan.without("stop_database")
    if plan.blobs != "versitygw":
        plan = plan.without("stop_store")  # a folder does not stop, and moto forgets everything
    folder = Path(tempfile.mkdtemp(prefix="argosy-soak-"))
    print(
        f"seed {seed}; {plan.replicas} replicas of {plan.workers} workers for {arguments.minutes:g} minutes", flush=True
    )
    try:
        soaked = soak(plan, folder)
    except pytest.skip.Exception as reason:
        sys.exit(f"not run: {reason}")
    except BaseException:
        print(f"seed {seed}; what was done until then is in {folder}", file=sys.stderr)
        raise
    violations = check(soaked.evidence)
    print(report(soaked, violations, map(rule_name, RULES)))
    if violations:
        sys.exit(f"\nseed {seed}: {len(violations)} violations; histories and logs are in {folder}")
    shutil.rmtree(folder)
    print(f"\nseed {seed}: every invariant holds")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long the actors work (default: 3)")
    parser.add_argument("--seed", type=int, help="of everything chosen at random (default: a new one, printed)")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="processes of each replica; 0: just one, unsupervised")
    parser.add_argument("--blobs", choices=["versitygw", "moto", "folder"], default="versitygw", help="where bytes are")
    parser.add_argument("--no-faults", action="store_true", help="break nothing")
    parser.add_argument("--mutant", choices=["", *MUTANTS], default="", help="let all servers have this bug")
    return parser.parse_args()


main()

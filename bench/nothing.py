"""The smallest pipeline: what the command line has to do around it."""

from __future__ import annotations

import json

import argosy


@argosy.step
def one() -> int:
    """Return a number."""
    return 1


@argosy.pipeline
def nothing() -> None:
    """Run one step."""
    one()


if __name__ == "__main__":
    made = nothing()
    print(json.dumps({"run": made.name, "pipeline": made.pipeline_name}))

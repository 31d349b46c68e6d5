"""Generates the Python messages and stubs of every proto into a folder that holds ``argosy/v1``.

With ``--check`` nothing is written: it fails and names the files when what is committed is stale.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]  # it ships no types

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
# Beside the Python that runs this, which need not be on the PATH.
MYPY_PLUGIN = Path(sysconfig.get_path("scripts")) / "protoc-gen-mypy"
MYPY_GRPC_PLUGIN = Path(sysconfig.get_path("scripts")) / "protoc-gen-mypy_grpc"


def generate(target: Path) -> None:
    """Write ``argosy/v1/*_pb2*.py[i]`` below ``target``."""
    sources = sorted(path.relative_to(PROTOS).as_posix() for path in (PROTOS / "argosy/v1").glob("*.proto"))
    services = [source for source in sources if source.endswith("_service.proto")]
    options = [
        f"-I{PROTOS}",
        f"-I{files('grpc_tools') / '_proto'}",
        f"--plugin=protoc-gen-mypy={MYPY_PLUGIN}",
        f"--plugin=protoc-gen-mypy_grpc={MYPY_GRPC_PLUGIN}",
    ]
    run = [
        (sources, ["--python_out=", "--mypy_out=quiet:"]),
        (services, ["--grpc_python_out=", "--mypy_grpc_out=quiet:"]),
    ]
    for names, outputs in run:
        code = protoc.main(["protoc", *options, *(f"{output}{target}" for output in outputs), *names])
        if code != 0:
            sys.exit(f"protoc ended with {code}")
    (target / "argosy/v1/__init__.py").write_text(
        '"""Generated from protos/argosy/v1 by `make proto`; never edited."""\n'
    )


def stale(committed: Path) -> list[str]:
    """Return the generated files below ``committed`` that differ from what the protos say now."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "argosy/v1"
        fresh.mkdir(parents=True)
        generate(Path(scratch))
        names = {path.name for folder in (fresh, committed / "argosy/v1") for path in folder.glob("*.py*")}
        _, different, missing = filecmp.cmpfiles(fresh, committed / "argosy/v1", sorted(names), shallow=False)
    return different + missing


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if not arguments.check:
        generate(arguments.target)
    elif names := stale(arguments.target):
        sys.exit(f"generated code is stale, run `make proto`: {', '.join(names)}")


if __name__ == "__main__":
    main()

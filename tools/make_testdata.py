"""Makes the conformance vectors in ``protos/testdata`` from the Python SDK and the server's own rules.

Run as ``python -m tools.make_testdata``. With ``--check`` nothing is written: it fails and names the files when what is
committed is not what it makes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tools.testdata import digests, json_documents, names, npy_files, page_tokens, reasons, uploads

FOLDER = Path(__file__).resolve().parent.parent / "protos/testdata"
FILES = {
    "digests.json": digests,
    "json.json": json_documents,
    "npy.json": npy_files,
    "names.json": names,
    "page_tokens.json": page_tokens,
    "errors.json": reasons,
    "resume.json": uploads,
}


def text_of(document: dict[str, Any]) -> str:
    """Return a file: one line for each vector, so that a change of one shows as a change of one line."""
    members = []
    for name, value in document.items():
        if isinstance(value, list):
            lines = ",\n".join("  " + json.dumps(vector, allow_nan=False) for vector in value)
            members.append(f'"{name}": [\n{lines}\n]')
        else:
            members.append(f'"{name}": {json.dumps(value)}')
    return "{\n" + ",\n".join(members) + "\n}\n"


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the committed files are others")
    arguments = parser.parse_args()
    fresh = {name: text_of(module.make()) for name, module in FILES.items()}
    if not arguments.check:
        for name, text in fresh.items():
            (FOLDER / name).write_text(text)
        return
    there = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    stale = sorted(name for name in fresh.keys() | there.keys() if fresh.get(name) != there.get(name))
    if stale:
        sys.exit(f"conformance vectors are stale, run `python -m tools.make_testdata`: {', '.join(stale)}")


if __name__ == "__main__":
    main()

"""Virtual environments of the peers: made with pip when they are not there, and kept for the next time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DEFAULT = Path("~/.cache/argosy-bench")
FAIR = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
"""Settings that would slow a peer down, or bring it something of ours."""


def python_of(venvs: Path, peer: str, requirements: Sequence[str]) -> Path:
    """Return the interpreter of a peer, installed and compiled to byte-code.

    Raises:
        subprocess.CalledProcessError: it cannot be installed; pip's last line says why.
    """
    folder = venvs.expanduser() / peer
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"  installing {', '.join(requirements)} in {folder} …", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--compile", *requirements])
        stamp.write_text(wanted)
    return python


def peer_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of a peer's process, with its own settings and none of ours."""
    kept = {name: text for name, text in os.environ.items() if name not in FAIR and not name.startswith("ARGOSY_")}
    return {**kept, **settings}


def _run(command: list[str]) -> None:
    subprocess.run(command, env=peer_environment({}), check=True, capture_output=True, text=True)

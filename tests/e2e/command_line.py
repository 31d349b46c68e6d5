"""The command ``argosy``, run to its end as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.warm import process as warm

ARGOSY = str(Path(sys.executable).with_name("argosy"))


def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = warm.run([ARGOSY, *map(str, arguments)])
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def as_json(*arguments: str | Path) -> Any:
    return json.loads(run(*arguments, "-o", "json").stdout)

"""What ``--log-level`` lets through."""

from __future__ import annotations

import subprocess
import sys

import pytest

SAY_ALL = """
import logging, sys
from argosy_server.cli.logs import configure_logs
logging.getLogger("library").setLevel(logging.DEBUG)
for level in ("debug", sys.argv[1]):  # the second time as when settings are read again
    configure_logs("json", level)
for name in ("argosy_server", "library.part"):
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger(name).log(number, "%s says %s", name, logging.getLevelName(number).lower())
"""


@pytest.mark.parametrize(
    ("level", "told"), [("info", ["info", "warning", "error"]), ("warning", ["warning", "error"]), ("error", ["error"])]
)
def test_nothing_below_the_level_is_logged_whatever_level_a_library_gave_itself(level: str, told: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", SAY_ALL, level], capture_output=True, text=True, check=True)
    for name in ("argosy_server", "library.part"):
        assert [word for word in ("debug", "info", "warning", "error") if f"{name} says {word}" in done.stderr] == told

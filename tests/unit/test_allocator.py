from __future__ import annotations

import subprocess
import sys


def test_glibc_accepts_every_setting_and_other_libraries_are_left_alone() -> None:
    code = (
        "import platform; from argosy.allocator import tune_allocator; "
        "print(tune_allocator() == (platform.libc_ver()[0] == 'glibc'))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "True\n"

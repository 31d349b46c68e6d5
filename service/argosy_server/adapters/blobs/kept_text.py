"""Small files a storage keeps beside its locations: made once, by whoever is first, and never seen half written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def kept_text(path: Path) -> str | None:
    """Return what a file says, ``None`` when it is not there."""
    with suppress(FileNotFoundError):
        return path.read_text(errors="replace")
    return None


def keep_text(path: Path, mode: int, make: Callable[[], str]) -> str:
    """Return what a file says; unless it is there it is made, with the permissions ``mode``."""
    text = kept_text(path)
    if text is not None:
        return text
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())  # or after a power loss it could be there, and empty
        # Whoever is first wins, and nobody sees half of it.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        except OSError:
            # Some file systems have no links. There the last one wins, which only those notice that start at once.
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path.read_text(errors="replace")

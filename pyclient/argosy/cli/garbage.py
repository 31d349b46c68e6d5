"""How often a command looks for memory that nobody uses any more: seldom, and at its end not at all.

What it makes are the modules it imports above all, and those stay. To look through them again and again took a tenth of
the time until something was shown, and once more before all is given back a quarter of the whole (measured).
"""

from __future__ import annotations

import atexit
import gc

_SELDOM = 250_000
"""So many objects are made in between, more than by any command that does not run code of the user."""
_usual = gc.get_threshold()


def collect_seldom() -> None:
    """Begin a command."""
    gc.set_threshold(_SELDOM, *_usual[1:])
    atexit.register(gc.freeze)


def collect_as_usual() -> None:
    """Let code of the user, whose memory nobody here knows, run as in a program of its own, also at the end."""
    atexit.unregister(gc.freeze)
    gc.freeze()  # what is there is looked through no more: it stays
    gc.set_threshold(*_usual)

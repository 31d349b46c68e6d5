"""The limit of one message, the same over a network and in-process."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 4 << 20
"""What a server receives at most in one message; gRPC's own default, so that every client knows it."""

"""Under which id the log knows the call a thread is answering. Apart, so that setting up logs loads no gRPC."""

from __future__ import annotations

from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("argosy_request_id", default="")
"""``""`` outside of a call."""

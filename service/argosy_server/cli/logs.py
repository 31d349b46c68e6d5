"""Where log lines go, and how they look."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from argosy_server.config import LogFormat


def configure_logs(log_format: LogFormat, level: str, worker: int = 0) -> None:
    """Send every log line of the process to stderr, structured, with the request id of the call it belongs to.

    Args:
        log_format: how the lines look.
        level: the least level that is logged.
        worker: the number of the worker that this process is, told in each line; 0 when it is none.
    """
    with _without_rich():
        import structlog

    from argosy_server.api.serving.request_id import REQUEST_ID

    def add_origin(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if request_id := REQUEST_ID.get():
            event["request_id"] = request_id
        if worker:
            event["worker"] = worker
        return event

    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            add_origin,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler()
    handler.setLevel(level.upper())  # some libraries, and those we quiet, have levels of their own
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # It tells that it looks at a database at all, also where ours only says no.
    logging.getLogger("alembic").setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


@contextmanager
def _without_rich() -> Iterator[None]:
    """Let structlog not find rich, whose tracebacks nobody asks for: loading it takes a sixth of the time to start."""
    if "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    try:
        yield
    finally:
        del sys.modules["rich"]

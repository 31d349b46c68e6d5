"""Where log lines go, and how they look."""

from __future__ import annotations

import logging
import sys
from typing import Literal

LogFormatName = Literal["console", "json"]


def configure_logs(log_format: LogFormatName, level: str) -> None:
    """Send every log line of the process to stderr, structured, with the request id of the call it belongs to."""
    import structlog

    from argosy_server.api.request_id import REQUEST_ID

    def add_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if request_id := REQUEST_ID.get():
            event["request_id"] = request_id
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
            add_request_id,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)

"""The command ``argosy-server``."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from argosy_server import __version__
from argosy_server.config import DEFAULT_DATA, DEFAULT_LISTEN, ConfigError, Listen, ServerConfig, StoreConfig

# Errors are told in a sentence; a traceback is for defects, and then the plain one.
app = typer.Typer(
    help="Stores, versions and exchanges the artifacts of machine-learning pipelines over gRPC.",
    pretty_exceptions_enable=False,
    # rich cuts the names of the environment at the width of a terminal.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
)

Data = Annotated[
    Path,
    typer.Option(envvar="ARGOSY_SERVER_DATA", help="Folder (created) of what has no other place."),
]
Database = Annotated[
    str,
    typer.Option(
        envvar="ARGOSY_SERVER_DATABASE",
        help="URL of the database: sqlite:////absolute/path.db or postgresql://user:password@host/name. "
        "Default: SQLite in the data folder.",
        show_default=False,
    ),
]
Blobs = Annotated[
    str,
    typer.Option(
        envvar="ARGOSY_SERVER_BLOBS",
        help="Folder, or fsspec URL such as s3://bucket/prefix, of the bytes. Default: a folder in the data folder.",
        show_default=False,
    ),
]
Durability = Annotated[
    Literal["full", "process"],
    typer.Option(
        envvar="ARGOSY_SERVER_DURABILITY",
        help="full: what was acknowledged survives power loss. process: it survives any crash of processes; faster.",
    ),
]
LogFormat = Annotated[
    Literal["console", "json"], typer.Option(envvar="ARGOSY_SERVER_LOG_FORMAT", help="How log lines on stderr look.")
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    typer.Option(
        envvar="ARGOSY_SERVER_LOG_LEVEL", help="Least level that is logged; info logs refusals, debug every call."
    ),
]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"argosy-server {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass  # the callback of --version has done it


@app.command()
def serve(
    listen: Annotated[
        str, typer.Option(envvar="ARGOSY_SERVER_LISTEN", help="HOST:PORT to listen on; port 0 picks a free one.")
    ] = DEFAULT_LISTEN,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    blobs: Blobs = "",
    durability: Durability = "full",
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            envvar="ARGOSY_SERVER_INSECURE",
            help="Allow an address other machines can reach, although nobody is asked who they are.",
        ),
    ] = False,
    reflection: Annotated[
        bool,
        typer.Option(
            "--reflection", envvar="ARGOSY_SERVER_REFLECTION", help="Let clients such as grpcurl ask for the contract."
        ),
    ] = False,
    grace: Annotated[
        float,
        typer.Option(
            envvar="ARGOSY_SERVER_GRACE", min=0, help="Seconds calls under way may take to finish when it is stopped."
        ),
    ] = 30.0,
    max_workers: Annotated[
        int,
        typer.Option(
            envvar="ARGOSY_SERVER_MAX_WORKERS",
            min=1,
            max=1000,
            help="Threads for small calls, and as many each for uploads and downloads.",
        ),
    ] = 16,
    sweep_interval: Annotated[
        float,
        typer.Option(
            envvar="ARGOSY_SERVER_SWEEP_INTERVAL",
            min=0,
            help="Seconds between two sweeps of what nothing can reach any more; 0 sweeps never.",
        ),
    ] = 600.0,
    log_format: LogFormat = "console",
    log_level: LogLevel = "info",
) -> None:
    """Answer calls until SIGTERM or Ctrl-C, then let those under way finish."""
    try:
        config = ServerConfig(
            store=StoreConfig(data.expanduser().absolute(), database, blobs, durability),
            listen=Listen.parse(listen),
            insecure=insecure,
            reflection=reflection,
            grace=grace,
            max_workers=max_workers,
            sweep_interval=sweep_interval,
        )
    except ConfigError as error:
        _fail(str(error))
    _configure_logs(log_format, log_level)
    _serve(config)


@app.command()
def sweep(
    data: Data = DEFAULT_DATA,
    database: Database = "",
    blobs: Blobs = "",
    durability: Durability = "full",
    log_format: LogFormat = "console",
    log_level: LogLevel = "info",
) -> None:
    """Remove once what nothing can reach any more, and tell how much that was; servers may run meanwhile."""
    from argosy_server.bootstrap import build
    from argosy_server.domain.errors import DomainError

    _configure_logs(log_format, log_level)
    try:
        application = build(StoreConfig(data.expanduser().absolute(), database, blobs, durability))
        report = application.sweep()
        application.close()
    except (DomainError, ValueError) as error:
        _fail(str(error))
    typer.echo(
        f"removed {report.uploads} uploads, {report.blobs} blobs, {report.orphans} orphans, "
        f"{report.replies} replies, {report.events} events"
    )


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line."""
    app()


def _serve(config: ServerConfig) -> None:
    # gRPC's own lines on stderr tell what our errors tell better. It looks once, when it is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from argosy_server.api.allocator import tune_allocator
    from argosy_server.api.server import ArgosyGrpcServer, PortTaken

    tune_allocator()
    server = ArgosyGrpcServer(config.max_workers)
    try:
        # First of all: a second server on the same data and port must change nothing.
        port = server.bind(config.listen.host, config.listen.port)
    except PortTaken as error:
        _fail(str(error))
    from argosy_server.bootstrap import SERVICES, SweepThread, build
    from argosy_server.domain.errors import DomainError

    try:
        application = build(config.store)
    except (DomainError, ValueError) as error:
        _fail(str(error))
    server.serve(application.register, SERVICES, reflection=config.reflection)
    sweeper = SweepThread(application, config.sweep_interval) if config.sweep_interval else None
    stopped = _stop_signal()
    if not config.listen.is_loopback:
        typer.echo("warning: --insecure: whoever reaches this port can read, write and delete everything", err=True)
    typer.echo(f"argosy-server listening on grpc://{config.listen.text(port)}")
    sys.stdout.flush()
    stopped.recv(1)
    # A second signal ends the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server.drain(config.grace)
    if sweeper is not None:
        sweeper.stop()
    application.close()


def _stop_signal() -> socket.socket:
    """Return a socket that can be read once SIGTERM or SIGINT came, whichever thread the kernel gave it to."""
    readable, written = socket.socketpair()
    written.setblocking(False)
    signal.set_wakeup_fd(written.detach())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return readable


def _configure_logs(log_format: Literal["console", "json"], level: str) -> None:
    """Send every log line of the process to stderr, structured, with the request id of the call it belongs to."""
    import logging

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


def _fail(message: str) -> NoReturn:
    """End with a clear error instead of a traceback."""
    from rich.console import Console
    from rich.text import Text

    # Whole lines: a message that is cut at the width of a terminal cannot be copied or searched.
    Console(stderr=True, soft_wrap=True).print(Text("error: ", style="bold red").append(Text(message, style="default")))
    raise typer.Exit(1)

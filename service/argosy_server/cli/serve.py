"""``argosy-server serve``."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Annotated, Literal

import typer

from argosy_server.cli.logs import configure_logs
from argosy_server.cli.options import Blobs, Data, Database
from argosy_server.cli.output import fail
from argosy_server.config import DEFAULT_DATA, DEFAULT_LISTEN, ConfigError, Listen, ServerConfig, StoreConfig

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
    direct_access: Annotated[
        bool,
        typer.Option(
            "--direct-access",
            envvar="ARGOSY_SERVER_DIRECT_ACCESS",
            help="Let programs on this machine read the files of large blobs themselves, and those of the same user "
            "write them.",
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
            help="Threads for small calls, and four times as many each for uploads and downloads.",
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
    max_watchers: Annotated[
        int,
        typer.Option(envvar="ARGOSY_SERVER_MAX_WATCHERS", min=0, help="How many may watch artifacts and runs at once."),
    ] = 10_000,
    log_format: LogFormat = "console",
    log_level: LogLevel = "info",
) -> None:
    """Answer calls until SIGTERM or Ctrl-C, then let those under way finish."""
    try:
        config = ServerConfig(
            store=StoreConfig(data.expanduser().absolute(), database, blobs, durability, direct_access),
            listen=Listen.parse(listen),
            insecure=insecure,
            reflection=reflection,
            grace=grace,
            max_workers=max_workers,
            sweep_interval=sweep_interval,
            max_watchers=max_watchers,
        )
    except ConfigError as error:
        fail(str(error))
    configure_logs(log_format, log_level)
    _serve(config)


def _serve(config: ServerConfig) -> None:
    # gRPC's own lines on stderr tell what our errors tell better. It looks once, when it is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from argosy.allocator import tune_allocator
    from argosy_server.api.server import ArgosyGrpcServer, PortTaken

    tune_allocator()
    server = ArgosyGrpcServer(config.max_workers)
    try:
        # First of all: a second server on the same data and port must change nothing.
        port = server.bind(config.listen.host, config.listen.port)
    except PortTaken as error:
        fail(str(error))
    from argosy_server.api.watch_limit import WatchSettings
    from argosy_server.bootstrap import SERVICES, SweepThread, build
    from argosy_server.domain.errors import DomainError

    try:
        application = build(config.store, watching=WatchSettings(max_watchers=config.max_watchers))
    except (DomainError, ValueError) as error:
        fail(str(error))
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
    application.watches.drain()
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

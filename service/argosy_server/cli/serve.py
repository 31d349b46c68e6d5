"""``argosy-server serve``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from argosy_server.cli.config_file import ConfigFile, settings_again
from argosy_server.cli.logs import configure_logs
from argosy_server.cli.options import Blobs, Data, Database
from argosy_server.cli.output import fail
from argosy_server.config import (
    DEFAULT_DATA,
    DEFAULT_LISTEN,
    ConfigError,
    Durability,
    Listen,
    LogFormat,
    LogLevel,
    ServerConfig,
    StoreConfig,
)

MAX_PROCESSES = 256


def serve(
    context: typer.Context,
    config: ConfigFile = None,
    listen: Annotated[
        str, typer.Option(envvar="ARGOSY_SERVER_LISTEN", help="HOST:PORT to listen on; port 0 picks a free one.")
    ] = DEFAULT_LISTEN,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    blobs: Blobs = "",
    durability: Annotated[
        Durability,
        typer.Option(
            envvar="ARGOSY_SERVER_DURABILITY",
            help="full: what was acknowledged survives power loss. process: it survives any crash of processes; "
            "faster.",
        ),
    ] = StoreConfig.durability,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            envvar="ARGOSY_SERVER_INSECURE",
            help="Allow an address other machines can reach, although there is no authentication.",
        ),
    ] = ServerConfig.insecure,
    reflection: Annotated[
        bool,
        typer.Option(
            "--reflection", envvar="ARGOSY_SERVER_REFLECTION", help="Let clients such as grpcurl ask for the contract."
        ),
    ] = ServerConfig.reflection,
    direct_access: Annotated[
        bool,
        typer.Option(
            "--direct-access",
            envvar="ARGOSY_SERVER_DIRECT_ACCESS",
            help="Let programs on this machine read the files of large blobs themselves, and those of the same user "
            "write them.",
        ),
    ] = StoreConfig.direct_access,
    signed_transfers: Annotated[
        bool,
        typer.Option(
            "--signed-transfers/--no-signed-transfers",
            envvar="ARGOSY_SERVER_SIGNED_TRANSFERS",
            help="Let clients move large blobs to and from an s3:// store themselves, by URLs this server signs.",
        ),
    ] = StoreConfig.signed_transfers,
    grace: Annotated[
        float,
        typer.Option(
            envvar="ARGOSY_SERVER_GRACE", min=0, help="Seconds calls under way may take to finish when it is stopped."
        ),
    ] = ServerConfig.grace,
    workers: Annotated[
        int,
        typer.Option(
            envvar="ARGOSY_SERVER_WORKERS",
            min=0,
            max=MAX_PROCESSES,
            help="Processes that answer on the one port, watched over by this one: crashed ones are started again, "
            "and SIGHUP reads the file of settings anew and replaces them one by one. 0: this process answers itself.",
        ),
    ] = ServerConfig.workers,
    max_workers: Annotated[
        int,
        typer.Option(
            envvar="ARGOSY_SERVER_MAX_WORKERS",
            min=1,
            max=1000,
            help="Threads of each process for small calls, and four times as many each for uploads and downloads.",
        ),
    ] = ServerConfig.max_workers,
    sweep_interval: Annotated[
        float,
        typer.Option(
            envvar="ARGOSY_SERVER_SWEEP_INTERVAL",
            min=0,
            help="Seconds between two sweeps of what nothing can reach any more; 0 sweeps never.",
        ),
    ] = ServerConfig.sweep_interval,
    max_watchers: Annotated[
        int,
        typer.Option(envvar="ARGOSY_SERVER_MAX_WATCHERS", min=0, help="How many may watch at each process at once."),
    ] = ServerConfig.max_watchers,
    log_format: Annotated[
        LogFormat, typer.Option(envvar="ARGOSY_SERVER_LOG_FORMAT", help="How log lines on stderr look.")
    ] = ServerConfig.log_format,
    log_level: Annotated[
        LogLevel,
        typer.Option(
            envvar="ARGOSY_SERVER_LOG_LEVEL", help="Least level that is logged; info logs refusals, debug every call."
        ),
    ] = ServerConfig.log_level,
) -> None:
    """Answer calls until SIGTERM or Ctrl-C, then let those under way finish."""
    # The options are declared above and taken from here, so that SIGHUP can take them the same way.
    try:
        settings = _server_config(context.params)
    except ConfigError as error:
        fail(str(error))
    configure_logs(settings.log_format, settings.log_level)
    if settings.workers:
        _supervise(settings, context)
    else:
        _serve(settings)


def _server_config(values: Mapping[str, Any]) -> ServerConfig:
    store = {field.name for field in fields(StoreConfig)} & values.keys()
    own = {field.name for field in fields(ServerConfig)} & values.keys() - {"listen"}
    try:
        home = Path(values["data"]).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(f"--data {values['data']} is no folder: {error}") from None
    return ServerConfig(
        store=StoreConfig(home, **{name: values[name] for name in store}),
        listen=Listen.parse(values["listen"]),
        **{name: values[name] for name in own},
    )


def _serve(config: ServerConfig) -> None:
    from argosy_server.cli.serving import END_SECONDS, CannotServe, Serving, end_within
    from argosy_server.fleet.signals import SignalInbox

    try:
        serving = Serving(config)
    except CannotServe as error:
        fail(str(error))
    stopped = SignalInbox((signal.SIGTERM, signal.SIGINT))
    _tell_ready(config, serving.port)
    stopped.wait()
    # A second signal ends the process at once.
    stopped.close()
    end_within(config.grace + END_SECONDS)
    serving.drain(config.grace)


def _supervise(config: ServerConfig, context: typer.Context) -> None:
    from argosy_server.fleet.port import PortTaken, ReservedPort
    from argosy_server.fleet.supervisor import FleetFailed, Supervisor

    try:
        with ReservedPort(config.listen.host, config.listen.port) as port:
            Supervisor(
                config,
                port,
                lambda: _server_config(settings_again(context)),
                ready=lambda: _tell_ready(config, port.port),
                adopted=lambda new: configure_logs(new.log_format, new.log_level),
            ).run()
    except (PortTaken, FleetFailed) as error:
        fail(str(error))


def _tell_ready(config: ServerConfig, port: int) -> None:
    if not config.listen.is_loopback:
        typer.echo("warning: --insecure: whoever reaches this port can read, write and delete everything", err=True)
    typer.echo(f"argosy-server listening on grpc://{config.listen.text(port)}")
    sys.stdout.flush()

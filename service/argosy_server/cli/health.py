"""``argosy-server health``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from argosy_server.cli.output import fail
from argosy_server.config import DEFAULT_LISTEN, MAX_SECONDS, ConfigError, Listen

SCHEME = "grpc://"


def health(
    address: Annotated[
        str, typer.Option(envvar="ARGOSY_SERVER_LISTEN", help="HOST:PORT the server listens on.")
    ] = DEFAULT_LISTEN,
    timeout: Annotated[float, typer.Option(min=0.001, max=MAX_SECONDS, help="Seconds it may take to answer.")] = 5.0,
) -> None:
    """Ask a server whether it takes calls: the exit code is 0 when it does, and 1 when it does not.

    It does not any more once it was told to stop, although it still finishes calls. Other programs ask the standard
    service grpc.health.v1.Health, as this one does.
    """
    try:
        asked = Listen.parse(address.removeprefix(SCHEME), "--address")
    except ConfigError as error:
        fail(str(error))
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from argosy_server.api.serving.health_check import NotServing, check_health

    try:
        check_health(asked.text(asked.port), timeout)
    except NotServing as error:
        fail(str(error))
    typer.echo("SERVING")

"""The argument and options that say which version a command means."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

NameArgument = Annotated[str, typer.Argument(help="The artifact's name, or the id of a version.")]
VersionOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option("--version", "-v", help="This version; without it the latest."),
]
AliasOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option("--alias", help="The version this alias points at."),
]
PipelineOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option("--pipeline", help="The version in the last completed run of this pipeline."),
]

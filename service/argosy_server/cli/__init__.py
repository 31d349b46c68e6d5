"""The command ``argosy-server``: what stands on the command line, one command a file."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from argosy_server.cli.application import app

    app()

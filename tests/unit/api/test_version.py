from __future__ import annotations

from importlib.metadata import version

from argosy_server import __version__


def test_the_server_tells_the_version_of_the_distribution() -> None:
    assert __version__ == version("argosy")

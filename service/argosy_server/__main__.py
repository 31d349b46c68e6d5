"""``python -m argosy_server``."""

from argosy_server.cli import main

main()

"""``python -m argosy``."""

from argosy.cli import main

main()

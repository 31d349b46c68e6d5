"""Measures how Argosy moves bytes against what the machine can do, and against its peers.

``python -m bench.transfer``, or ``make bench-transfer``. One bench a file, each with
``measure(setting) -> list[Line]``: the sides of a comparison take turns in every round, each in
processes started for the purpose.
"""

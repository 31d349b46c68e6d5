"""Measures Argosy against the numbers it promises: ``python -m bench``, or ``make bench``.

One bench a file. Each has ``measure(effort) -> list[Result]`` and measures in processes started for
the purpose, from compiled byte-code, on a store of its own in a temporary directory.
"""

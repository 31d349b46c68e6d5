"""Runs, step runs and their attempts: what they were given, made, printed and may reuse."""

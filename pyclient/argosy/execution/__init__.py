"""Runs a graph: order, cache keys, context, records."""

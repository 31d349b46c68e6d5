"""The cache key of a step: all that decides what it does, and how each part of it is told."""

"""Runs and their steps: how they start, end, print, and are taken from cache."""

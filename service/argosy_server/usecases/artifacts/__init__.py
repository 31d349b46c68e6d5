"""Artifact versions: how they become visible, are found, change and go, and what they were made from."""

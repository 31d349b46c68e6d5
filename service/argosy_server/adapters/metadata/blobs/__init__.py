"""Blobs and uploads, and the survey of everything that refers to them."""

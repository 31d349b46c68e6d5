"""Conformance vectors for clients in other languages, one module for each file of ``protos/testdata``."""

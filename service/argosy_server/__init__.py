"""The Argosy server: stores, versions and exchanges artifacts over gRPC."""

__version__ = "0.1.0"

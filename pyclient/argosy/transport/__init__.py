"""Channels, one typed client for each service, and the transfer of bytes. ``connection.py`` puts it together."""

import os

if "GRPC_VERBOSITY" not in os.environ:
    # gRPC's core writes to stderr when a server goes away, which our errors tell better, and transfers outlive. It
    # looks once, when it is first imported; children of this process shall not inherit it.
    os.environ["GRPC_VERBOSITY"] = "ERROR"
    import grpc  # noqa: F401 - for what it does when it is imported

    del os.environ["GRPC_VERBOSITY"]

"""Channels, one typed client for each service, and the transfer of bytes."""

import os

# gRPC's core writes to stderr when a server goes away, which our errors tell better, and transfers outlive. It looks
# once, when it is first imported.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

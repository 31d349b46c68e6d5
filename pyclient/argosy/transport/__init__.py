"""Channels, one typed client for each service, and the transfer of bytes."""

"""Channels: to one server, to several of one store, and what a fork leaves of them."""

"""Connections to the database: made, shared by threads, kept from forks, and what runs on them."""

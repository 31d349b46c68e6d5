"""Turning values into files of a documented format and back, one family of types a file."""

"""Values to files and back: one file per family of types, chosen in ``registry``, specified in docs/formats.md."""

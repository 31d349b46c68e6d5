"""Ways of large files past the server: the files of the store itself, and the object store behind it."""

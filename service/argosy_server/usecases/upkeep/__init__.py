"""A store as a whole: swept, verified, moved elsewhere; and whose bytes a storage holds."""

"""A run while it happens: steps are started, executed and ended, and what failed is told."""

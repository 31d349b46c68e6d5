"""Rows as they are read and written: pages of them, and values as columns keep them."""

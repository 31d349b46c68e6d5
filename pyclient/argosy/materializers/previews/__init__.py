"""What values look like: pages, pictures and small texts, made without knowing how the values are kept."""

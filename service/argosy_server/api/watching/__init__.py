"""Those who watch: where they are, and how few threads tell many of them what happened."""

"""What a step prints and logs: taken on its way, kept in lines, sent to the store, read back."""

"""What a client is asked: the parts of ``Client``, and how users name and narrow what they ask for."""

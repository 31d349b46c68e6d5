"""How a server listens, on which threads it answers, and what surrounds every call."""

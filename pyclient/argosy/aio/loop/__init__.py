"""How calls reach the store from an event loop, and from the threads that work for it."""

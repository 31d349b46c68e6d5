"""Commands that put, find, get and compare artifacts: one module each, and beside them what one of them alone needs."""

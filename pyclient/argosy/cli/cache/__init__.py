"""Commands that list, explain and evict what steps may reuse."""

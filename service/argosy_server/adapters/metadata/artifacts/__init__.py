"""Artifact versions, their tags, facts and aliases: inserted, found, listed, changed, pruned."""

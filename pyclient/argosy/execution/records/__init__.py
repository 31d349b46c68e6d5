"""What the store knows of runs, artifact versions and lineage, as people ask for it."""

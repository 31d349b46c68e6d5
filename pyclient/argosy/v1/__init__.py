"""Generated from protos/argosy/v1 by `make proto`; never edited."""

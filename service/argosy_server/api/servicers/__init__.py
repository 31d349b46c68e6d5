"""What the services of the contract promise: each call parses once, asks a use case, and renders."""

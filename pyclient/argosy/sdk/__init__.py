"""What users touch: decorators, save and load, the client."""

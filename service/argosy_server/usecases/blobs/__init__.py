"""The bytes of blobs: how they come in, wait to be published, and are read back."""

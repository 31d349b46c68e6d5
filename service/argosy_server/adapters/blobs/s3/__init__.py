"""A bucket of a store that speaks the S3 protocol, and the URLs it signs."""

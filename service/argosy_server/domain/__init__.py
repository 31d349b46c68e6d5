"""Pure values and rules: no wire, no database, no storage."""

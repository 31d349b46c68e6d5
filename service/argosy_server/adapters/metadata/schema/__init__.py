"""The tables, and a database that gets, keeps or has moved them; what it refuses, in our words."""

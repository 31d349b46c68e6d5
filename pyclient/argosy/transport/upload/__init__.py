"""From the files of a value to a version that is visible."""

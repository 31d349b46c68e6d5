"""From a version that is stored to its files, every byte verified."""

"""Commands that run pipelines, list and show them."""

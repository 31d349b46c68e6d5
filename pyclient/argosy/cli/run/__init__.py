"""Commands that list, show, compare, resume and cancel runs of pipelines."""

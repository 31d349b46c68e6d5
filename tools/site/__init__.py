"""What `make docs` builds beside the pages in ``docs``: the references, and pages that lie elsewhere in the clone."""

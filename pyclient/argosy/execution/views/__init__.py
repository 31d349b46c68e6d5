"""What people see of runs, versions and lineage: on a terminal, in a notebook, as a drawing."""

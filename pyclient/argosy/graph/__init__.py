"""Pure: what a pipeline is, before anything runs.

Steps and pipelines become frozen definitions when they are decorated; calling a pipeline
records its body into a frozen :class:`~argosy.graph.model.Graph`, which ``execution`` runs.
Nothing in here does I/O or knows the wire.
"""

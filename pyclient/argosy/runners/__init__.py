"""Where steps run. Each runner keeps the promise of :class:`argosy.execution.running.runner.Runner`."""

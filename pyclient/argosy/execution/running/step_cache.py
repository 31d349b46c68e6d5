"""The cache key of a step that is about to start, or why it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from argosy.execution.caching.code_fingerprint import fingerprint_code, warn_if_uncached
from argosy.execution.caching.key import CacheKey, InputContent, is_cacheable, make_cache_key, no_cache_key
from argosy.execution.caching.options import option_parts
from argosy.execution.running.active_run import ActiveRun
from argosy.execution.running.input_versions import ResolvedInput
from argosy.graph.model import Invocation
from argosy.materializers.registry import materializer_id, resolve


def step_cache_key(run: ActiveRun, invocation: Invocation, inputs: Sequence[ResolvedInput]) -> CacheKey:
    """Return what earlier step runs must agree in to be reused; a key without digest when none may be.

    A step whose code, or what it depends on, cannot be told apart from other code is not cached, with a warning.

    Raises:
        DefinitionError: its own ``cache_key`` function failed, or a file it depends on does not exist.
    """
    if invocation.takes_external_value:
        return no_cache_key("it takes a value, as ExternalArtifact(value)")
    if not is_cacheable(run.graph, invocation, setting=run.config.cache):
        return no_cache_key("caching is off for it: enable_cache=False, or ARGOSY_CACHE=0")
    step = invocation.step
    options, reasons = option_parts(invocation)
    materializers = {name: resolve(chosen) for name, chosen in step.output_materializers.items()}
    code = fingerprint_code(step.function, *materializers.values())
    if reasons:
        code = replace(code, digest=None, reasons=(*code.reasons, *reasons))
    warn_if_uncached(step.name, code, step.location)
    return make_cache_key(
        project=run.connection.project,
        invocation=invocation,
        code=code,
        inputs={
            item.name: [InputContent(one.format, one.data_type, one.content_digest) for one in item.versions]
            for item in inputs
        },
        materializers={name: materializer_id(chosen) for name, chosen in materializers.items()},
        options=options,
    )

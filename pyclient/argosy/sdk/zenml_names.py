"""Names of ZenML that are none here: what stands for each. Loaded only when somebody asks for one of them."""

from __future__ import annotations

_MODEL = "a model is an artifact, and an alias its stage: argosy.get_artifact(name).set_alias('prod')"

INSTEAD = {
    "ArtifactType": "artifacts have no type of this kind; use tags=",
    "BaseMaterializer": "define a subclass of argosy.Materializer",
    "CachePolicy": "@step takes ignore=, source_dependencies=, file_dependencies=, cache_key= and max_age=",
    "CommandStep": "a step is a function; let it call subprocess.run",
    "ExecutionMode": 'write @pipeline(execution_mode="continue") or "fail_fast"',
    "Model": _MODEL,
    "Schedule": "nothing here starts runs by the clock; let cron call your program",
    "StepRetryConfig": "write @step(retry=argosy.Retry(2, delay=1, backoff=3))",
    "Tag": "a tag is a text",
    "UnmaterializedArtifact": "annotate the input with argosy.ArtifactVersion",
    "bulk_log_metadata": "call argosy.log_metadata(facts, artifact=name) for each",
    "get_pipeline_context": "in a step argosy.current_step() tells run and pipeline",
    "get_step_context": "use argosy.current_step()",
    "link_artifact_to_model": _MODEL,
    "log_artifact_metadata": "use argosy.log_metadata(facts, artifact=name)",
    "log_model_metadata": "use argosy.log_metadata(facts, artifact=name)",
    "log_step_metadata": "use argosy.log_metadata(facts) in the step",
    "remove_tags": "use argosy.get_artifact(name).remove_tags(...)",
    "run_hook": "a hook is a function; call it",
    "show": "there is no dashboard; argosy run list and argosy run show RUN tell of runs",
    "unmapped": "step.map() takes what is not marked by argosy.each() as it is",
    "wait": "no run waits for an answer; end it, and begin another one with the answer as a parameter",
}
PAGE = "docs/coming-from-zenml.md"


def answer_to(name: str) -> str:
    """Return what to write instead, with the page that tells more; nothing for a name ZenML has not either."""
    return f"; coming from ZenML? {INSTEAD[name]} ({PAGE})" if name in INSTEAD else ""

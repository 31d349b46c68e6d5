"""The cache key of a step: everything an earlier result must agree in to be reused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from argosy.execution.caching.code_fingerprint import CodeFingerprint
from argosy.execution.caching.joined_digest import digest_of
from argosy.execution.caching.value_digest import UnhashableValueError, ValueDigester
from argosy.graph.canonical_json import canonical_json
from argosy.graph.model import ArtifactInput, ArtifactList, Graph, Invocation, Parameter
from argosy.graph.output_refs import ItemRef
from argosy.graph.outputs import OutputSpec
from argosy.value_types import type_name

_REVISION = "argosy cache key 1"
"""Changes when the same parts would mean something else."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class InputContent:
    """What a stored artifact version contains, whatever it is called.

    Attributes:
        format: the name of its file layout.
        data_type: the type of its value: a tuple and a list may have the same files and are different values.
        digest: of its files, names included.
    """

    format: str
    data_type: str
    digest: str


@dataclass(frozen=True)
class CacheKey:
    """The key and the named parts it is made of.

    Attributes:
        digest: 64 hexadecimal digits; empty when there is no key.
        parts: ``code``, ``code:mymodule.helper``, ``parameter:rate``, ``input:x``, ``outputs``,
            ``materializers``, ``project``, and what the cache options add (``file:data.csv``,
            ``source:mymodule.helper``) -> digest; ``cache_key`` -> its text. When there is no key,
            only ``uncacheable`` -> why.
    """

    digest: str
    parts: Mapping[str, str]


def make_cache_key(
    *,
    project: str,
    invocation: Invocation,
    code: CodeFingerprint,
    inputs: Mapping[str, Sequence[InputContent]],
    materializers: Mapping[str, str],
    options: Mapping[str, str] = _NOTHING,
) -> CacheKey:
    """Combine the parts; there is no key when the code has no digest.

    Args:
        project: the project.
        invocation: the step as it was called.
        code: the fingerprint of its function.
        inputs: name of each artifact input -> contents, one unless a list was passed, in order.
        materializers: output name -> what names the materializer and its format.
        options: parts that the step's cache options add, as they stand; what they ignore is left out.

    Raises:
        KeyError: an artifact input of the invocation is not in ``inputs``.
    """
    if code.digest is None:
        return no_cache_key(f"it reads what has no digest: {'; '.join(code.reasons)}")
    parts = {"project": digest_of([project]), "code": code.own}
    parts.update({f"code:{name}": digest for name, digest in code.parts.items()})
    ignored = invocation.step.cache.ignore
    parts.update(
        {
            f"parameter:{name}": _of_parameter(value)
            for name, value in invocation.parameters.items()
            if name not in ignored
        }
    )
    parts.update(
        {
            f"input:{name}": _of_input(source, inputs[name])
            for name, source in invocation.artifacts.items()
            if name not in ignored
        }
    )
    parts.update(options)
    parts["outputs"] = digest_of(text for output in invocation.step.outputs for text in _of_output(output))
    parts["materializers"] = digest_of(text for item in sorted(materializers.items()) for text in item)
    ordered = dict(sorted(parts.items()))
    whole = digest_of([_REVISION, *(text for item in ordered.items() for text in item)])
    return CacheKey(whole, MappingProxyType(ordered))


def no_cache_key(reason: str) -> CacheKey:
    """Return what stands for a key there cannot be.

    Args:
        reason: why, as a sentence about the step.
    """
    return CacheKey("", MappingProxyType({"uncacheable": reason}))


def is_cacheable(graph: Graph, invocation: Invocation, *, setting: bool = True) -> bool:
    """Tell whether results of an invocation may be reused.

    A value passed as ``ExternalArtifact`` forbids it. Else the first that says something
    decides: the step's ``with_options``, the pipeline's ``with_options``, ``@step``,
    ``@pipeline``, the setting.
    """
    if invocation.takes_external_value:
        return False
    said = (
        invocation.cache_override,
        graph.cache_override if invocation.inner is None else invocation.inner.cache_override,
        invocation.step.enable_cache,
        graph.pipeline.enable_cache if invocation.inner is None else invocation.inner.enable_cache,
    )
    return next((choice for choice in said if choice is not None), setting)


def _of_parameter(parameter: Parameter) -> str:
    """Digest the value with its types; JSON alone would take a tuple for a list."""
    try:
        return ValueDigester(_name_of).digest(parameter.value).hex()
    except UnhashableValueError:
        return digest_of([type(parameter.value).__qualname__, parameter.json])


def _of_input(source: ArtifactInput, contents: Sequence[InputContent]) -> str:
    if isinstance(source, ItemRef):
        container = f"item {source.index}"
    else:
        container = ("tuple" if source.as_tuple else "list") if isinstance(source, ArtifactList) else "one"
    pieces = [container, str(len(contents))]
    for content in contents:
        # As a list of one file without a name: that is how keys were made that are in stores.
        pieces += [f"{content.format} {content.data_type}", "1", "", content.digest]
    return digest_of(pieces)


def _of_output(output: OutputSpec) -> tuple[str, ...]:
    """The output as annotated: not the name of the pipeline, which may differ."""
    labels = (output.key, str(output.is_named), type_name(output.annotation), str(output.version))
    chosen = () if output.stored_as is None else (output.stored_as,)
    return (*labels, canonical_json(sorted(output.tags)), canonical_json(output.metadata), *chosen)


def _name_of(code: Any) -> str:
    return f"{getattr(code, '__module__', '')}.{getattr(code, '__qualname__', type(code).__qualname__)}"

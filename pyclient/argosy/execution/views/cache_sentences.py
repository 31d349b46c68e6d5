"""The reasons and parts of ``StepRun.cache_miss`` and of cache keys, in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_REASONS = {
    "disabled": "caching is off for it, it takes a value, or its code cannot be compared",
    "first_run": "there is no earlier run of this step to compare it with",
    "outputs_deleted": "an earlier run was the same, but something it made is not there any more",
    "evicted": "an earlier run was the same, but was evicted from the cache",
    "expired": "an earlier run was the same, but is older than max_age allows",
}
_NO_NEWS = frozenset({"first_run", "disabled"})
"""Reasons of which a person need not be told while a run happens."""
_MOST_REASONS = 2
_NAMED_REASONS = {
    "loaded": "{name}, which its code loads, means another version now",
    "saved": "{name}, under which its code saves, has a newer version that it did not save",
}
_CHANGED = {
    "parameter": "parameter {name} changed",
    "input": "input {name} has other content",
    "code": "the code of {name} changed",
    "file": "file {name} changed",
    "source": "the code of {name}, a source dependency, changed",
    "code:": "the code of the step itself changed",
    "outputs": "what the step says of its outputs changed",
    "materializers": "the materializers of its outputs changed",
    "project": "it ran in another project",
    "cache_key": "its cache_key changed",
    "more": "functions or files changed that are not listed by name, for there are so many",
}
_ADDED = {
    "parameter": "parameter {name} is part of the key now",
    "input": "input {name} is part of the key now",
    "code": "it uses {name} now",
    "file": "file {name} is a dependency now",
    "source": "{name} is a source dependency now",
    "cache_key": "it has a cache_key now",
}
_GONE = {
    "parameter": "parameter {name} is no part of the key any more",
    "input": "input {name} is no part of the key any more",
    "code": "it does not use {name} any more",
    "file": "file {name} is no dependency any more",
    "source": "{name} is no source dependency any more",
    "cache_key": "it has no cache_key any more",
}


def reason_sentence(reason: str) -> str:
    """Return what a reason of ``cache_miss`` means; one that names a part means that it differs."""
    if reason in _REASONS:
        return _REASONS[reason]
    kind, colon, name = reason.partition(":")
    if colon and kind in _NAMED_REASONS:
        return _NAMED_REASONS[kind].format(name=name)
    return part_sentence(reason)


def part_sentence(part: str, *, is_new: bool = False, is_gone: bool = False) -> str:
    """Return what it means that a part of the cache key differs, also for parts of other clients.

    Args:
        part: its name.
        is_new: it was no part of the key before.
        is_gone: it is no part of the key any more.
    """
    kind, colon, name = part.partition(":")
    sentences = {**_CHANGED, **(_ADDED if is_new else _GONE if is_gone else {})}
    template = sentences.get(kind if colon or kind != "code" else "code:")
    return template.format(name=name) if template else f"{part} differs"


def cache_note(reasons: Sequence[str]) -> str:
    """Return in few words what a person should know of why a step was not taken from cache; may be empty."""
    swapped = _names(reasons, "input:") & _names(reasons, "parameter:")  # an argument cannot be both at once
    told = {f"{kind}:{name}" for name in swapped for kind in ("input", "parameter")} | _NO_NEWS
    news = [f"{name} was an artifact and is a parameter now, or the other way round" for name in sorted(swapped)]
    news += [reason_sentence(reason) for reason in reasons if reason not in told]
    more = f" and {len(news) - _MOST_REASONS} more reasons" if len(news) > _MOST_REASONS else ""
    return "; ".join(news[:_MOST_REASONS]) + more


def _names(reasons: Sequence[str], prefix: str) -> set[str]:
    return {reason.removeprefix(prefix) for reason in reasons if reason.startswith(prefix)}


def value_sentence(part: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return how the value of a parameter changed, empty where both or one of them is not known.

    Args:
        part: the name of the part.
        before: the earlier parameters, each a JSON document.
        now: those now.
    """
    kind, _, name = part.partition(":")
    return change_sentence(before.get(name, ""), now.get(name, "")) if kind == "parameter" else ""


def change_sentence(before: str, now: str) -> str:
    """Return how a value changed, empty where it did not or one of both is not known."""
    return f" from {_short(before)} to {_short(now)}" if before and now and before != now else ""


def sentence_list(sentences: Iterable[str]) -> str:
    """Return sentences as lines of a list."""
    return "".join(f"\n  - {sentence}" for sentence in sentences)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."

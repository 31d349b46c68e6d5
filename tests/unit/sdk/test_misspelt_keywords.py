"""Misspelt keywords are refused with what may have been meant, under the names users know."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import argosy
import argosy.aio
from argosy.graph.keyword_suggestions import suggests_keywords

ANY: Any = argosy
AIO: Any = argosy.aio
RETRY: Any = argosy.Retry
CONFIG: Any = argosy.ArtifactConfig

CALLS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda _: ANY.save_artifact([1], "m", tgas=["a"]), "save_artifact() has no keyword 'tgas' (did you mean 'tags'?)"),
    (lambda _: ANY.load_artifact("m", alais="a"), "load_artifact() has no keyword 'alais' (did you mean 'alias'?)"),
    (lambda _: ANY.get_artifact("m", alais="a"), "get_artifact() has no keyword 'alais' (did you mean 'alias'?)"),
    (lambda _: ANY.save_artifact(data=1, name="m"), "save_artifact() has no keyword 'data' (did you mean 'value'?)"),
    (
        lambda _: ANY.list_artifact_versions(artifact="m"),
        "list_artifact_versions() has no keyword 'artifact' (did you mean 'name'?)",
    ),
    (lambda _: CONFIG(run_metadata={}), "ArtifactConfig() has no keyword 'run_metadata' (did you mean 'metadata'?)"),
    (lambda _: ANY.save_artifacts({}, tag=1), "save_artifacts() has no keyword 'tag' (did you mean 'tags'?)"),
    (lambda _: ANY.log_metadata({}, artefact="m"), "log_metadata() has no keyword 'artefact' (did you mean 'artifact'"),
    (
        lambda _: ANY.register_artifact("/x", "h", copi=1),
        "register_artifact() has no keyword 'copi' (did you mean 'copy",
    ),
    (
        lambda _: ANY.delete_artifact("m", forse=True),
        "delete_artifact() has no keyword 'forse' (did you mean 'force'?)",
    ),
    (lambda _: ANY.load_rescued("m", as_typ=int), "load_rescued() has no keyword 'as_typ' (did you mean 'as_type'?)"),
    (lambda _: ANY.watch_artifacts(nme="m"), "watch_artifacts() has no keyword 'nme' (did you mean 'name'?)"),
    (
        lambda version: version.download("x", overwite=1),
        "ArtifactVersion.download() has no keyword 'overwite' (did you",
    ),
    (
        lambda version: version.lineage(depht=1),
        "ArtifactVersion.lineage() has no keyword 'depht' (did you mean 'depth'",
    ),
    (lambda _: ANY.Client().evict_cache(stpe="s"), "Client.evict_cache() has no keyword 'stpe' (did you mean 'step'?)"),
    (lambda _: ANY.Client().list_runs(stats=""), "Client.list_runs() has no keyword 'stats' (did you mean 'status'?)"),
    (
        lambda _: ANY.Client().save_artifact(1, "m", tgas=1),
        "Client.save_artifact() has no keyword 'tgas' (did you mean",
    ),
    (
        lambda _: ANY.Client(projct="p"),
        "Client() has no keyword 'projct' (did you mean 'project'?); it takes 'server', ",
    ),
    (lambda _: ANY.ExternalArtifact(nam="m"), "ExternalArtifact() has no keyword 'nam' (did you mean 'name'?)"),
    (lambda _: CONFIG(nam="m"), "ArtifactConfig() has no keyword 'nam' (did you mean 'name'?)"),
    (
        lambda _: RETRY(1, dealy=3),
        "Retry() has no keyword 'dealy' (did you mean 'delay'?); it takes 'retries', 'delay',",
    ),
    (lambda _: AIO.Client(projct="p"), "Client() has no keyword 'projct' (did you mean 'project'?)"),
    (lambda _: AIO.Client().list_runs(stats=""), "Client.list_runs() has no keyword 'stats' (did you mean 'status'?)"),
    (
        lambda version: ANY.log_metadata({}, artifact_version_id=version.id),
        "log_metadata() has no keyword 'artifact_version_id' (did you mean 'artifact'?)",
    ),
    (
        lambda _: ANY.add_tags("a", artifact_name="m"),
        "add_tags() has no keyword 'artifact_name' (did you mean 'artifact'?); it takes '*tags', 'artifact', ",
    ),
    (
        lambda _: ANY.add_tags(tags=["a"], artifact="m"),
        "add_tags() takes tags first and without the keyword, add_tags(*tags, ...); it takes '*tags', 'artifact', ",
    ),
    (
        lambda version: version.add_tags(tags=["a"]),
        "ArtifactVersion.add_tags() takes tags first and without the keyword, ArtifactVersion.add_tags(*tags, ...)",
    ),
    (lambda _: ANY.load_artifact(name="m"), "load_artifact() has no keyword 'name' (did you mean 'name_or_id'?)"),
    (
        lambda _: ANY.ExternalArtifact(artifact_name="m"),
        "ExternalArtifact() has no keyword 'artifact_name' (did you mean 'name'?)",
    ),
    (
        lambda _: ANY.ExternalArtifact(1, store_artifact_metadata=False),
        "ExternalArtifact() has no keyword 'store_artifact_metadata' (did you mean 'extract_metadata'?)",
    ),
    (
        lambda _: ANY.register_artifact("/x", "h", artifact_metadata={}),
        "register_artifact() has no keyword 'artifact_metadata' (did you mean 'metadata'?)",
    ),
    (
        lambda _: ANY.save_artifact(1, "m", artifact_type="model"),
        "save_artifact() has no keyword 'artifact_type' (did you mean 'tags'?)",
    ),
    (
        lambda _: ANY.Client().get_run(name_id_or_prefix="m"),
        "Client.get_run() has no keyword 'name_id_or_prefix' (did you mean 'run'?)",
    ),
    (
        lambda _: ANY.Client().list_artifacts(name="m"),
        "Client.list_artifacts() has no keyword 'name' (did you mean 'name_contains'?)",
    ),
    (lambda _: RETRY(), "Retry() missing 1 required positional argument: 'retries'"),
    (lambda _: ANY.Client().set_alias(), "Client.set_alias() missing 2 required positional arguments"),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message.partition(" ")[0] for _, message in CALLS])
def test_what_may_have_been_meant_is_named(home: Path, call: Callable[[Any], Any], message: str) -> None:
    version = argosy.save_artifact([1], "m")
    with pytest.raises(TypeError) as caught:
        call(version)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AIO.save_artifact(1, "m", tgas=1), "save_artifact() has no keyword 'tgas' (did you mean 'tags'?)"),
        (lambda: AIO.load_artifact("m", alais=1), "load_artifact() has no keyword 'alais' (did you mean 'alias'?)"),
        (lambda: AIO.Client().get_run("r", stps=1), "Client.get_run() has no keyword 'stps'; it takes 'run'"),
    ],
    ids=["save_artifact", "load_artifact", "get_run"],
)
def test_what_may_have_been_meant_is_named_by_the_asyncio_twins(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        call().send(None)
    assert str(caught.value).startswith(message)


def test_a_type_error_of_the_function_itself_is_not_touched() -> None:
    def inner(*, rate: int) -> None:
        raise TypeError("own")

    @suggests_keywords
    def outer(*, wrong: bool = False, **_: int) -> None:
        inner(**{"rat" if wrong else "rate": 1})

    @suggests_keywords
    def plain(rate: int = 1, *, wrong: bool = False) -> None:
        outer(wrong=wrong)

    with pytest.raises(TypeError, match="own") as caught:
        plain()
    assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][-2:] == ["outer", "inner"]
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'rat'"):
        plain(wrong=True)


def test_signatures_and_kinds_of_functions_stay() -> None:
    assert list(inspect.signature(argosy.Retry).parameters)[:2] == ["retries", "delay"]
    assert list(inspect.signature(argosy.save_artifact).parameters)[:3] == ["value", "name", "version"]
    assert inspect.iscoroutinefunction(argosy.aio.save_artifact)
    assert argosy.Client.evict_cache.__doc__

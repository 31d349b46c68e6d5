from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argosy.errors import DefinitionError
from argosy.execution.caching.code_fingerprint import CodeFingerprint
from argosy.execution.caching.key import CacheKey, InputContent, make_cache_key
from argosy.execution.caching.options import option_parts
from argosy.graph.model import Invocation
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step

CODE = CodeFingerprint("own", {}, "all")
HERE = Path(__file__).resolve().parent


@step
def source() -> int:
    return 1


def fit(data: Any, rate: float = 0.1, verbose: bool = False) -> int:
    return 1


def helper() -> int:
    return 1


_lock = threading.Lock()


def locked() -> Any:
    return _lock


def invocation_of(rate: float = 0.1, verbose: bool = False, **options: Any) -> Invocation:
    fitting = step(fit, **options) if options else step(fit)

    @pipeline
    def training() -> None:
        fitting(source(), rate=rate, verbose=verbose)

    return list(training.record().invocations.values())[-1]


def key_of(content: str = "blake3:aa", **options: Any) -> CacheKey:
    invocation = invocation_of(**options)
    parts, reasons = option_parts(invocation)
    assert reasons == ()
    return make_cache_key(
        project="default",
        invocation=invocation,
        code=CODE,
        inputs={"data": [InputContent("json", "builtins:dict", content)]},
        materializers={},
        options=parts,
    )


def added(**options: Any) -> set[str]:
    return set(key_of(**options).parts) - set(key_of().parts)


def test_without_options_nothing_is_added() -> None:
    assert option_parts(invocation_of()) == ({}, ())


def test_what_is_ignored_is_no_part_of_the_key() -> None:
    ignoring: dict[str, Any] = {"ignore": ["verbose", "data"]}
    assert set(key_of().parts) - set(key_of(**ignoring).parts) == {"parameter:verbose", "input:data"}
    assert key_of(**ignoring) == key_of("blake3:bb", verbose=True, **ignoring)
    assert key_of(**ignoring) != key_of(rate=0.2, **ignoring)


def test_a_text_as_cache_key_counts() -> None:
    assert added(cache_key="v1") == {"cache_key"}
    assert key_of(cache_key="v1") == key_of(cache_key="v1")
    assert key_of(cache_key="v1") != key_of(cache_key="v2")


def test_a_function_as_cache_key_is_given_the_parameters_with_defaults() -> None:
    given: list[dict[str, Any]] = []

    def rounded(parameters: Any) -> str:
        given.append(dict(parameters))
        return f"{parameters['rate']:.1f}"

    options: dict[str, Any] = {"cache_key": rounded, "ignore": "rate"}
    assert key_of(rate=0.101, **options) == key_of(rate=0.099, **options)
    assert key_of(rate=0.1, **options) != key_of(rate=0.2, **options)
    assert given[0] == {"rate": 0.101, "verbose": False}


def raising(parameters: Any) -> str:
    raise KeyError("rat")


def changing(parameters: Any) -> str:
    parameters["rate"] = 1
    return ""


async def waiting(parameters: Any) -> str:
    return ""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raising, "cache_key function of step 'fit' raised KeyError: 'rat'"),
        (changing, "cache_key function of step 'fit' raised TypeError"),
        (lambda parameters: 1, "cache_key function of step 'fit' returned a int; return a text"),
        (lambda parameters: None, "returned a NoneType"),
        (lambda: "", "raised TypeError"),
        (waiting, "returned a coroutine"),
        (lambda parameters: "v\udc80", r"of step 'fit' returned 'v\udc80' has half a surrogate pair"),
    ],
    ids=["raises", "changes", "number", "none", "takes-nothing", "async", "half a pair"],
)
def test_a_function_that_makes_no_key_is_an_error_that_names_the_step(function: Any, words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        option_parts(invocation_of(cache_key=function))
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{__file__}:")


def test_files_count_by_content_and_are_named_as_they_were_given(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1")
    (tmp_path / "folder").mkdir()
    absolute = [tmp_path / "data.csv", tmp_path / "folder"]
    assert added(file_dependencies=[*absolute, "conftest.py", "../logs"]) == {
        f"file:{tmp_path}/data.csv",
        f"file:{tmp_path}/folder",
        "file:conftest.py",
        "file:../logs",
    }
    before = key_of(file_dependencies=absolute)
    assert key_of(file_dependencies=absolute) == before
    (tmp_path / "folder" / "new").touch()
    after = key_of(file_dependencies=absolute)
    assert {name for name in after.parts if after.parts[name] != before.parts[name]} == {f"file:{tmp_path}/folder"}


@pytest.mark.parametrize("path", ["absent.csv", "conftest.py/absent"])
def test_a_file_that_does_not_exist_is_an_error_that_names_step_and_file(path: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        option_parts(invocation_of(file_dependencies=path))
    assert str(caught.value).startswith(f"{__file__}:")
    assert f"step 'fit' depends on file:{path}, but {HERE / path} does not exist" in str(caught.value)


def test_a_file_whose_name_is_no_text_is_named_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a\udcff.csv").touch()
    assert added(file_dependencies=tmp_path / "a\udcff.csv") == {rf"file:{tmp_path}/a\xff.csv"}


def test_files_of_code_that_stands_in_no_file_are_named_from_where_it_was_defined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a notebook, which changes its directory between cells."""
    (tmp_path / "data.csv").touch()
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path)
    typed: dict[str, Any] = {}
    exec("def typed(data, rate=0.1, verbose=False) -> int:\n    return 1\n", typed)
    fitting = step(file_dependencies=["data.csv"])(typed["typed"])
    monkeypatch.chdir(tmp_path / "inner")

    @pipeline
    def training() -> None:
        fitting(source())

    assert list(option_parts(list(training.record().invocations.values())[-1])[0]) == ["file:data.csv"]


def test_sources_count_by_their_code_and_are_named_by_it() -> None:
    assert added(source_dependencies=[helper, json, step(helper)]) == {f"source:{__name__}.helper", "source:json"}
    assert key_of(source_dependencies=helper) != key_of(source_dependencies=source)


def unhashable_source(tmp_path: Path) -> dict[str, Any]:
    return {"source_dependencies": [helper, locked]}


def unhashable_file(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "loop").symlink_to(tmp_path)
    return {"file_dependencies": tmp_path}


@pytest.mark.parametrize(
    ("options_of", "reason"),
    [
        (unhashable_source, f"source:{__name__}.locked: {__name__}._lock: a _thread.lock has no digest"),
        (unhashable_file, "loop is a link to a directory it lies in"),
    ],
)
def test_what_has_no_digest_is_named_and_is_no_part(
    tmp_path: Path, options_of: Callable[[Path], dict[str, Any]], reason: str
) -> None:
    parts, reasons = option_parts(invocation_of(**options_of(tmp_path)))
    assert len(reasons) == 1
    assert reason in reasons[0]
    assert reasons[0].partition(": ")[0] not in parts

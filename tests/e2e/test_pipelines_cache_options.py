"""What users say about the cache of a step: a key of their own, what to ignore, files, code, and an age."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import DefinitionError
from argosy.execution.caching.code_fingerprint import UncachedStepWarning


@argosy.step
def weigh(values: list[int], rate: float = 0.1, verbose: bool = False) -> float:
    return sum(values) * rate


@argosy.step
def numbers(count: int = 3) -> list[int]:
    return list(range(count))


def ran(step: Any, count: int = 3, **parameters: Any) -> tuple[str, tuple[str, ...]]:
    """Status and reasons of a step in a run of its own pipeline."""

    @argosy.pipeline
    def weighing() -> None:
        step(numbers(count), **parameters)

    record = list(weighing().steps.values())[-1]
    return record.status, record.cache_miss


CACHED: tuple[str, tuple[str, ...]] = ("cached", ())


def missed(*reasons: str) -> tuple[str, tuple[str, ...]]:
    return "completed", reasons


def test_a_parameter_that_is_ignored_does_not_count(store: str) -> None:
    quiet = weigh.with_options(ignore=["verbose"])
    assert ran(quiet) == missed("first_run")
    assert ran(quiet, verbose=True) == CACHED
    assert ran(quiet, verbose=True, rate=0.2) == missed("parameter:rate")


def test_an_input_that_is_ignored_does_not_count(store: str) -> None:
    blind = weigh.with_options(ignore="values")
    assert ran(blind, count=3) == missed("first_run")
    assert ran(blind, count=4) == CACHED


def test_a_misspelt_name_to_ignore_is_refused_with_what_was_meant(home: Path) -> None:
    with pytest.raises(DefinitionError, match=r"'verbos'.*verbose"):
        weigh.with_options(ignore=["verbos"])


def test_a_new_cache_key_makes_the_step_run_again(store: str) -> None:
    assert ran(weigh.with_options(cache_key="v1")) == missed("first_run")
    assert ran(weigh.with_options(cache_key="v1")) == CACHED
    assert ran(weigh.with_options(cache_key="v2")) == missed("cache_key")
    assert ran(weigh.with_options(cache_key="v1")) == CACHED


def test_a_step_may_depend_on_more_than_the_store_lists(store: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number:04}.txt" for number in range(1_100)]
    for file in files:
        file.write_text("a")
    deep = tmp_path.joinpath(*["d" * 200] * 4)
    deep.mkdir(parents=True)
    (deep / "e.txt").write_text("a")
    many = weigh.with_options(file_dependencies=[*files, deep / "e.txt"])
    assert ran(many) == missed("first_run")
    assert ran(many) == CACHED
    files[-1].write_text("b")
    assert ran(many) == missed("more")


def test_a_new_cache_key_is_told_in_its_own_words(store: str) -> None:
    @argosy.pipeline
    def weighing(key: str) -> None:
        weigh.with_options(cache_key=key)(numbers())

    weighing("v1")
    changed = weighing("v2")
    assert argosy.Client().explain_cache(changed.id, "weigh").sentences == ("its cache_key changed from v1 to v2",)
    weighing("v" * 1_000)
    longer = argosy.Client().explain_cache(weighing("w" * 1_000).id, "weigh")
    assert longer.reasons == ("cache_key",)


LOCK = threading.Lock()


@argosy.step
def locking(value: int) -> int:
    with LOCK:
        return value


def test_a_step_that_cannot_be_cached_is_explained_by_why(store: str) -> None:
    @argosy.pipeline
    def locked() -> None:
        locking(1)
        locking.with_options(enable_cache=False)(2)
        weigh(argosy.ExternalArtifact([1]))

    with pytest.warns(UncachedStepWarning, match="'locking' is not cached"):
        run = locked()
    with pytest.raises(TypeError) as no_pickle:
        pickle.dumps(LOCK)
    told = [argosy.Client().explain_cache(run.id, step).sentences for step in run.steps]
    assert told == [
        (f"it reads what has no digest: {__name__}.LOCK: a _thread.lock has no digest ({no_pickle.value})",),
        ("caching is off for it: enable_cache=False, or ARGOSY_CACHE=0",),
        ("it takes a value, as ExternalArtifact(value)",),
    ]


def about(parameters: Mapping[str, Any]) -> str:
    return f"{parameters['rate']:.1f}"


def test_a_cache_key_can_be_made_of_the_parameters(store: str) -> None:
    rounded = weigh.with_options(cache_key=about, ignore=["rate"])
    assert ran(rounded, rate=0.11) == missed("first_run")
    assert ran(rounded, rate=0.09) == CACHED
    assert ran(rounded, rate=0.2) == missed("cache_key")


def broken(parameters: Mapping[str, Any]) -> str:
    return str(parameters["absent"])


def test_a_cache_key_function_that_raises_fails_the_step_and_says_why(store: str) -> None:
    with pytest.raises(DefinitionError, match="cache_key function of step 'weigh' raised KeyError: 'absent'"):
        ran(weigh.with_options(cache_key=broken))
    (run,) = argosy.Client().list_runs("weighing")
    steps = run.reload().steps
    assert (run.status, steps["weigh"].status) == ("failed", "failed")
    assert steps["numbers"].status == "completed"


def test_files_a_step_depends_on_count_by_their_content(store: str, tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "a.toml").write_text("a = 1")
    depending = weigh.with_options(file_dependencies=[folder])
    assert ran(depending) == missed("first_run")
    os.utime(folder / "a.toml", (1, 1))
    assert ran(depending) == CACHED
    (folder / "a.toml").write_text("a = 2")
    assert ran(depending) == missed(f"file:{folder}")
    (folder / "a.toml").write_text("a = 1")
    assert ran(depending) == CACHED


def test_a_file_that_is_missing_fails_the_step_and_names_it(store: str) -> None:
    with pytest.raises(DefinitionError, match=r"step 'weigh' depends on file:absent\.toml, but .* does not exist"):
        ran(weigh.with_options(file_dependencies="absent.toml"))


def test_code_a_step_depends_on_counts(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "plugged_in.py"

    def depending(text: str) -> Any:
        file.write_text(text)
        sys.modules.pop("plugged_in", None)
        importlib.invalidate_caches()
        return weigh.with_options(source_dependencies=[importlib.import_module("plugged_in")])

    assert ran(depending("def f(): return 1")) == missed("first_run")
    assert ran(depending("def f():\n    return 1  # still")) == CACHED
    assert ran(depending("def f(): return 2")) == missed("source:plugged_in")
    file.write_text("def f(): return 3")
    with pytest.warns(UncachedStepWarning, match="source:plugged_in: f is not what .* edited since it was imported"):
        assert ran(weigh.with_options(source_dependencies=[sys.modules["plugged_in"]])) == missed("disabled")


def test_code_without_a_digest_means_uncached_with_a_warning_that_names_it(home: Path) -> None:
    depending = weigh.with_options(source_dependencies=[len])
    with pytest.warns(UncachedStepWarning, match=r"step 'weigh' is not cached.*source:builtins\.len: .*no file"):
        assert ran(depending) == missed("disabled")


def test_a_result_older_than_max_age_is_not_reused(store: str) -> None:
    assert ran(weigh) == missed("first_run")
    assert ran(weigh.with_options(max_age=timedelta(hours=1))) == CACHED
    assert ran(weigh.with_options(max_age=timedelta(microseconds=1))) == missed("expired")
    assert ran(weigh.with_options(max_age=3600)) == CACHED


def test_options_of_the_decorator_and_of_with_options_go_together(store: str) -> None:
    @argosy.step(ignore=["verbose"], cache_key="v1")
    def measure(values: list[int], verbose: bool = False) -> int:
        return len(values)

    assert ran(measure) == missed("first_run")
    assert ran(measure, verbose=True) == CACHED
    assert ran(measure.with_options(cache_key="v2"), verbose=True) == missed("cache_key")

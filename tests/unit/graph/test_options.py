"""What may be said about steps and pipelines, how it is kept, and what is refused with which cure."""

from __future__ import annotations

import functools
import math
import pickle
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import DefinitionError
from argosy.graph import brief
from argosy.graph.definitions import PipelineDefinition, StepDefinition, define_pipeline, define_step
from argosy.graph.run_names import make_run_name
from argosy.graph.step_options import CacheOptions, FileDependency, Hooks, Retry
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step


def started() -> None: ...


def failed(error: BaseException) -> None: ...


def key(parameters: Any) -> str:
    return str(parameters["rate"])


def fit(data: Any, rate: float = 0.1) -> float:
    return rate


def training() -> None: ...


async def awaited() -> None: ...


def two_arguments(first: int, second: int) -> None: ...


def keyword_needed(*, error: BaseException) -> None: ...


@step
def other() -> None: ...


STEP = step(
    retry=Retry(2, delay=0.5, backoff=2, on=(OSError,)),
    timeout=timedelta(minutes=2),
    on_start=started,
    on_failure=[failed, started],
    cache_key=key,
    ignore="data",
    file_dependencies=["table.csv", Path("/etc/hosts")],
    source_dependencies=[brief, other, Retry],
    max_age=3600,
)(fit)


def test_options_of_a_step_are_kept_in_its_definition() -> None:
    definition = STEP.definition
    assert definition.retry == Retry(2, delay=0.5, backoff=2, on=(OSError,))
    assert definition.timeout == 120.0
    assert definition.hooks == Hooks(on_start=(started,), on_failure=(failed, started))
    assert definition.cache == CacheOptions(
        cache_key=key,
        ignore=frozenset({"data"}),
        file_dependencies=(
            FileDependency("table.csv", Path(__file__).parent / "table.csv"),
            FileDependency("/etc/hosts", Path("/etc/hosts")),
        ),
        max_age=timedelta(hours=1),
    )
    assert definition.cache.source_dependencies == (brief, other.__wrapped__, Retry)


def test_a_source_dependency_that_was_decorated_counts_with_its_decorator() -> None:
    @functools.wraps(started)
    def wrapper() -> None: ...

    assert define_step(fit, source_dependencies=wrapper).cache.source_dependencies == (wrapper,)


def test_options_of_a_pipeline_are_kept_in_its_definition() -> None:
    definition = define_pipeline(
        training, runner="processes", max_parallel=3, execution_mode="continue", on_success=started, run_name="nightly"
    )
    assert (definition.runner, definition.max_parallel) == ("processes", 3)
    assert (definition.execution_mode, definition.run_name) == ("continue", "nightly")
    assert definition.hooks == Hooks(on_success=(started,))


def test_what_is_not_said_has_defaults() -> None:
    definition, whole = define_step(fit), define_pipeline(training)
    assert (definition.retry, definition.timeout, definition.hooks) == (None, None, Hooks())
    assert definition.cache == CacheOptions()
    assert (whole.runner, whole.max_parallel, whole.execution_mode) == ("local", None, "fail_fast")


def test_with_options_replaces_what_it_names_and_keeps_the_rest() -> None:
    changed = STEP.with_options(retry=1, on_failure=started, max_age=timedelta(days=1), timeout=None).definition
    assert changed.retry == Retry(1)
    assert changed.timeout == 120.0
    assert changed.hooks == Hooks(on_start=(started,), on_failure=(started,))
    assert (changed.cache.cache_key, changed.cache.max_age) == (key, timedelta(days=1))
    assert STEP.definition.retry == Retry(2, delay=0.5, backoff=2, on=(OSError,))


def test_an_option_is_lifted_by_saying_so() -> None:
    lifted = STEP.with_options(
        retry=0, timeout=math.inf, on_start=[], ignore=[], max_age=math.inf, cache_key=""
    ).definition
    assert (lifted.retry, lifted.timeout) == (None, None)
    assert lifted.hooks == Hooks(on_failure=(failed, started))
    assert (lifted.cache.ignore, lifted.cache.max_age, lifted.cache.cache_key) == (frozenset(), None, None)


def test_a_timeout_beyond_every_float_is_none() -> None:
    assert STEP.with_options(timeout=10**400).definition.timeout is None


def test_options_of_a_pipeline_are_replaced_likewise() -> None:
    base = pipeline(name="nightly", max_parallel=2, on_start=started)(training)
    changed = base.with_options(execution_mode="continue", runner="processes").definition
    assert (changed.name, changed.max_parallel, changed.execution_mode) == ("nightly", 2, "continue")
    assert (changed.hooks, changed.runner) == (Hooks(on_start=(started,)), "processes")


@step(retry=3)
def at_module_level() -> None: ...


def test_options_travel_in_the_pickle_of_a_step() -> None:
    changed = pickle.loads(pickle.dumps(at_module_level.with_options(timeout=5, on_success=started)))
    assert changed.definition == at_module_level.with_options(timeout=5, on_success=started).definition


class SomeRunner:
    """A class, not a runner."""


BAD_STEP_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"retry": -1}, "retry=-1 is no number of retries; write 0, 1, 2, ..."),
    ({"retry": "twice"}, "retry is a number of retries or argosy.Retry(...), not 'twice'"),
    ({"retry": True}, "retry is a number of retries or argosy.Retry(...), not True"),
    ({"timeout": 0}, "timeout=0: it is more than 0 seconds, as a number or a timedelta"),
    ({"timeout": -1.5}, "timeout=-1.5: it is more than 0 seconds"),
    ({"timeout": True}, "timeout=True: it is more than 0 seconds"),
    ({"timeout": math.nan}, "timeout=nan: it is more than 0 seconds"),
    ({"timeout": "1h"}, "timeout='1h': it is more than 0 seconds"),
    ({"timeout": timedelta(seconds=-1)}, "timeout=<timedelta>: it is more than 0 seconds"),
    ({"max_age": 0}, "max_age=0: it is more than 0 seconds, as a number or a timedelta; to reuse nothing write enab"),
    ({"on_start": 3}, "on_start is a function or a list of functions, not 3"),
    ({"on_start": [started, "x"]}, "on_start is a function or a list of functions, not 'x'"),
    ({"on_failure": two_arguments}, "'two_arguments' needs the arguments first, second; it is given (error), of which"),
    ({"on_failure": keyword_needed}, "'keyword_needed' needs the arguments error; it is given (error), of which it"),
    ({"on_success": awaited}, "'awaited' is an async function; use def, and asyncio.run(...) inside it"),
    ({"on_success": other}, "on_success is the step 'other'; a hook is a plain function"),
    ({"cache_key": 3}, "cache_key is a text, or a function"),
    ({"ignore": "dat"}, "ignore names 'dat', which is no parameter (did you mean 'data'?); its parameters are 'data'"),
    ({"ignore": ["data", 3]}, "ignore takes names of parameters as text, not 3"),
    ({"file_dependencies": 3}, "file_dependencies takes paths of files and directories, not 3"),
    ({"max_age": timedelta(days=36_501)}, "it is at most 36,500 days; for results of any age write math.inf"),
    ({"max_age": 1e13}, "max_age=10000000000000.0: it is at most 36,500 days; for results of any age write math.inf"),
    ({"cache_key": "v\udc80"}, r"cache_key 'v\udc80' has half a surrogate pair, which UTF-8 cannot say; remove it"),
    ({"file_dependencies": "a\0b"}, r"file_dependencies: 'a\x00b' has characters that the name of a file cannot have"),
    (
        {"file_dependencies": "\ud800"},
        r"file_dependencies: '\ud800' has characters that the name of a file cannot",
    ),
    ({"file_dependencies": [""]}, "file_dependencies takes paths of files and directories, not ''"),
    ({"source_dependencies": "json"}, "source_dependencies takes modules, functions and classes, not 'json'; import"),
    ({"allow_pickle": 1}, "allow_pickle is True or False, not 1"),
]
BAD_PIPELINE_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"runner": "process"}, "runner is 'local', 'processes' or a runner, not 'process' (did you mean 'processes'?)"),
    ({"runner": "threads"}, "runner is 'local', 'processes' or a runner, not 'threads' (did you mean 'local'?)"),
    ({"runner": 4}, "runner is 'local', 'processes' or a runner, not 4"),
    ({"runner": SomeRunner}, "runner is the class SomeRunner; make a runner of it: SomeRunner(...)"),
    ({"execution_mode": "fail-fast"}, "is 'fail_fast' or 'continue', not 'fail-fast' (did you mean 'fail_fast'?)"),
    ({"execution_mode": 1}, "execution_mode is 'fail_fast' or 'continue', not 1"),
    ({"max_parallel": 0}, "max_parallel=0: it is how many steps may run at once, 1 or more"),
    ({"max_parallel": True}, "max_parallel=True: it is how many"),
    ({"run_name": "{dat}"}, "unknown placeholder {dat} (did you mean 'date'?); there are '{date}', '{time}', and {{"),
    ({"run_name": "{}"}, "has the unknown placeholder {}; there are"),
    ({"run_name": "a{"}, "'a{' has a single brace; write {{ or }} for a brace, or '{date}', '{time}'"),
    ({"run_name": "{date:%Y}"}, "says how {date} is written, which is fixed; write {date} alone"),
    ({"run_name": "a//b"}, "the run_name is not allowed: 'a//b' begins or ends with '/', or has '//'"),
    ({"on_success": two_arguments}, "'two_arguments' needs the arguments first, second; it is given (run), of which"),
    ({"on_failure": 3}, "on_failure is a function or a list of functions, not 3"),
]
BAD_OPTIONS = [(step(fit), *row) for row in BAD_STEP_OPTIONS] + [
    (pipeline(training), *row) for row in BAD_PIPELINE_OPTIONS
]


@pytest.mark.parametrize(
    ("decorated", "options", "message"), BAD_OPTIONS, ids=lambda item: "+".join(item) if isinstance(item, dict) else ""
)
def test_malformed_options_are_refused_at_decoration_and_by_with_options(
    decorated: Any, options: dict[str, Any], message: str
) -> None:
    function = decorated.__wrapped__
    define: Callable[..., StepDefinition | PipelineDefinition] = define_step if function is fit else define_pipeline
    with pytest.raises(DefinitionError, match=re.escape(message)) as caught:
        define(function, **options)
    assert str(caught.value).startswith(f"{__file__}:{function.__code__.co_firstlineno}: ")
    with pytest.raises(DefinitionError, match=re.escape(message)) as caught:
        decorated.with_options(**options)
    assert re.match(re.escape(__file__) + r":\d+: ", str(caught.value))


MISSPELT: list[tuple[Callable[..., Any], str, str]] = [
    (step, "retires", "@step has no option 'retires' (did you mean 'retry'?); its options are 'allow_pickle', "),
    (step, "cache", "@step has no option 'cache' (did you mean 'enable_cache'?)"),
    (step, "on_end", "@step has no option 'on_end' (did you mean 'on_success'?)"),
    (pipeline, "cache_policy", "@pipeline has no option 'cache_policy' ('cache_key' is an option of @step)"),
    (step, "on_error", "@step has no option 'on_error' (did you mean 'on_failure'?)"),
    (step, "after", "@step has no option 'after'"),
    (step(fit).with_options, "aftr", "with_options of a step has no option 'aftr' (did you mean 'after'?)"),
    (pipeline, "max_paralel", "@pipeline has no option 'max_paralel' (did you mean 'max_parallel'?)"),
    (pipeline, "retry", "@pipeline has no option 'retry' ('retry' is an option of @step)"),
    (step, "max_parallel", "@step has no option 'max_parallel' ('max_parallel' is an option of @pipeline)"),
    (step, "max_workers", "@step has no option 'max_workers' ('max_parallel' is an option of @pipeline)"),
    (pipeline(training).with_options, "runname", "with_options of a pipeline has no option 'runname' (did you mean 'r"),
]


@pytest.mark.parametrize(
    ("take", "option", "message"), MISSPELT, ids=lambda item: item if isinstance(item, str) else ""
)
def test_misspelt_options_are_told_those_that_are_like_them(
    take: Callable[..., Any], option: str, message: str
) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)) as caught:
        take(**{option: 1})
    assert re.match(re.escape(__file__) + r":\d+: ", str(caught.value))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"retries": 1.5}, "Retry(retries=1.5): it is a whole number from 0 to 1000"),
        ({"retries": 1001}, "Retry(retries=1001): it is a whole number from 0 to 1000"),
        ({"retries": True}, "Retry(retries=True): it is a whole number"),
        ({"delay": -1}, "Retry(delay=-1): it is a number of seconds, 0 or more"),
        ({"delay": 10**400}, "it is a number of seconds, 0 or more"),
        ({"delay": 5, "max_delay": 2}, "Retry(delay=5): it is more than max_delay=2"),
        ({"max_delay": math.inf}, "Retry(max_delay=inf): it is a number of seconds, 0 or more"),
        ({"backoff": 0.5}, "Retry(backoff=0.5): it is a number, 1 or more"),
        ({"backoff": math.nan}, "Retry(backoff=nan): it is a number, 1 or more"),
        ({"on": ()}, "name at least one exception class, or leave it out to retry after any"),
        ({"on": KeyboardInterrupt}, "it takes subclasses of Exception; what stops a program is never retried"),
        ({"on": "OSError"}, "Retry(on='OSError'): it takes subclasses of Exception"),
    ],
)
def test_a_retry_that_means_nothing_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)) as caught:
        argosy.Retry(**{"retries": 1} | arguments)
    assert re.match(re.escape(__file__) + r":\d+: ", str(caught.value))


def test_delays_grow_up_to_their_bound() -> None:
    growing = Retry(5, delay=1, backoff=3, max_delay=10)
    assert [growing.delay_before(attempt) for attempt in (2, 3, 4, 5)] == [1.0, 3.0, 9.0, 10.0]
    assert Retry(1000, delay=1, backoff=100).delay_before(1001) == 300.0
    assert Retry(1000, backoff=100).delay_before(1001) == 0.0


def test_a_delay_that_was_asked_for_is_kept_however_long_it_is() -> None:
    assert [Retry(2, delay=600, backoff=2).delay_before(attempt) for attempt in (2, 3)] == [600.0, 600.0]
    assert Retry(1000, delay=600, backoff=100).delay_before(1001) == 600.0


def test_one_exception_class_need_not_be_in_a_tuple() -> None:
    assert Retry(1, on=OSError) == Retry(1, on=(OSError,))


def test_run_names_tell_the_moment_and_may_have_braces() -> None:
    moment = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=timezone.utc)
    assert make_run_name("nightly {date} {time} {{x}}", moment) == "nightly 2026-02-03 04-05-06-000789 {x}"


def test_two_runs_recorded_in_a_row_have_two_names() -> None:
    stamped = pipeline(run_name="r-{date}-{time}")(calls_one_step)
    names = [stamped.record().run_name for _ in range(2)]
    assert len(set(names)) == 2
    assert re.fullmatch(r"r-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-\d{6}", str(names[0]))


def calls_one_step() -> None:
    other()

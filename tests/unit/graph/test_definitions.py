from __future__ import annotations

import functools
import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pydantic
import pytest

from argosy.errors import DefinitionError
from argosy.graph.definitions import UnresolvedAnnotationWarning, define_pipeline, define_step
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import Step, step


def plain(x: int, *, rate: float = 0.1) -> Annotated[int, "weights"]:
    return x


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


async def coroutine() -> int:
    return 1


def positional_rest(*rest: int) -> int:
    return 1


def keyword_rest(**rest: int) -> int:
    return 1


def reserved(after: int) -> int:
    return after


def field_as_default(rows: int = pydantic.Field(5, gt=0)) -> int:
    return rows


class Holder:
    def method(self) -> int:
        return 1

    @staticmethod
    def static(x: int) -> int:
        return x


def test_definition_says_all_about_the_function() -> None:
    definition = define_step(plain, enable_cache=False)
    assert definition.name == "plain"
    assert definition.function is plain
    assert list(definition.signature.parameters) == ["x", "rate"]
    assert dict(definition.annotations) == {"x": int, "rate": float}
    assert definition.outputs.keys == ("weights",)
    assert str(definition.location) == f"{__file__}:{plain.__code__.co_firstlineno}"
    assert definition.enable_cache is False


def test_positional_only_and_static_functions_are_fine() -> None:
    def positional(x: int, /, y: int = 2) -> int:
        return x + y

    assert list(define_step(positional).signature.parameters) == ["x", "y"]
    assert define_step(Holder.static).name == "static"


BAD_FUNCTIONS: list[tuple[Any, str]] = [
    (generator, "a generator function cannot be recorded or stored; collect what it yields in a list"),
    (async_generator, "a generator function cannot be recorded or stored"),
    (positional_rest, "*rest has no names to record inputs under; name each input, or take one list"),
    (keyword_rest, "**rest has no names to record inputs under; name each input, or take one dict"),
    (field_as_default, "the default of 'rows' is pydantic's Field(...), which is for models; write rows: Annotated["),
    (reserved, "the parameter 'after' has a reserved name"),
    (Holder.method, "a method cannot be a {kind}, since its self could not be recorded; use a function"),
    (lambda: 1, 'a lambda has no name; write {kind}(name="...")(lambda ...), or use def'),
]


@pytest.mark.parametrize("decorator", [step, pipeline])
@pytest.mark.parametrize(("function", "message"), BAD_FUNCTIONS)
def test_functions_that_cannot_be_recorded_are_refused_where_they_are(
    decorator: Any, function: Any, message: str
) -> None:
    kind = decorator.__name__
    with pytest.raises(DefinitionError, match=re.escape(message.format(kind=kind))) as caught:
        decorator(function)
    place = f"{__file__}:{function.__code__.co_firstlineno}: {kind} '{function.__name__}': "
    assert str(caught.value).startswith(place)


def test_async_functions_are_steps_but_no_pipelines() -> None:
    definition = define_step(coroutine)
    assert [spec.annotation for spec in definition.outputs] == [int]
    with pytest.raises(DefinitionError, match=r"awaits nothing; use def \(its steps may be async\)"):
        define_pipeline(coroutine)


NO_FUNCTIONS: list[tuple[Any, str]] = [
    ("x", "@{kind}('x') got a text where the function belongs; to name it write @{kind}(name=\"x\")"),
    (Holder, "@{kind} decorates a function, but 'Holder' is a class; write a function that uses the class"),
    (Holder().method, "@{kind} decorates a function, but 'method' is a bound method"),
    (len, "@{kind} decorates a function written with def, but got 'len'"),
    (functools.partial(plain, 1), "@{kind} decorates a function written with def, but got 'partial'"),
    (3, "@{kind} decorates a function, but got a value of type int; write options by keyword"),
    (None, "@{kind} decorates a function, but got a value of type NoneType"),
    (step(plain), "'plain' is a step already; remove the outer @{kind}"),
    (pipeline(plain), "'plain' is a pipeline already; remove the outer @{kind}"),
]


@pytest.mark.parametrize("decorator", [step, pipeline])
@pytest.mark.parametrize(("thing", "message"), NO_FUNCTIONS)
def test_what_is_no_function_is_refused_where_it_is_decorated(decorator: Any, thing: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message.format(kind=decorator.__name__))) as caught:
        decorator(thing)
    assert str(caught.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "its name is not allowed: it is empty"),
        ({"name": "a::b"}, "'a::b' has '::'"),
        ({"name": 3}, "a name is a str, not int"),
        ({"enable_cache": "no"}, "enable_cache is True or False, not 'no'"),
    ],
)
@pytest.mark.parametrize("define", [define_step, define_pipeline])
def test_bad_options_are_refused(define: Callable[..., object], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        define(plain, **options)


def test_materializers_are_given_for_all_outputs_or_by_name() -> None:
    def two() -> tuple[int, Annotated[int, "b"]]:
        return 1, 2

    assert dict(define_step(two, output_materializers=int).output_materializers) == {"output_0": int, "b": int}
    assert dict(define_step(two, output_materializers={"b": int}).output_materializers) == {"b": int}
    with pytest.raises(DefinitionError, match=r"names 'c', but the outputs are 'output_0', 'b'; use the names"):
        define_step(two, output_materializers={"c": int})


class Local:
    """Found at module level although annotations are text here."""


def test_postponed_annotations_are_resolved_in_the_module() -> None:
    def uses(x: Local, y: Local | None = None) -> tuple[Local, Annotated[int, "n"]]:
        return x, 1

    definition = step(uses).definition
    assert dict(definition.annotations) == {"x": Local, "y": Local | None}
    assert [spec.annotation for spec in definition.outputs] == [Local, int]


def test_classes_local_to_a_function_are_found() -> None:
    class Inside:
        pass

    @step
    def direct(x: Inside) -> Inside:
        return x

    def nested() -> Step[[Inside], Inside]:
        @step(enable_cache=True)
        def inner(x: Inside) -> Inside:
            return x

        return inner

    for found in (direct, nested()):
        assert found.definition.annotation_of("x") is Inside
        assert found.definition.outputs.specs[0].annotation is Inside


@pytest.mark.parametrize("text", ["...", " ... ", "Ellipsis"])
def test_literal_dots_mean_one_untyped_output(text: str) -> None:
    def dots(x: int):  # type: ignore[no-untyped-def] # the annotation is set below
        return x

    dots.__annotations__["return"] = text
    assert define_step(dots).outputs.specs[0].annotation is Any
    assert define_step(dots).outputs.keys == ("output",)


def test_unresolved_input_is_untyped_with_a_warning_that_names_it() -> None:
    def unknown(x: Missing, y: int) -> int:  # type: ignore[name-defined] # noqa: F821 - that is the point
        return y

    message = "step 'unknown': the annotation 'Missing' of 'x' cannot be"
    with pytest.warns(UnresolvedAnnotationWarning, match=message) as caught:
        definition = define_step(unknown)
    assert definition.annotation_of("x") is Any
    assert definition.annotation_of("y") is int
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, unknown.__code__.co_firstlineno)]


def test_unresolved_output_is_an_error_with_the_cure() -> None:
    def unknown() -> Missing:  # type: ignore[name-defined] # noqa: F821 - that is the point
        return 1

    message = "step 'unknown': the return annotation 'Missing' cannot be evaluated.*import"
    with pytest.raises(DefinitionError, match=message):
        define_step(unknown)


def test_wrapper_shows_the_signature_of_what_it_wraps() -> None:
    @functools.wraps(plain)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs)

    definition = define_step(wrapper)
    assert definition.signature == inspect.signature(plain)
    assert dict(definition.annotations) == {"x": int, "rate": float}
    assert definition.outputs.keys == ("weights",)

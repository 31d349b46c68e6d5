"""``@step``: makes a function recordable, and leaves it a function everywhere else."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from argosy.errors import DefinitionError
from argosy.execution.context import current_step
from argosy.execution.running.plain_arguments import load_arguments, refuse_output
from argosy.execution.running.plain_call import called_plainly
from argosy.graph.definitions import PipelineDefinition, StepDefinition, define_step, redefine
from argosy.graph.external_artifact import NOT_PASSED
from argosy.graph.fan_out import map_calls, map_recorded
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.names import name_problem
from argosy.graph.option_rules import CALL_OPTIONS, STEP_OPTIONS, check_option_names
from argosy.graph.outputs import Outputs, renamed_outputs
from argosy.graph.recorder import NO_OPTIONS, CallOptions, Predecessor, current_recorder
from argosy.graph.source_location import caller_frame, caller_location
from argosy.graph.step_output import StepOutput, StepOutputs
from argosy.sdk.options import After

if TYPE_CHECKING:
    from typing_extensions import Never, Unpack

    from argosy.sdk.options import StepCallOptions, StepOptions

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Step(Generic[P, R]):
    """A function decorated with ``@step``.

    Called in the body of a pipeline it is recorded; called anywhere else it is the function,
    with artifact arguments loaded first.

    Attributes:
        definition: what the step is.
    """

    __argosy_kind__: ClassVar[str] = "step"
    __wrapped__: Callable[P, R]
    __name__: str
    __qualname__: str

    def __init__(
        self,
        definition: StepDefinition,
        options: CallOptions = NO_OPTIONS,
        origin: tuple[Step[P, R], Mapping[str, Any]] | None = None,
    ) -> None:
        """Wrap a definition.

        Args:
            definition: what the step is.
            options: what ``with_options`` said.
            origin: the step and the options that ``with_options`` was called with.
        """
        functools.update_wrapper(self, definition.function)
        self.definition = definition
        self._options = options
        self._origin = origin

    @property
    def name(self) -> str:
        """The step's name."""
        return self.definition.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Record the call in a pipeline, else call the function.

        Raises:
            GraphError: in a pipeline: inputs are missing or unknown.
            ParameterError: in a pipeline: a parameter does not fit.
        """
        recorder = current_recorder()
        if recorder is None or current_step() is not None:
            plain_args, plain_kwargs = load_arguments(self.definition, args, kwargs)
            call = functools.partial(self.definition.function, *plain_args, **plain_kwargs)
            return cast("R", called_plainly(call, self.definition.outputs.keys))
        return cast("R", recorder.call(self.definition, args, kwargs, self._options))

    @overload  # matches what returns Any, which would match a tuple too
    def map(self: Step[Q, Never], items: Any = ..., /, *args: Any, **others: Any) -> Any: ...
    @overload
    def map(self: Step[Q, tuple[A, B]], items: Any = ..., /, *args: Any, **others: Any) -> tuple[list[A], list[B]]: ...
    @overload
    def map(
        self: Step[Q, tuple[A, B, C]], items: Any = ..., /, *args: Any, **others: Any
    ) -> tuple[list[A], list[B], list[C]]: ...
    @overload
    def map(self, items: Any = ..., /, *args: Any, **others: Any) -> list[R]: ...
    def map(self, *args: Any, **others: Any) -> Any:
        """Call the step once for each item, the other arguments the same for all.

        In a pipeline the result goes where a step takes a list: ``join(fit.map([0.1, 0.2], data=data))``. A step that
        declares several outputs gives one such list for each: ``trains, tests = split.map(tables)``. No items, no
        calls: the list is empty. An output that is a list is mapped over too; it is made first, since its length
        decides how many calls there are. Outside of a pipeline these are plain calls.

        Args:
            args: the items, for the first parameter, then other positional arguments.
            others: arguments by keyword; one of them may be marked to be the items: ``rate=argosy.each([0.1, 0.2])``.

        Raises:
            GraphError: there is nothing to map over, or the arguments do not fit the step.
            ParameterError: in a pipeline: a parameter does not fit.
            Exception: what a step raised that makes the items.
        """
        recorder = current_recorder()
        if recorder is not None and current_step() is None:
            return map_recorded(recorder, self.definition, args, others, self._options)
        returned = map_calls(self.definition, args, others, lambda a, k: self(*a, **k), refuse_output)
        if not self.definition.outputs.is_tuple:
            return returned
        return tuple(list(column) for column in zip(*returned, strict=True)) or ([],) * len(self.definition.outputs)

    def with_options(self, **options: Unpack[StepCallOptions]) -> Step[P, R]:
        """Return the same step with other options; this one stays as it is.

        Args:
            options: those of :func:`step`, which replace what was said before; ``None`` leaves an option as it
                is. A ``name`` also names the invocations, ``enable_cache`` overrides every decorator, and
                ``after`` says what must have ended before, besides the steps whose outputs it takes: a step
                output, a step or pipeline (its calls so far), the id of an invocation, or a list of these.
                ``output_names`` says under which artifact name an output is kept: ``{"weights": "weights_fold_1"}``,
                or the name alone where there is one output; inside the step it is called what it was.

        Raises:
            DefinitionError: an option is unknown or malformed.
        """
        given: dict[str, Any] = dict(options)
        check_option_names("with_options of a step", given, STEP_OPTIONS | CALL_OPTIONS, caller_location())
        after, enable_cache, names = given.get("after"), given.get("enable_cache"), given.get("output_names")
        definition = redefine(self.definition, {name: given[name] for name in given if name not in CALL_OPTIONS})
        call = CallOptions(
            enable_cache=self._options.enable_cache if enable_cache is None else enable_cache,
            after=self._options.after if after is None else _predecessors(after),
        )
        # What the decorator says about caching stays what it is: with_options overrides it, and the pipeline too.
        definition = dataclasses.replace(definition, enable_cache=self.definition.enable_cache)
        if names is not None:
            definition = dataclasses.replace(definition, outputs=_renamed(definition, names))
        return Step(definition, call, origin=(self, given))

    def __reduce__(self) -> Any:
        """Pickle by reference: the reader imports the step under the name of its function."""
        if self._origin is None:
            return self.__qualname__
        origin, given = self._origin
        return _with_options, (origin, given)

    def __repr__(self) -> str:
        return f"<step {self.name!r} at {self.definition.location}>"


class StepDecorator(Protocol):
    """What ``step`` with options returns, as type checkers see it.

    What an async step returns is its value in a pipeline and a coroutine elsewhere, hence ``Any``.
    """

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, Any]], /) -> Step[P, Any]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(function: Callable[P, Coroutine[Any, Any, Any]], /) -> Step[P, Any]: ...
@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(**options: Unpack[StepOptions]) -> StepDecorator: ...


def step(function: Any = NOT_PASSED, /, **options: Any) -> Any:
    """Make a step of a function; use it with or without parentheses.

    Args:
        function: the function, given by Python when the decorator has no parentheses. An ``async def``
            function is awaited when the step runs.
        options: what follows; each is ``None`` by default.

            - ``name``: the step's name; the function's own by default.
            - ``enable_cache``: whether earlier results may be reused; by default the pipeline decides.
            - ``output_materializers``: a ``Materializer`` class or instance for all outputs, or a dict of
              them by output name; by default they are chosen by the value's type.
            - ``allow_pickle``: whether what it returns, is given, saves and loads may be a pickle; by
              default the settings decide.
            - ``retry``: how often a failed attempt is followed by another one, or an ``argosy.Retry``.
            - ``timeout``: seconds, or a ``timedelta``, that an attempt may take.
            - ``on_start``, ``on_success``, ``on_failure``: functions that are called, or lists of them.
            - ``cache_key``: a text, or a function of the parameters that returns one, which counts too when
              an earlier result is looked for; ``""`` for none.
            - ``ignore``: names of parameters and inputs that do not count.
            - ``file_dependencies``: files and directories whose content counts; relative paths as seen from
              the file that defines the step.
            - ``source_dependencies``: modules, functions and classes whose code counts.
            - ``max_age``: seconds, or a ``timedelta``, after which a result is not reused any more.

    Raises:
        DefinitionError: the function cannot be a step, or an option is unknown or malformed; the message has
            file:line and the cure.
    """
    check_option_names("@step", options, STEP_OPTIONS, caller_location())

    def decorate(decorated: Callable[P, R]) -> Step[P, R]:
        return Step(define_step(decorated, **options, frame=caller_frame()))

    return decorate if function is NOT_PASSED else decorate(function)


def _with_options(origin: Step[P, R], given: Mapping[str, Any]) -> Step[P, R]:
    return origin.with_options(**given)


def _renamed(definition: StepDefinition, names: object) -> Outputs:
    try:
        return renamed_outputs(definition.outputs, names)
    except DefinitionError as error:
        raise DefinitionError(f"{caller_location()}: with_options of step {definition.name!r}: {error}") from None


def _predecessors(after: After) -> tuple[Predecessor, ...]:
    items = after if isinstance(after, (list, tuple)) else (after,)
    return tuple(_predecessor(item) for item in items)


def _predecessor(item: object) -> Predecessor:
    if isinstance(item, (StepOutput, StepOutputs, MappedOutputs)):
        return item
    definition = getattr(item, "definition", None) if hasattr(type(item), "__argosy_kind__") else None
    if isinstance(definition, (StepDefinition, PipelineDefinition)):
        return definition
    if isinstance(item, str):
        if problem := name_problem(item):
            raise DefinitionError(f"{caller_location()}: after={item!r} is no invocation: {problem}")
        return item
    raise DefinitionError(
        f"{caller_location()}: after= got a value of type {type(item).__name__}; it takes what a step returned in this "
        "pipeline, a step or pipeline, the id of an invocation as text, or a list of these"
    )

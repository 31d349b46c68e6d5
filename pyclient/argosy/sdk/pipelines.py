"""``@pipeline``: makes a function whose call records its steps and runs them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, cast, overload

from argosy.errors import GraphError
from argosy.execution.context import current_step
from argosy.graph.definitions import PipelineDefinition, define_pipeline, redefine
from argosy.graph.external_artifact import NOT_PASSED
from argosy.graph.model import Graph
from argosy.graph.option_rules import PIPELINE_OPTIONS, check_option_names
from argosy.graph.pipeline_call import record_inner, record_pipeline
from argosy.graph.recorder import OnLoad, current_recorder
from argosy.graph.source_location import caller_frame, caller_location

if TYPE_CHECKING:
    from uuid import UUID

    from typing_extensions import Unpack

    from argosy.execution.records.run_record import PipelineRun
    from argosy.sdk.options import PipelineOptions

P = ParamSpec("P")
if TYPE_CHECKING:
    from typing_extensions import TypeVar

    R = TypeVar("R", default=Any)
else:
    from typing import TypeVar

    R = TypeVar("R")


class Pipeline(Generic[P, R]):
    """A function decorated with ``@pipeline``.

    Attributes:
        definition: what the pipeline is.
    """

    __argosy_kind__: ClassVar[str] = "pipeline"
    __wrapped__: Callable[P, R]
    __name__: str
    __qualname__: str

    def __init__(
        self,
        definition: PipelineDefinition,
        *,
        cache_override: bool | None = None,
        origin: tuple[Pipeline[P, R], Mapping[str, Any]] | None = None,
    ) -> None:
        """Wrap a definition; the other arguments are what ``with_options`` said."""
        functools.update_wrapper(self, definition.function)
        self.definition = definition
        self._cache_override = cache_override
        self._origin = origin

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.definition.name

    if not TYPE_CHECKING:

        def __class_getitem__(cls, _: object) -> type:  # Pipeline[[int]] says the parameters and nothing of R
            return cls

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> PipelineRun:
        """Record the pipeline, run its steps and return the record of the run.

        Called in the body of another pipeline its steps are recorded there, and what its body returns is returned;
        type checkers know that of :meth:`inline`, which does only this.

        Raises:
            GraphError: the arguments or the body cannot mean a graph; nothing has run but what the body loaded.
            ParameterError: a parameter does not fit; likewise.
            Exception: what a step raised, with a note that names the step and the run.
        """
        self._refuse_in_step()
        if current_recorder() is not None:
            return cast("PipelineRun", self.inline(*args, **kwargs))
        # Loaded only now: running needs the store, recording does not.
        from argosy.execution.records.entry_point import entry_point_of, refuse_while_loading
        from argosy.execution.running.run_session import RunSession
        from argosy.runners.choice import choose_runner

        refuse_while_loading(self.name)
        entry_point = entry_point_of(self.definition.function)
        session = RunSession(choose_runner(self.definition.runner), entry_point=entry_point)
        try:
            graph = self._record(args, kwargs, session.values_of)
        except BaseException as error:
            session.fail(error)
            raise
        return session.finish(graph)

    def resume(self, run: str | UUID | PipelineRun, /, *args: Any, **kwargs: Any) -> PipelineRun:
        """Go on with a run of this pipeline that failed, was cancelled or abandoned: run what did not complete.

        The body is recorded anew. Steps that completed stay what they were, and what they made is taken from the
        record. Of several programs that resume one run at once one does it, and the others are told.

        Args:
            run: the run, its name or its id.
            args: arguments of the pipeline, as in a call.
            kwargs: likewise, by name. Parameters that are left out are those the run was started with. Artifacts are
                not recorded as arguments, so those are passed again.

        Raises:
            NotFoundError: no such run; the message names those like it.
            PreconditionError: the run is running, or has completed.
            GraphError: it is of another pipeline, or this one has changed so that the record does not fit.
            ParameterError: a parameter is not what the run was started with, or ``run`` is no run.
            Exception: what a step raised, with a note that names the step and the run.
        """
        self._refuse_in_step()
        recorder = current_recorder()
        if recorder is not None:
            raise GraphError(
                f"{caller_location()}: {self.name}.resume(...) is called in the body of pipeline "
                f"{recorder.pipeline.name!r}; call it outside"
            )
        # Loaded only now: running needs the store, recording does not.
        from argosy.execution.records.entry_point import refuse_while_loading
        from argosy.execution.records.run_record import record_of
        from argosy.execution.running.resume_run import resume_run
        from argosy.execution.running.resumed_call import as_call, resumed_arguments
        from argosy.runners.choice import choose_runner

        refuse_while_loading(self.name)
        message, connection = record_of(run)
        arguments = as_call(self.definition, resumed_arguments(self.definition, message, args, kwargs))
        runner = choose_runner(self.definition.runner)
        return resume_run(message.id, lambda on_load: self._record(*arguments, on_load), runner, connection=connection)

    def inline(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Record the steps in the pipeline whose body calls this, under this one's name; return what the body returns.

        What this pipeline says about caching holds for its steps. Hooks, runner and run name are the outer one's.

        Raises:
            GraphError: it is called outside of the body of a pipeline, or the body cannot mean a graph.
            ParameterError: a parameter does not fit.
        """
        self._refuse_in_step()
        recorder = current_recorder()
        if recorder is None:
            raise GraphError(
                f"{caller_location()}: {self.name}.inline(...) is called outside of the body of a pipeline; to run it "
                f"write {self.name}(...)"
            )
        found = record_inner(recorder, self.definition, args, kwargs, cache_override=self._cache_override)
        return cast("R", found)

    def record(self, *args: P.args, **kwargs: P.kwargs) -> Graph:
        """Execute the body once and return the graph of its steps; nothing runs, nothing is stored.

        Raises:
            GraphError: the arguments or the body cannot mean a graph.
            ParameterError: a parameter does not fit.
        """
        self._refuse_in_step()
        return self._record(args, kwargs)

    def with_options(self, **options: Unpack[PipelineOptions]) -> Pipeline[P, R]:
        """Return the same pipeline with other options; this one stays as it is.

        Args:
            options: those of :func:`pipeline`, which replace what was said before; ``None`` leaves an option as
                it is. ``enable_cache`` overrides the decorators of the pipeline and of its steps.

        Raises:
            DefinitionError: an option is unknown or malformed.
        """
        given: dict[str, Any] = dict(options)
        check_option_names("with_options of a pipeline", given, PIPELINE_OPTIONS, caller_location())
        changed = redefine(self.definition, given)
        # What the decorator says about caching stays what it is: with_options overrides it, and the steps' too.
        definition = dataclasses.replace(changed, enable_cache=self.definition.enable_cache)
        enable_cache = given.get("enable_cache")
        override = self._cache_override if enable_cache is None else enable_cache
        return Pipeline(definition, cache_override=override, origin=(self, given))

    def _record(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], on_load: OnLoad | None = None) -> Graph:
        return record_pipeline(self.definition, args, kwargs, cache_override=self._cache_override, on_load=on_load)

    def _refuse_in_step(self) -> None:
        running = current_step()
        if running is not None:
            raise GraphError(
                f"{caller_location()}: pipeline {self.name!r} is called inside the running step "
                f"{running.invocation!r}; call it outside of steps, or in the body of a pipeline"
            )

    def __reduce__(self) -> Any:
        """Pickle by reference: the reader imports the pipeline under the name of its function."""
        if self._origin is None:
            return self.__qualname__
        origin, given = self._origin
        return _with_options, (origin, given)

    def __repr__(self) -> str:
        return f"<pipeline {self.name!r} at {self.definition.location}>"


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...
@overload
def pipeline(**options: Unpack[PipelineOptions]) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...


def pipeline(function: Any = NOT_PASSED, /, **options: Any) -> Any:
    """Make a pipeline of a function; use it with or without parentheses.

    Args:
        function: the function, given by Python when the decorator has no parentheses.
        options: what follows; each is ``None`` by default.

            - ``name``: the pipeline's name; the function's own by default.
            - ``enable_cache``: whether earlier results of its steps may be reused; by default the setting decides.
            - ``run_name``: the name of a run, in which ``{date}`` and ``{time}`` stand for the moment it is
              called, in UTC; by default one is made.
            - ``on_start``, ``on_success``, ``on_failure``: functions that are called, or lists of them.
            - ``runner``: ``"local"``: steps run in threads of this process; ``"processes"``: in processes of
              their own; or a runner.
            - ``max_parallel``: how many steps may run at once.
            - ``execution_mode``: ``"fail_fast"``: after a failure no further step starts; ``"continue"``: those
              that do not depend on the failed one still run.

    Raises:
        DefinitionError: the function cannot be a pipeline, or an option is unknown or malformed; the message has
            file:line and the cure.
    """
    check_option_names("@pipeline", options, PIPELINE_OPTIONS, caller_location())

    def decorate(decorated: Callable[P, R]) -> Pipeline[P, R]:
        return Pipeline(define_pipeline(decorated, **options, frame=caller_frame()))

    return decorate if function is NOT_PASSED else decorate(function)


def _with_options(origin: Pipeline[P, R], given: Mapping[str, Any]) -> Pipeline[P, R]:
    return origin.with_options(**given)

"""``step.map(items, ...)``: one call of a step for each item, the other arguments the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from argosy.errors import GraphError
from argosy.graph.artifact_arguments import is_artifact
from argosy.graph.brief import described
from argosy.graph.call_binding import bind_call
from argosy.graph.definitions import StepDefinition
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.output_refs import ItemRef, StepOutputRef
from argosy.graph.recorder import CallOptions, Recorder
from argosy.graph.source_location import SourceLocation, caller_location
from argosy.graph.step_output import StepOutput, StepOutputs

T = TypeVar("T")

ItemsOf: TypeAlias = Callable[[StepOutput, SourceLocation], list[Any]]
Call: TypeAlias = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Each:
    """Marks an argument of ``step.map`` whose items are taken one by one."""

    items: Any


def each(items: Sequence[T]) -> T:
    """Mark an argument of ``step.map`` whose items are taken one by one, beside the first one.

    ``fit.map(data=data, rate=argosy.each([0.1, 0.2]))`` calls ``fit`` twice. Several such arguments are taken side by
    side, so they have the same length.

    Args:
        items: a list or a tuple, or an output that is one.
    """
    return cast("T", Each(items))


def map_recorded(
    recorder: Recorder, step: StepDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: CallOptions
) -> MappedOutputs | tuple[MappedOutputs, ...]:
    """Record one call for each item; return its outputs as one sequence, or one for each output it declares.

    Raises:
        GraphError: there is nothing to map over, lengths differ, or the arguments do not fit the step.
        ParameterError: a parameter does not fit.
    """

    def items_of(output: StepOutput, location: SourceLocation) -> list[Any]:
        whole = output.load()
        if not isinstance(whole, (list, tuple)):
            raise GraphError(
                f"{location}: step {step.name!r} is mapped over {output.described}, which is a "
                f"{type(whole).__name__}; return a list from that step"
            )
        assert isinstance(output.ref, StepOutputRef)
        return [StepOutput(ItemRef(output.ref, index), recorder) for index in range(len(whole))]

    promised = map_calls(step, args, kwargs, lambda a, k: recorder.call(step, a, k, options), items_of)
    calls = [tuple(one.outputs) if isinstance(one, StepOutputs) else (one,) for one in promised]
    ids = tuple(one.invocation if isinstance(one, StepOutputs) else one.ref.invocation for one in promised)
    columns = tuple(
        MappedOutputs(step.name, ids, tuple(call[index] for call in calls), recorder)
        for index in range(len(step.outputs))
    )
    if step.outputs.is_tuple:
        return columns
    return columns[0] if columns else MappedOutputs(step.name, ids, (), recorder)


def map_calls(
    step: StepDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any], call: Call, items_of: ItemsOf
) -> list[Any]:
    """Call ``call`` with the arguments of each item and return what it returns.

    Args:
        step: whose arguments they are.
        args: positional arguments; the items of the first are taken one by one.
        kwargs: keyword arguments; the items of those marked by ``each`` are taken one by one.
        call: takes the arguments of one call.
        items_of: makes the items of an output.

    Raises:
        GraphError: there is nothing to map over, lengths differ, or the arguments do not fit the step.
    """
    location = caller_location()
    bind_call("step", step, args, kwargs, location)
    marked = (Each(args[0]), *args[1:]) if args and not isinstance(args[0], Each) else args
    named: list[tuple[int | str, Any]] = [*enumerate(marked), *kwargs.items()]
    columns = {
        key: _items(step, key, value.items, location, items_of) for key, value in named if isinstance(value, Each)
    }
    if not columns:
        raise GraphError(
            f"{location}: {step.name}.map(...) has nothing to map over; pass the items first, or mark the argument: "
            f"{step.name}.map({next(iter(kwargs), 'x')}=argosy.each([...]))"
        )
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{_shown(key)} has {length}" for key, length in lengths.items())
        raise GraphError(f"{location}: {step.name}.map(...) takes items side by side, but {shown}; give equal numbers")
    returned: list[Any] = []
    for index in range(next(iter(lengths.values()))):
        one = {key: columns[key][index] if key in columns else value for key, value in named}
        positional = tuple(one[position] for position in range(len(marked)))
        returned.append(call(positional, {name: one[name] for name in kwargs}))
    return returned


def _items(step: StepDefinition, key: int | str, value: Any, location: SourceLocation, items_of: ItemsOf) -> list[Any]:
    if isinstance(value, (StepOutputs, MappedOutputs)):
        return list(value.outputs)
    if isinstance(value, (list, tuple, range)):
        return list(value)
    if isinstance(value, StepOutput):
        return items_of(value, location)
    if isinstance(value, ExternalArtifact) and isinstance(value.value, (list, tuple)):
        return [ExternalArtifact(item, materializer=value.materializer) for item in value.value]
    if is_artifact(value):
        cure = "take its value first, with argosy.value_of(...), or return it as a list from a step"
    elif isinstance(value, Mapping):
        cure = "write list(...) for its keys, or list(....items())"
    else:
        cure = "make a list of it: a parameter, or an ExternalArtifact(...), for each call"
    raise GraphError(
        f"{location}: {step.name}.map(...) takes a list, a tuple or an output that is one, but {_shown(key)} is "
        f"{described(value)}; {cure}"
    )


def _shown(key: int | str) -> str:
    return "the first argument" if key == 0 else f"argument {key + 1}" if isinstance(key, int) else repr(key)

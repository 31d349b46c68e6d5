"""Where a pipeline is defined, and finding it there again in another process: that is how a run is resumed.

A module is imported. A script is executed again as ``__main__``, without what stands under ``if __name__ ==
"__main__"``, so that its functions and classes are what they were; a pipeline that it calls outside of that is refused,
since loading must run nothing.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import importlib
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from argosy.errors import GraphError, PipelineNotFoundError
from argosy.graph.near_matches import did_you_mean
from argosy.graph.source_location import caller_location
from argosy.v1.pipeline_pb2 import EntryPoint

MAIN = "__main__"
_MAX_ARGUMENTS = 16_384
"""As many characters of a command line are kept by the service."""

_loading: contextvars.ContextVar[str | None] = contextvars.ContextVar("argosy_loading", default=None)


def entry_point_of(function: Callable[..., Any]) -> EntryPoint:
    """Return where the function of a pipeline is defined; of a script also what its command line says."""
    module = sys.modules.get(function.__module__)
    spec = getattr(module, "__spec__", None)
    name = spec.name if function.__module__ == MAIN and spec is not None else function.__module__
    file = getattr(module, "__file__", None)
    path = str(Path(file).resolve()) if isinstance(file, str) and Path(file).is_file() else ""
    arguments = _recorded(sys.argv[1:]) if name == MAIN and path else []
    return EntryPoint(module=name, qualname=function.__qualname__, file=path, arguments=arguments)


def _recorded(arguments: list[str]) -> list[str]:
    """Return what can be recorded of a command line: nothing of one that is very long or no text."""
    is_text = all(argument.encode(errors="ignore").decode() == argument for argument in arguments)
    return arguments if is_text and sum(map(len, arguments)) + len(arguments) <= _MAX_ARGUMENTS else []


def is_found_by_the_shell(entry: EntryPoint) -> bool:
    """Tell whether a pipeline can be found again by another program, as far as its file tells; nothing is loaded."""
    if not entry.qualname or "<locals>" in entry.qualname or not Path(entry.file).is_file():
        return False
    try:
        return _call_when_loaded(_parsed(entry), entry) is None
    except (OSError, SyntaxError, ValueError):
        return False


def refuse_while_loading(pipeline: str) -> None:
    """Refuse the call of a pipeline while a module is loaded to find one.

    Raises:
        GraphError: one is being loaded; the message has the cure.
    """
    loaded = _loading.get()
    if loaded is not None:
        raise _calls_when_loaded(str(caller_location()), loaded, pipeline)


@contextlib.contextmanager
def found_pipeline(entry: EntryPoint) -> Iterator[Any]:
    """Find the pipeline of a run; a script stays loaded as ``__main__`` until the block ends.

    Raises:
        PipelineNotFoundError: it is not there any more, or not on this machine; the message has the cure.
        GraphError: its module calls a pipeline when it is loaded; nothing ran.
        Exception: what the module raised.
    """
    if not entry.qualname:
        raise PipelineNotFoundError(
            "the run does not say where its pipeline is defined; resume it where it is: my_pipeline.resume(run)"
        )
    if "<locals>" in entry.qualname:
        raise PipelineNotFoundError(
            f"pipeline {entry.qualname!r} is defined inside a function, where no other program finds it; resume it "
            "there with my_pipeline.resume(run), or define it at the top of a module"
        )
    if entry.module != MAIN:
        module = _imported(entry)
        if module is None:
            raise PipelineNotFoundError(
                f"module {entry.module!r}, in which the pipeline is defined, is not found from here (it was "
                f"{entry.file or 'no file'}); resume it from the folder or the environment in which the run was started"
            )
        yield _in_module(module, entry)
    elif _is_running_program(entry):
        yield _in_module(sys.modules[MAIN], entry)
    else:
        with _script(entry) as module:
            yield _in_module(module, entry)


def imported_pipeline(module: str, qualname: str) -> Any:
    """Import a module, from the working directory first, and return a pipeline of it.

    Raises:
        PipelineNotFoundError: there is no such module, or no such pipeline in it; the message names those there are.
        GraphError: the module calls a pipeline when it is loaded; nothing ran.
        Exception: what the module raised.
    """
    loaded = _imported(EntryPoint(module=module, qualname=qualname))
    if loaded is None:
        raise PipelineNotFoundError(
            f"there is no module {module!r} in {Path.cwd()} or among what is installed; go to the folder it is in, "
            "or correct its name"
        )
    found: Any = loaded
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if _is_pipeline(found):
        return found
    known = [name for name, value in vars(loaded).items() if _is_pipeline(value)]
    what = f"{module}:{qualname} is no pipeline" if found is not None else f"module {module!r} has no {qualname!r}"
    cure = f"its pipelines are {', '.join(known)}" if known else "it has no pipelines; decorate one with @pipeline"
    raise PipelineNotFoundError(f"{what}{did_you_mean(qualname, known)}; {cure}")


def _calls_when_loaded(where: str, loaded: str, pipeline: str) -> GraphError:
    return GraphError(
        f"{where}: {loaded} calls pipeline {pipeline!r} as soon as it is loaded, so another program can neither "
        f"run nor resume it; put the call under 'if __name__ == \"__main__\":', or call "
        f"{pipeline}.resume(run) there. No step ran"
    )


def _is_running_program(entry: EntryPoint) -> bool:
    file = getattr(sys.modules[MAIN], "__file__", None)
    return (str(Path(file).resolve()) if file else "") == entry.file


def _in_module(module: ModuleType, entry: EntryPoint) -> Any:
    found: Any = module
    for part in entry.qualname.split("."):
        found = getattr(found, part, None)
    if _is_pipeline(found):
        return found
    # @pipeline was applied to a function that is kept under another name.
    for candidate in vars(module).values():
        if _is_pipeline(candidate) and candidate.definition.function.__qualname__ == entry.qualname:
            return candidate
    if entry.module == MAIN and not entry.file:
        raise _defined_at_a_prompt(entry)
    where = entry.file or f"module {entry.module!r}"
    raise PipelineNotFoundError(
        f"{where} has no pipeline {entry.qualname!r} any more; bring it back, or call my_pipeline.resume(run) with "
        "what it is now"
    )


def _defined_at_a_prompt(entry: EntryPoint) -> PipelineNotFoundError:
    return PipelineNotFoundError(
        f"pipeline {entry.qualname!r} was defined in a notebook, at a prompt or by python -c; define it again there "
        "and call my_pipeline.resume(run)"
    )


def _is_pipeline(thing: object) -> bool:
    return getattr(type(thing), "__argosy_kind__", None) == "pipeline"


def _imported(entry: EntryPoint) -> ModuleType | None:
    """Import a module from where the run's program found it, else as this program does, the working directory first.

    Returns:
        ``None`` if there is none of that name.
    """
    folders = [str(Path.cwd())]
    if Path(entry.file).is_file():
        levels = entry.module.count(".") + (1 if Path(entry.file).stem == "__init__" else 0)
        folders.insert(0, str(Path(entry.file).parents[levels]))
    for folder in folders:
        if folder not in sys.path:
            sys.path.insert(0, folder)
            importlib.invalidate_caches()
        try:
            with _nothing_runs(f"module {entry.module!r}"):
                return importlib.import_module(entry.module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{entry.module}.".startswith(f"{error.name}."):
                raise  # it is there, and imports something that is not
    return None


@contextlib.contextmanager
def _script(entry: EntryPoint) -> Iterator[ModuleType]:
    path = Path(entry.file)
    if not entry.file:
        raise _defined_at_a_prompt(entry)
    if not path.is_file():
        raise PipelineNotFoundError(
            f"the script {entry.file}, in which the pipeline is defined, is not on this machine; resume the run where "
            "it was started, or call my_pipeline.resume(run)"
        )
    try:
        tree = _parsed(entry)
    except SyntaxError as error:
        raise PipelineNotFoundError(
            f"{entry.file}:{error.lineno}: the script, in which the pipeline is defined, cannot be read: {error.msg}; "
            "mend it, and resume the run again"
        ) from None
    if call := _call_when_loaded(tree, entry):
        raise _calls_when_loaded(f"{entry.file}:{call.lineno}", f"the script {entry.file}", entry.qualname)
    code = compile(tree, entry.file, "exec", dont_inherit=True)
    module = ModuleType(MAIN)
    module.__file__ = entry.file
    before, arguments = sys.modules[MAIN], sys.argv
    sys.modules[MAIN], sys.argv = module, [entry.file, *entry.arguments]
    sys.path.insert(0, str(path.parent))
    try:
        with _nothing_runs(f"the script {entry.file}"):
            exec(code, module.__dict__)  # noqa: S102 - it is the user's own script, as when it is started
        yield module
    finally:
        sys.modules[MAIN], sys.argv = before, arguments
        with contextlib.suppress(ValueError):  # the script may have done that itself
            sys.path.remove(str(path.parent))


@contextlib.contextmanager
def _nothing_runs(what: str) -> Iterator[None]:
    token = _loading.set(what)
    try:
        yield
    except SystemExit as error:
        raise PipelineNotFoundError(
            f"{what} ends the program when it is loaded (SystemExit); put what it does under "
            "'if __name__ == \"__main__\":'"
        ) from error
    finally:
        _loading.reset(token)


def _parsed(entry: EntryPoint) -> ast.Module:
    with tokenize.open(entry.file) as stream:
        return _without_guarded(ast.parse(stream.read(), entry.file))


def _call_when_loaded(tree: ast.Module, entry: EntryPoint) -> ast.Call | None:
    """Return where a module calls the pipeline as soon as it is loaded."""
    return next(filter(None, (_call_of(entry.qualname, node) for node in tree.body)), None)


def _without_guarded(tree: ast.Module) -> ast.Module:
    """Let ``if __name__ == "__main__"`` be false, as it is when a module is imported."""
    for node in tree.body:
        if isinstance(node, ast.If) and _asks_for_main(node.test):
            node.test = ast.copy_location(ast.Constant(value=False), node.test)
    return tree


def _asks_for_main(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_asks_for_main, test.values))
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = [test.left, *test.comparators]
    names = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return names and any(isinstance(side, ast.Constant) and side.value == MAIN for side in sides)


def _call_of(name: str, node: ast.AST) -> ast.Call | None:
    """Return where a statement calls a pipeline, as it is or with options; what functions do is not looked at.

    It spares a script what comes before the call: without it, that would happen before the call is refused.
    """
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return None
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and node.test.value is False:
        children: Iterable[ast.AST] = node.orelse
    else:
        children = ast.iter_child_nodes(node)
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute):
            called = called.func.value if called.func.attr == "with_options" else called
        if isinstance(called, ast.Name) and called.id == name:
            return node
    return next(filter(None, (_call_of(name, child) for child in children)), None)

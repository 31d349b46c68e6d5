"""Finding the pipeline of a run again: modules, scripts, programs without files, and what stops it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.errors import GraphError, PipelineNotFoundError
from argosy.execution.records.entry_point import entry_point_of, found_pipeline
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step
from argosy.v1.pipeline_pb2 import EntryPoint

SCRIPT = """\
from __future__ import annotations
import dataclasses, os, sys
import argosy
import beside

@dataclasses.dataclass
class Table:
    rows: int = beside.ROWS

@argosy.step
def make() -> Table:
    return Table()

@argosy.pipeline
def training() -> None:
    make()

{end}
"""


@step
def make() -> int:
    return 1


@pipeline
def training() -> None:
    make()


@pipeline
def _renamed() -> None:
    make()


other_name = _renamed
del _renamed


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.startswith("entry_") or name == "beside"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def script(folder: Path, end: str) -> EntryPoint:
    folder.mkdir(exist_ok=True)
    (folder / "beside.py").write_text("ROWS = 7\n")
    path = folder / "train.py"
    path.write_text(SCRIPT.format(end=end))
    return EntryPoint(module="__main__", qualname="training", file=str(path))


def test_an_entry_point_names_module_function_and_file() -> None:
    expected = EntryPoint(module=__name__, qualname="training", file=str(Path(__file__).resolve()))
    assert entry_point_of(training.definition.function) == expected


def test_a_pipeline_is_found_in_its_module() -> None:
    with found_pipeline(entry_point_of(training.definition.function)) as found:
        assert found is training


def test_a_pipeline_that_is_kept_under_another_name_is_found_too() -> None:
    with found_pipeline(entry_point_of(other_name.definition.function)) as found:
        assert found is other_name


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_a_module_is_imported_from_the_working_directory_or_where_it_was(tmp_path: Path, place: str) -> None:
    root = tmp_path if place == "here" else tmp_path / "elsewhere"
    package = root / "entry_package" / "inner"
    package.mkdir(parents=True)
    (root / "entry_package" / "__init__.py").write_text("")
    (package / "__init__.py").write_text(
        SCRIPT.format(end="").replace("import beside\n", "").replace("beside.ROWS", "1")
    )
    entry = EntryPoint(
        module="entry_package.inner", qualname="training", file=str(package / "__init__.py") if place != "here" else ""
    )
    with found_pipeline(entry) as found:
        assert (found.name, found.definition.function.__module__) == ("training", "entry_package.inner")


def test_a_script_is_loaded_as_main_without_what_is_guarded(tmp_path: Path) -> None:
    guarded = "if __name__ == '__main__' and sys.argv:\n    training()\n    os._exit(3)\nelse:\n    imported = True"
    entry = script(tmp_path / "folder", guarded)
    before = sys.modules["__main__"]
    with found_pipeline(entry) as found:
        main = sys.modules["__main__"]
        assert main is not before
        assert (main.__file__, main.imported, sys.argv) == (entry.file, True, [entry.file])
        assert found.definition.function.__module__ == "__main__"
        assert str(found.definition.location) == f"{entry.file}:14"
        assert (main.make().rows, type(main.make()).__module__) == (7, "__main__")
    assert sys.modules["__main__"] is before
    assert entry.file.removesuffix("/train.py") not in sys.path


def test_a_script_may_change_where_modules_are_looked_for(tmp_path: Path) -> None:
    entry = script(tmp_path / "folder", "sys.path = [path for path in sys.path if path != os.path.dirname(__file__)]")
    with found_pipeline(entry) as found:
        assert found.name == "training"


def test_a_script_that_calls_its_pipeline_is_stopped_before_anything_runs(tmp_path: Path) -> None:
    entry = script(tmp_path / "folder", "training()\nopen('reached', 'w').close()")
    message = r"calls pipeline 'training' as soon as it is loaded.*if __name__ == \"__main__\":.*No step ran$"
    with pytest.raises(GraphError, match=message) as caught, found_pipeline(entry):
        pass
    assert str(caught.value).startswith(f"{entry.file}:18: the script {entry.file} ")
    assert list(tmp_path.glob("reached")) == []
    with found_pipeline(entry_point_of(training.definition.function)) as found:
        assert found is training


@pytest.mark.parametrize(
    "call",
    ["training()", "run = training.with_options(name='a')()", "for _ in range(2):\n    print(training().status)"],
    ids=["plain", "with options", "nested"],
)
def test_what_comes_before_the_call_in_a_script_is_not_done_either(tmp_path: Path, call: str) -> None:
    entry = script(tmp_path / "folder", f"open('reached', 'w').close()\n{call}")
    with pytest.raises(GraphError, match=r":\d+: the script .* calls pipeline 'training'"), found_pipeline(entry):
        pass
    assert list(tmp_path.glob("reached")) == []


def test_a_call_of_a_pipeline_that_cannot_be_seen_is_refused_when_it_happens(tmp_path: Path) -> None:
    entry = script(tmp_path / "folder", "def main():\n    training()\n\nmain()")
    with pytest.raises(GraphError, match=r":19: the script .* calls pipeline 'training'"), found_pipeline(entry):
        pass


def test_functions_of_a_script_may_call_its_pipeline(tmp_path: Path) -> None:
    entry = script(tmp_path / "folder", "def main():\n    training()\n\nif __name__ == '__main__':\n    main()")
    with found_pipeline(entry) as found:
        assert found.name == "training"


def test_a_script_that_ends_the_program_is_told_so(tmp_path: Path) -> None:
    entry = script(tmp_path / "folder", "sys.exit(0)")
    with pytest.raises(PipelineNotFoundError, match="ends the program when it is loaded"), found_pipeline(entry):
        pass


def test_what_a_script_raises_is_raised(tmp_path: Path) -> None:
    entry = script(tmp_path / "folder", "1 / 0")
    with pytest.raises(ZeroDivisionError), found_pipeline(entry):
        pass


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            EntryPoint(),
            r"does not say where its pipeline is defined; resume it where it is: my_pipeline\.resume\(run\)",
        ),
        (EntryPoint(module="__main__", qualname="p"), r"defined in a notebook, at a prompt or by python -c; define it"),
        (
            EntryPoint(module="__main__", qualname="p", file="/none/a.py"),
            r"the script /none/a\.py,.* is not on this mach",
        ),
        (EntryPoint(module="nothing_like_it.x", qualname="p"), r"module 'nothing_like_it\.x'.* is not found from here"),
        (EntryPoint(module=__name__, qualname="gone"), r"has no pipeline 'gone' any more; bring it back"),
        (EntryPoint(module=__name__, qualname="make"), r"has no pipeline 'make' any more"),
        (EntryPoint(module=__name__, qualname="f.<locals>.p"), r"is defined inside a function, where no other program"),
    ],
    ids=lambda item: item.qualname or "none" if isinstance(item, EntryPoint) else "",
)
def test_a_pipeline_that_is_not_there_is_explained(entry: EntryPoint, message: str) -> None:
    with pytest.raises(PipelineNotFoundError, match=message), found_pipeline(entry):
        pass


def test_a_module_that_imports_what_is_missing_says_so_itself(tmp_path: Path) -> None:
    (tmp_path / "entry_broken.py").write_text("import not_installed_anywhere\n")
    entry = EntryPoint(module="entry_broken", qualname="p")
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"), found_pipeline(entry):
        pass

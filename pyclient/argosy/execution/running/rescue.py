"""Returned values that could not be saved go to disk here, so that hours of work are not lost.

Each value gets a directory of its own below ``ARGOSY_HOME/rescue/<step run>``: the files of the
first materializer that can keep it, cloudpickle as the last one, and ``manifest.json``, written
last. :func:`load_rescued` turns such a directory into the value again.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from argosy.errors import MaterializerError
from argosy.execution.values.asked_type import check_asked_type, check_loaded_type
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.materializers.files import FileSink
from argosy.materializers.registry import MaterializerChoice, SavedValue, load_value, save_value
from argosy.materializers.streams import read_into

MANIFEST = "manifest.json"
FILES = "files"
_PICKLE = "argosy.cloudpickle"


@dataclass(frozen=True)
class Endangered:
    """A returned value that is not in the store.

    Attributes:
        output: the output's name.
        value: what the step returned for it.
        materializer: what it was to be saved with, if the user said so.
    """

    output: str
    value: object
    materializer: MaterializerChoice | None = None


@dataclass(frozen=True)
class Rescue:
    """What became of the values.

    Attributes:
        directories: output name -> where its value is.
        lost: output name -> why it could not be written.
    """

    directories: dict[str, Path]
    lost: dict[str, str]

    def advice(self, reason: str) -> str:
        """Return how to get the values back, as lines to copy; ``reason``, why they are here, is not repeated."""
        lines: list[str] = []
        if self.directories:
            lines += ["The returned values are on disk; get them back with:"]
            lines += ["    import argosy"]
            lines += [
                f"    value = argosy.load_rescued({str(path)!r})  # {name}" for name, path in self.directories.items()
            ]
        for name, why in self.lost.items():
            known = "for the same reason" if why in reason else why
            lines += [f"The value of {name!r} could not be rescued: {known}"]
        return "\n".join(lines)


def rescue_values(home: Path, step_run_id: str, values: Iterable[Endangered]) -> Rescue:
    """Write each value below ``home/rescue/<step_run_id>``; never raises for a value that cannot be written."""
    rescued = Rescue({}, {})
    folder = home / "rescue" / step_run_id
    for index, item in enumerate(values):
        directory = folder / f"{index}-{quote(item.output, safe='')[:100]}"
        try:
            _write(directory, item)
            rescued.directories[item.output] = directory
        except Exception as error:
            rescued.lost[item.output] = f"{type(error).__name__}: {error}"
            shutil.rmtree(directory, ignore_errors=True)
    for empty in (folder, folder.parent):
        with contextlib.suppress(OSError):  # not empty, or never made
            empty.rmdir()
    return rescued


@suggests_keywords
def load_rescued(directory: str | Path, *, as_type: type | None = None) -> Any:
    """Return a value that was rescued when it could not be saved.

    The directory was written by this machine's own Argosy; a pickle in it runs code like any
    other, so load only what your own runs rescued.

    Args:
        directory: as the error named it.
        as_type: what the value shall be; also the class to make where the recorded name finds none.

    Raises:
        ParameterError: ``as_type`` is no type.
        MaterializerError: the directory holds no rescued value, it cannot be read here, or is not what
            ``as_type`` says.
    """
    check_asked_type(as_type)
    folder = Path(directory)
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        saved, paths = SavedValue(**record["saved"]), record["paths"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MaterializerError(f"{folder} holds no rescued value ({error}); pass one that an error named") from None
    value = load_value(
        _LocalFiles(folder / FILES, paths),
        materializer=saved.materializer,
        data_type=saved.data_type,
        format=saved.format,
        as_type=as_type,
        allow_pickle=True,
    )
    check_loaded_type(value, as_type, f"the value in {folder}")
    return value


def _write(directory: Path, item: Endangered) -> None:
    directory.mkdir(parents=True, mode=0o700)
    problem: Exception | None = None
    own = [] if item.materializer is None else [item.materializer]
    for materializer in (*own, None, _PICKLE):
        sink = FileSink()
        try:
            saved = save_value(item.value, sink, materializer=materializer, allow_pickle=True)
            for file in sink.files:
                target = directory / FILES / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    out.writelines(file.chunks())
        except Exception as error:  # the next way may work: what failed may be the materializer itself
            problem = problem or error
            shutil.rmtree(directory / FILES, ignore_errors=True)
            continue
        finally:
            sink.close()
        manifest = {"output": item.output, "saved": asdict(saved), "paths": [file.path for file in sink.files]}
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        return
    assert problem is not None
    raise problem


class _LocalFiles:
    """The files of a rescued value, as materializers read them."""

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._folder = folder
        self._paths = paths

    @property
    def paths(self) -> Sequence[str]:
        return self._paths

    def size(self, path: str) -> int:
        return (self._folder / path).stat().st_size

    def read(self, path: str) -> bytes:
        return (self._folder / path).read_bytes()

    def open(self, path: str) -> BinaryIO:
        return (self._folder / path).open("rb")

    def buffer(self, path: str) -> memoryview:
        content = memoryview(bytearray(self.size(path)))
        with (self._folder / path).open("rb", buffering=0) as file:
            read_into(file, content, path)
        return content

    def fetch(self, directory: Path) -> None:
        for path in self._paths:
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._folder / path, target)

    def child(self, directory: str) -> _LocalFiles:
        return _LocalFiles(self._folder / directory, list(_below(f"{directory}/", self._paths)))


def _below(prefix: str, paths: Iterable[str]) -> Iterator[str]:
    return (path[len(prefix) :] for path in paths if path.startswith(prefix))

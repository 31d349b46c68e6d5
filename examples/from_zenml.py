"""Brings what a ZenML artifact store holds into Argosy, from its plain files: ZenML need not be installed.

    python examples/from_zenml.py FOLDER

FOLDER is the artifact store, or a copy of it that kept the times of its files (``cp -a``). What was saved by
hand keeps its name; an output of a step is called after the output, or after step and output where that has no name of
its own. Versions come in the order of their files. Labels, tags, metadata and classes stand in ZenML's database and
stay there: models of pydantic and dataclasses come as dicts, tuples and sets as lists.

With ``--pickles`` what ZenML pickled is loaded, which runs whatever stands in it: only for a store you trust. Otherwise
it is kept as the files it is, and so is, with a word, what cannot be read. Run again, the program goes on where it was.
"""

import json
import pickle
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

import argosy


def read_table(path: Path) -> pd.DataFrame | pd.Series:
    """Read a table; ZenML keeps a Series as one whose only column it calls ``series``."""
    is_csv = path.suffix == ".csv"
    table = pd.read_csv(path, index_col=0, parse_dates=True) if is_csv else pd.read_parquet(path)
    return table["series"] if list(table.columns) == ["series"] else table


READERS: dict[str, Callable[[Path], Any]] = {
    "data.npy": lambda path: np.load(path, allow_pickle=False),
    "df.parquet.gzip": read_table,
    "df.csv": read_table,
    "data.json": lambda path: json.loads(path.read_text()),
    "data_v2.json": lambda path: json.loads(path.read_text()),
    "uuid.txt": lambda path: UUID(path.read_text()),
    "data.txt": lambda path: path.read_bytes(),
    "output.html": lambda path: argosy.HTMLString(path.read_text()),
    "output.md": lambda path: argosy.MarkdownString(path.read_text()),
    "output.csv": lambda path: argosy.CSVString(path.read_text()),
    "file_data": lambda path: path,
}
"""The files by which ZenML's materializers can be told."""


def read(folder: Path, scratch: Path, pickles: bool) -> Any:
    """Return the value that a version's folder holds; the folder itself where that cannot be told."""
    if pickles and (folder / "data.npy").exists():  # an array of objects is a pickle
        return np.load(folder / "data.npy", allow_pickle=True)
    for name, reader in READERS.items():
        if (folder / name).exists():
            return reader(folder / name)
    if (folder / "metadata.json").exists():  # each item has a folder
        items = sorted((item for item in folder.iterdir() if item.is_dir()), key=lambda item: int(item.name))
        values = [read(item, scratch / item.name, pickles) for item in items]
        return dict(zip(*values, strict=True)) if is_dict(folder, values) else values
    if (folder / "data.tar.gz").exists():
        with tarfile.open(folder / "data.tar.gz") as archive:
            archive.extractall(scratch, filter="data")
        return scratch
    if pickles and (folder / "artifact.pkl").exists():
        return pickle.loads((folder / "artifact.pkl").read_bytes())
    return folder


def is_dict(folder: Path, values: list[Any]) -> bool:
    """Tell whether items are the keys and the values of a dict, which ZenML writes as two lists.

    Two lists that somebody has saved look the same where the first one is as long and might be keys; it is said.
    """
    items = json.loads((folder / "metadata.json").read_text())
    kinds = items["types"] if isinstance(items, dict) else [item["type"] for item in items]
    if [kind.rpartition(".")[2] for kind in kinds] != ["list", "list"]:
        return False
    keys = [key for key in values[0] if isinstance(key, (str, int, float, bool, type(None)))]
    found = len(values[0]) == len(values[1]) == len(set(keys))
    if found:
        print(f"{folder}: two lists of one length are taken for a dict, which ZenML writes so", file=sys.stderr)
    return found


def is_uuid(text: str) -> bool:
    """Tell whether a folder is called by an id, as that of a run or of what was saved by hand is."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def versions(store: Path) -> dict[Path, str]:
    """Return the folder of each version and the name it shall have, the oldest first."""
    names = {}
    for folder in store.rglob("*"):
        step, *parts = folder.relative_to(store).parts
        ids = [index for index, part in enumerate(parts) if index and is_uuid(part)]  # a name may have slashes
        if not folder.is_dir() or not ids:
            continue
        name = "/".join(parts[: ids[0]])
        below = len(parts) - ids[0]
        if step == "custom_artifacts" and below == 1:
            names[folder] = name
        elif step != "custom_artifacts" and below == 2:
            names[folder] = f"{step}_{name}" if name.startswith("output") else name
    return dict(sorted(names.items(), key=lambda item: item[0].stat().st_mtime))


def keep(folder: Path, name: str, pickles: bool, where: dict[str, str]) -> argosy.ArtifactVersion:
    """Save the value of a version's folder; one that cannot be read or kept stays its files, and costs no other."""
    with TemporaryDirectory() as scratch:
        try:
            value = read(folder, Path(scratch) / "content", pickles)
            return argosy.save_artifact(value, name, tags=["from-zenml"], metadata=where)
        except argosy.ServiceError:
            raise
        except Exception as error:
            print(f"{folder} stays the files it is: {error}", file=sys.stderr)
    return argosy.save_artifact(folder, name, tags=["from-zenml"], metadata=where)


def move(store: Path, *, pickles: bool = False) -> Iterator[argosy.ArtifactVersion]:
    """Save every version of a ZenML store that was not saved before."""
    for folder, name in versions(store).items():
        where = {"zenml.folder": folder.relative_to(store).as_posix()}
        if not any(argosy.list_artifact_versions(name, metadata=where)):
            yield keep(folder, name, pickles, where)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--pickles"]
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit(f"python examples/from_zenml.py FOLDER [--pickles]: {' '.join(arguments) or 'nothing'} is no folder")
    for version in move(Path(arguments[0]), pickles="--pickles" in sys.argv):
        print(version.name, version.version, version.format)

"""Puts files into a directory all at once: they are complete before the first of them is seen there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from argosy.execution.values.scratch_folder import scratch_folder
from argosy.transport.download.folder_writer import FolderWriter


@contextlib.contextmanager
def placed_folder(target: Path, *, overwrite: bool) -> Iterator[FolderWriter]:
    """Give a writer whose files are at ``target`` when the block has ended, and nowhere when it raises.

    A directory that is not there yet appears by one rename. In one that is there the files are moved to their places
    one after the other, each of them whole.

    Args:
        target: the directory; made, with its parents, when it is not there.
        overwrite: whether files of the same names are replaced.

    Raises:
        FileExistsError: a file of the same name is there, or something that is no directory in the place of one.
        OSError: nothing can be written there.
    """
    target = Path(os.path.abspath(target))
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target} exists already and is no directory; choose another one")
    is_new = not target.exists()
    missing = [parent for parent in target.parents if not parent.exists()]
    try:
        with _scratch_of(target, is_new=is_new) as scratch:
            with FolderWriter(scratch) as folder:
                yield folder
            if is_new:
                _rename(scratch, target)
            else:
                _move_into(scratch, target, overwrite=overwrite)
    except BaseException:
        for parent in missing:
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def refuse_present(target: Path, paths: Sequence[str]) -> None:
    """Refuse to overwrite, before anything is brought.

    Raises:
        FileExistsError: names the first file that is there.
    """
    for path in paths:
        if os.path.lexists(target / path):
            raise FileExistsError(f"{target / path} exists already; {_CURE}")


_CURE = "choose an empty directory, remove it, or overwrite it"


@contextlib.contextmanager
def _scratch_of(target: Path, *, is_new: bool) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        try:
            scratch = stack.enter_context(scratch_folder(target.parent if is_new else target))
        except OSError as error:  # it names the hidden folder, of which nobody has heard
            problem = f"nothing can be written to {target} ({error.strerror}); choose another directory"
            raise type(error)(problem) from error
        yield scratch


def _rename(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError as error:  # it appeared meanwhile
        raise FileExistsError(f"{target} exists already; {_CURE}") from error


def _move_into(scratch: Path, target: Path, *, overwrite: bool) -> None:
    folders, files = _contents(scratch)
    for path in folders:
        place = target / path
        if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
            raise FileExistsError(f"{place} is no directory, and nothing is written through links; remove it")
    for path in files:
        place = target / path
        if place.is_dir() and not place.is_symlink():
            raise FileExistsError(f"{place} is a directory where a file belongs; remove it")
    if not overwrite:
        refuse_present(target, files)
    for path in folders:
        (target / path).mkdir(exist_ok=True)
    moved: list[Path] = []
    try:
        for path in files:
            os.replace(scratch / path, target / path)
            moved.append(target / path)
    except BaseException:
        for place in moved if not overwrite else []:
            place.unlink(missing_ok=True)
        raise


def _contents(root: Path) -> tuple[list[str], list[str]]:
    """Return folders, outer ones first, and files below ``root``, relative to it."""
    folders: list[str] = []
    files: list[str] = []
    for place, inner, names in os.walk(root):
        prefix = os.path.relpath(place, root)
        below = "" if prefix == os.curdir else f"{prefix}{os.sep}"
        folders += [f"{below}{name}" for name in inner]
        files += [f"{below}{name}" for name in names]
    return folders, files

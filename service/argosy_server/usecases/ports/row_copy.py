"""What copying a store asks of the two databases: whose copy the target is, and all rows under a lock of the source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol

from argosy_server.domain.blob import Blob


class TargetState(Enum):
    """What the target database holds."""

    EMPTY = "empty"
    """Nothing of ours, or nothing at all."""
    HALF_DONE = "half-done"
    """A copy of this very store that was not finished, and that nobody can open."""
    COMPLETE = "complete"
    """A store with this id: the source itself, or a copy that was finished."""


class FrozenRows(Protocol):
    """The rows of the source while nobody can write to them."""

    def copy(self, damaged: Collection[Blob], advance: Callable[[int], None]) -> Mapping[str, int]:
        """Replace all rows of the target by those of the source, in one transaction.

        Args:
            damaged: blobs whose rows count as damaged in the target.
            advance: called with the number of rows just written.

        Returns:
            how many rows each table got.

        Raises:
            StorageUnavailable, StorageFull: a database cannot be reached or written, or cannot keep a value.
        """
        ...

    def mark_moved(self, place: str) -> None:
        """Let the source refuse every write from now on, also of processes that have it open, and tell where it went.

        It counts once the lock is given back.
        """
        ...


class RowCopy(Protocol):
    """The rows of one store on their way to another database."""

    @property
    def store_id(self) -> str:
        """Id of the store."""
        ...

    @property
    def source_name(self) -> str:
        """What messages call the source."""
        ...

    @property
    def target_name(self) -> str:
        """What messages call the target."""
        ...

    def moved_to(self) -> str:
        """Return where the source has moved to, ``""`` while it is in use.

        Raises:
            StorageUnavailable: it cannot be reached.
        """
        ...

    def target_state(self) -> TargetState:
        """Look at the target and change nothing.

        Raises:
            StorageUnavailable: it cannot be reached, or is neither empty nor a copy of this store.
        """
        ...

    def counts(self) -> Mapping[str, int]:
        """Return how many rows of each table would be copied."""
        ...

    def room_needed(self) -> tuple[str, int]:
        """Return the folder of the target and the bytes it takes about; ``("", 0)`` when it is no file."""
        ...

    def exclusively(self) -> AbstractContextManager[None]:
        """Keep others from copying into the target, until the block ends.

        Raises:
            StorageUnavailable: somebody does.
        """
        ...

    def begin(self) -> None:
        """Make the tables of the target unless they are there; until :meth:`publish` nobody can open it.

        Raises:
            StorageUnavailable, StorageFull: it cannot be made.
        """
        ...

    def freeze(self) -> AbstractContextManager[FrozenRows]:
        """Hold the write lock of the source, until the block ends.

        Raises:
            StorageUnavailable: others keep it locked, or it has moved.
        """
        ...

    def publish(self) -> None:
        """Let the target be opened: from now on it is the store. May be done again."""
        ...

    def close(self) -> None:
        """Give all connections back."""
        ...

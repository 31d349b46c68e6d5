"""What the history says was saved and deleted."""

from __future__ import annotations

from collections.abc import Sequence

from tests.soak.journal import Operation, of_kind


class Deeds:
    """Saves by version and by token, and deletions.

    Attributes:
        deleted: the acknowledged deletion of each version.
        maybe_deleted: versions whose deletion was asked for and not refused.
    """

    def __init__(self, history: Sequence[Operation]) -> None:
        self._by_token: dict[str, list[Operation]] = {}
        self._by_id: dict[str, list[Operation]] = {}
        for save in of_kind(history, "save", "create"):
            self._by_token.setdefault(save.arguments["token"], []).append(save)
            if save.outcome == "ok":
                self._by_id.setdefault(save.result["id"], []).append(save)
        deletions = of_kind(history, "delete")
        done = [deletion for deletion in deletions if deletion.outcome == "ok"]
        self.deleted = {version_id: deletion for deletion in done for version_id in deletion.arguments["ids"]}
        self.maybe_deleted = {
            version_id
            for deletion in deletions
            if deletion.outcome != "fail"
            for version_id in deletion.arguments["ids"]
        }

    def saved(self, project: str) -> dict[str, Operation]:
        """Return the acknowledged save of each version of a project."""
        return {version_id: saves[0] for version_id, saves in self._by_id.items() if saves[0].project == project}

    def saves_of(self, version_id: str) -> list[Operation]:
        """Return all saves that were told they made a version."""
        return self._by_id.get(version_id, [])

    def of_token(self, token: str) -> list[Operation]:
        """Return all saves of a token, however they ended."""
        return self._by_token.get(token, [])

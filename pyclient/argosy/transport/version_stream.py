"""The stream of one version: the version first, then its files one after the other."""

from __future__ import annotations

from collections.abc import Generator

from argosy.errors import InternalServiceError
from argosy.transport.calls import ReceivingStream
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactVersion
from argosy.v1.artifact_service_pb2 import DownloadArtifactResponse


class VersionStream:
    """Reads the messages of DownloadArtifact in the order the contract gives them.

    Attributes:
        version: the version with its files.
    """

    def __init__(self, messages: ReceivingStream[DownloadArtifactResponse]) -> None:
        """Take the first message.

        Raises:
            NotFoundError: nothing matches the selector.
            InternalServiceError: the server does not keep to the contract.
        """
        self._messages = messages
        try:
            self.version: ArtifactVersion = _first(messages)
        except BaseException:
            messages.close()
            raise
        self._left = list(self.version.files)
        self._inside = ""

    @property
    def files_left(self) -> list[ArtifactFile]:
        """The files that have not begun yet, in the order they will come."""
        return self._left

    def next_file(self) -> Generator[bytes, None, None]:
        """Begin the next file; its chunks MUST be taken before the file after it begins.

        Raises:
            CorruptDataError: the stored bytes are damaged.
            InternalServiceError: the server does not keep to the contract.
        """
        self._finish_file()
        file = self._left.pop(0)
        start = next(self._messages, None)
        if start is None or start.WhichOneof("part") != "file_start" or start.file_start.file.path != file.path:
            raise _broken(f"file {file.path!r} does not begin where it should")
        self._inside = file.path
        return self._chunks()

    def finish(self) -> None:
        """Take what follows the last byte, so that the call ends well.

        Raises:
            InternalServiceError: more files came than the version has.
        """
        self._finish_file()
        if next(self._messages, None) is not None:
            raise _broken("something follows the last file")

    def close(self) -> None:
        """Cancel what has not arrived."""
        self._messages.close()

    def _chunks(self) -> Generator[bytes, None, None]:
        for message in self._messages:
            part = message.WhichOneof("part")
            if part == "file_end":
                self._inside = ""
                return
            if part != "chunk":
                raise _broken(f"{part} came inside file {self._inside!r}")
            yield message.chunk
        raise _broken(f"it ends inside file {self._inside!r}")

    def _finish_file(self) -> None:
        if self._inside and any(self._chunks()):
            raise _broken("a file is longer than recorded")


def _first(messages: ReceivingStream[DownloadArtifactResponse]) -> ArtifactVersion:
    message = next(messages, None)
    if message is None or message.WhichOneof("part") != "version":
        raise _broken("it does not begin with the version")
    return message.version


def _broken(what: str) -> InternalServiceError:
    return InternalServiceError(f"the download of a version went wrong: {what}; try again, and report it if it recurs")

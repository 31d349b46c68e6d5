"""Brings values to the store, and with them the previews that are made meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.errors import ArgosyError
from argosy.execution.step_traffic import sending
from argosy.execution.values.prepared_value import PreparedValue
from argosy.transport.connection import Connection
from argosy.transport.progress import UNSEEN, Progress
from argosy.transport.upload.upload_files import upload_files
from argosy.v1.artifact_pb2 import NewArtifactFile


def send_values(
    connection: Connection,
    values: Sequence[PreparedValue],
    progress: Progress = UNSEEN,
    *,
    inline_bytes: int | None = None,
) -> list[list[NewArtifactFile]]:
    """Make the files of values ready to be named in one request that creates their versions.

    Previews that are ready travel with their value. The others have the time of the transfer, and a little more;
    whatever becomes of them, the values are sent. Who shows the running step hears of the bytes.

    Args:
        connection: the store.
        values: the values.
        progress: told how many bytes have been handed over, or need not be.
        inline_bytes: how many bytes that request may hold; by default what the server allows for one version.

    Returns:
        One list for each value: its files in their order, then its previews.

    Raises:
        InvalidRequestError: more files than a version may have; nothing was sent.
        CorruptDataError: a file changed while it was sent.
        ArgosyError: the store refused an upload or was lost; what was sent is given up.
        Exception: what reading a file raised, unchanged.
    """
    most, room = connection.capabilities.max_files, inline_bytes
    early = [value.previews_are_ready for value in values]
    late = [value for value, is_early in zip(values, early, strict=True) if not is_early]
    groups = [
        [*value.files, *(value.previews(most) if is_early else ())]
        for value, is_early in zip(values, early, strict=True)
    ]
    sent = upload_files(connection, groups, inline_bytes=room, progress=sending(progress))
    if not late:
        return sent
    room = connection.capabilities.max_inline_bytes if room is None else room
    room -= sum(len(file.inline_content) for files in sent for file in files)
    try:
        uploaded = upload_files(connection, [value.previews(most) for value in late], inline_bytes=max(room, 0))
    except ArgosyError as error:
        for value in late:
            value.lose_previews(f"{type(error).__name__}: {error}")
        return sent
    added = dict(zip(map(id, late), uploaded, strict=True))
    return [[*files, *added.get(id(value), ())] for value, files in zip(values, sent, strict=True)]

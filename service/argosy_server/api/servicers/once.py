"""Answering a mutation once: the reply is stored with the change, a retry gets the stored one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from blake3 import blake3
from google.protobuf.message import Message

from argosy_server.api.messages.reply_size import check_reply
from argosy_server.domain.errors import DomainError, StorageUnavailable
from argosy_server.domain.identifiers import parse_project
from argosy_server.usecases.blobs.staging import StagedFile, discard_staged
from argosy_server.usecases.idempotency import RequestKey, run_once
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

R = TypeVar("R", bound=Message)


def request_key(project: str, request_id: str, *messages: Message) -> RequestKey:
    """Return what identifies a mutation; its fingerprint covers the type and content of all ``messages``.

    Raises:
        InvalidField: project or request id are malformed.
    """
    hasher = blake3()
    for message in messages:
        body = message.SerializeToString(deterministic=True)
        hasher.update(f"{message.DESCRIPTOR.full_name}:{len(body)}:".encode())
        hasher.update(body)
    return RequestKey(parse_project(project), request_id, hasher.digest())


def answer_once(
    metadata: MetadataStore, key: RequestKey, response_type: type[R], action: Callable[[Transaction], R]
) -> R:
    """Run ``action`` in a write transaction and return its response, or the response it gave the first time.

    Raises:
        RequestIdReused: the request id stands for another request.
        LimitExceeded: the response is too large to be received.
        DomainError: whatever ``action`` raises; nothing was changed.
    """
    return response_type.FromString(run_once(metadata, key, lambda tx: check_reply(action(tx).SerializeToString())))


def publish_once(
    metadata: MetadataStore,
    storage: BlobStorage,
    key: RequestKey,
    staged: Sequence[StagedFile],
    response_type: type[R],
    action: Callable[[Transaction], R],
) -> R:
    """Do as :func:`answer_once` for an action that publishes staged bytes; discard those it did not publish.

    They are discarded when the action refused, and when a stored reply was returned instead. When it is not known
    whether the transaction committed (the database went away, the process was interrupted), they are left to the
    sweep, which asks the database.
    """
    made: list[bytes] = []

    def run(tx: Transaction) -> bytes:
        made[:] = [check_reply(action(tx).SerializeToString())]
        return made[0]

    try:
        reply = run_once(metadata, key, run)
    except StorageUnavailable:
        raise
    except DomainError:
        discard_quietly(metadata, storage, key.project, staged)
        raise
    if reply not in made:
        discard_quietly(metadata, storage, key.project, staged)
    return response_type.FromString(reply)


def discard_quietly(metadata: MetadataStore, storage: BlobStorage, project: str, staged: Sequence[StagedFile]) -> None:
    """Give up staged bytes; what cannot be discarded now is taken by the sweep, the caller hears the first error."""
    with contextlib.suppress(DomainError):
        discard_staged(metadata, storage, project, staged)

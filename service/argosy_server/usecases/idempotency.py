"""A mutation sent twice changes nothing the second time.

The reply is stored under the caller's request id in the same transaction as the change itself, so either both exist
or neither does. Replies are opaque bytes here; the api layer makes and reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from argosy_server.domain.errors import DomainError, InvalidField, RequestIdReused
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.repositories import KeptReply

MAX_REQUEST_ID = 128


@dataclass(frozen=True)
class RequestKey:
    """Identifies one intention of one caller.

    Attributes:
        project: the project the request names.
        request_id: chosen by the caller, anew for each intention.
        fingerprint: digest of method and body, so that another request under the same id is noticed.
    """

    project: str
    request_id: str
    fingerprint: bytes

    def __post_init__(self) -> None:
        if not self.request_id:
            raise InvalidField("request_id", "is empty; send a new UUID for each intention and repeat it in retries")
        if len(self.request_id) > MAX_REQUEST_ID or not self.request_id.isprintable():
            raise InvalidField("request_id", f"is longer than {MAX_REQUEST_ID} characters or unprintable; send a UUID")


def run_once(metadata: MetadataStore, key: RequestKey, action: Callable[[Transaction], bytes]) -> bytes:
    """Run ``action`` in one write transaction and keep its reply, or return the reply kept earlier.

    Raises:
        RequestIdReused: the id stands for another request.
    """
    try:
        with metadata.write() as tx:
            reply = find_replies(tx, [key]).get(key)
            if reply is None:
                reply = action(tx)
                keep_replies(tx, {key: reply})
            return reply
    except DomainError:
        # The same request, sent twice, may have been served beside this one, or a commit took place unheard.
        reply = recall(metadata, key)
        if reply is None:
            raise
        return reply


def recall(metadata: MetadataStore, key: RequestKey) -> bytes | None:
    """Return the reply that is kept of a request, ``None`` for none.

    Raises:
        RequestIdReused: the id stands for another request.
    """
    with metadata.read() as tx:
        return find_replies(tx, [key]).get(key)


def find_replies(tx: Transaction, keys: Sequence[RequestKey]) -> dict[RequestKey, bytes]:
    """Return the replies that are kept of requests of one project.

    Raises:
        RequestIdReused: an id stands for another request.
    """
    found = tx.replies.find(keys[0].project, {key.request_id for key in keys})
    replies = {}
    for key in keys:
        kept = found.get(key.request_id)
        if kept is None:
            continue
        if kept.fingerprint != key.fingerprint:
            raise RequestIdReused(
                f"request_id {key.request_id!r} was used for another request; make a new one for each intention"
            )
        replies[key] = kept.reply
    return replies


def keep_replies(tx: Transaction, replies: Mapping[RequestKey, bytes]) -> None:
    """Keep the replies of requests of one project, each of which has an id of its own.

    Raises:
        RequestIdReused: one of them was served at the same time.
    """
    if replies:
        project = next(iter(replies)).project
        tx.replies.store(project, {key.request_id: KeptReply(key.fingerprint, reply) for key, reply in replies.items()})

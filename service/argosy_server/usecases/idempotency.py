"""A mutation sent twice changes nothing the second time.

The reply is stored under the caller's request id in the same transaction as the change itself, so either both exist
or neither does. Replies are opaque bytes here; the api layer makes and reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from argosy_server.domain.errors import DomainError, InvalidField, RequestIdReused
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.repositories import KeptReply

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
            reply = _kept_reply(tx, key)
            if reply is None:
                reply = action(tx)
                tx.replies.store(key.project, {key.request_id: KeptReply(key.fingerprint, reply)})
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
        return _kept_reply(tx, key)


def reply_to(key: RequestKey, kept: KeptReply) -> bytes:
    """Return the reply that is kept under the id of a request.

    Raises:
        RequestIdReused: it answers another request.
    """
    if kept.fingerprint != key.fingerprint:
        raise RequestIdReused(
            f"request_id {key.request_id!r} was used for another request; make a new one for each intention"
        )
    return kept.reply


def _kept_reply(tx: Transaction, key: RequestKey) -> bytes | None:
    kept = tx.replies.find(key.project, {key.request_id}).get(key.request_id)
    return None if kept is None else reply_to(key, kept)

"""CreateTransferGrants for clients that move bytes by URLs of the object store."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.v1 import blob_pb2 as nouns
from argosy.v1 import transfer_grants_pb2 as wire
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.signed_transfers import (
    MAX_PARTS,
    Part,
    SignedTransfers,
    UploadGrant,
    sign_reads,
    sign_writes,
)
from argosy_server.usecases.ports import MetadataStore

LAST_EPOCH = 1 << 53


def render_offer(signed: SignedTransfers) -> nouns.SignedTransfers:
    """Return what the capabilities tell of signed transfers."""
    offer = nouns.SignedTransfers(min_bytes=signed.min_bytes, part_bytes=signed.part_bytes, max_parts=MAX_PARTS)
    offer.lifetime.FromTimedelta(signed.lifetime)
    return offer


def sign_urls(
    metadata: MetadataStore,
    limits: Limits,
    signed: SignedTransfers | None,
    project: str,
    digests: Sequence[Digest],
    upload_id: str,
    request: wire.CreateTransferGrantsRequest,
) -> wire.CreateTransferGrantsResponse:
    """Answer a request whose method is SIGNED_URL.

    Raises:
        InvalidField: parts without an upload, or a negative epoch.
        DomainError: as :mod:`argosy_server.usecases.blobs.signed_transfers` says.
    """
    if not 0 <= request.write_epoch <= LAST_EPOCH:
        raise InvalidField("write_epoch", f"{request.write_epoch} is no epoch; send that of the first response, or 0")
    if request.write_parts and not upload_id:
        raise InvalidField("write_parts", "belong to an upload; name it in write_upload_id")
    parts = [Part(part.number, part.size_bytes, part.sha256) for part in request.write_parts]
    urls = sign_reads(metadata, signed, project, digests)
    grant = UploadGrant(0, [], [])
    if upload_id:
        grant = sign_writes(metadata, limits, signed, project, upload_id, request.write_epoch, parts)
    return wire.CreateTransferGrantsResponse(
        read_urls=urls,
        write_epoch=grant.epoch,
        write_puts=[wire.SignedPut(url=put.url, headers=put.headers) for put in grant.puts],
        kept_parts=grant.kept,
    )

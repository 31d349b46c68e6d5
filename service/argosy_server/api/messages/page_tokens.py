"""The text that ties a page token to the list it was made for."""

from __future__ import annotations

from blake3 import blake3
from google.protobuf.message import Message


def query_of(store_id: str, request: Message) -> str:
    """Return a short text of everything that defines a list: store, method, project, filters and order.

    Args:
        store_id: the store; tokens of another one are refused.
        request: the list request; which page of the list it asks for does not count.
    """
    query = type(request)()
    query.CopyFrom(request)
    query.ClearField("page_token")
    query.ClearField("page_size")
    body = query.SerializeToString(deterministic=True)
    return blake3(f"{store_id}:{request.DESCRIPTOR.full_name}:".encode() + body).hexdigest(length=12)

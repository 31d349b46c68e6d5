"""``digests.json``: contents and their digests, and texts that are and are not digests."""

from __future__ import annotations

from typing import Any

from blake3 import blake3

from argosy.transport.content_hash import digest_text
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import Digest

SIZES = (0, 1, 63, 64, 65, 1023, 1024, 1025, 65_536, 262_143, 262_144, 1_048_575, 1_048_576, 1_048_577, 4_194_305)
"""Around blocks (64), chunks (1 KiB), the boundary of small files (256 KiB), messages (1 MiB) and pieces (4 MiB)."""


def content_of(size: int) -> bytes:
    """Return the content of a vector: byte *i* is *i* modulo 251, as in the vectors of BLAKE3 itself."""
    period = bytes(range(251))
    return (period * (size // len(period) + 1))[:size]


def make() -> dict[str, Any]:
    """Return the file."""
    some = digest_text(blake3(b""))
    texts = {
        "as it is written": some,
        "upper-case digits": "blake3:" + some.removeprefix("blake3:").upper(),
        "upper-case name": "BLAKE3:" + some.removeprefix("blake3:"),
        "63 digits": some[:-1],
        "65 digits": some + "0",
        "without a name": some.removeprefix("blake3:"),
        "another function": "sha256:" + some.removeprefix("blake3:"),
        "a letter that is no digit": some[:-1] + "g",
        "white space before it": " " + some,
        "a line end behind it": some + "\n",
        "full-width digits": some[:-1] + "\uff11",
        "empty": "",
    }
    return {
        "about": "The digest of the content whose byte i is i modulo 251; and which texts are digests.",
        "contents": [{"size_bytes": size, "digest": digest_text(blake3(content_of(size)))} for size in SIZES],
        "texts": [{"name": name, "text": text, "valid": _is_digest(text)} for name, text in texts.items()],
    }


def _is_digest(text: str) -> bool:
    try:
        Digest.parse("digest", text)
    except InvalidField:
        return False
    return True

"""``names.json``: names, labels and paths that the service takes or refuses, and paths a client may write to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from argosy.addresses import addresses_of, parse_server
from argosy.errors import MaterializerError
from argosy.materializers.path import checked_relative
from argosy_server.domain import identifiers
from argosy_server.domain.errors import InvalidField

ABOUT = (
    "The server refuses what is not `valid` with INVALID_FIELD; a client may, and need not, do so before. Paths in "
    "`local_paths` are what a client MUST check itself, before it creates any file: what it writes below the folder "
    "of a download comes from a server. As a stream the bytes of such a file are read all the same. `addresses` are "
    "what ARGOSY_SERVER may be for a client without the embedded store, and the host and port of each server it names."
)
UUID = "0123abcd-0000-4000-8000-00000000000f"
LONG = "n" * 255

PROJECTS = ["default", "a", "A.b_c-1", "9lives", "p" * 64, "", "p" * 65, "-a", ".a", "a b", "a/b", "é", "a\n"]
NAMES = ["weights", "déjà vu", "a/b/c", "pipeline::step::output", "a.b", "x y", LONG, "東京", ""]
NAMES += [LONG + "n", " a", "a ", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\tb", "a\nb", "a\x00b", "a\u200bb"]
NAMES += [UUID, UUID.upper(), UUID.replace("-", ""), "{" + UUID + "}"]
VERSIONS = ["1", "42", "9" * 18, "v2", "2026-03-01", "a b", "1.0", "0", "01", "-1", "+1", "9" * 19, "", "a/b", " a"]
ALIASES = ["prod", "a", "v1.2", "A-b_c", "1a", "a" * 64, "", "a" * 65, "1", "-1", "a b", "a/b", ".a", "é"]
TAGS = ["daily", "team: fraud", "é", "t" * 255, "", "t" * 256, "a\nb"]
FORMATS = ["npy", "json", "my-format.v2", "x" * 64, "", "x" * 65, "NPY", "a b", "-a"]
PATHS = ["data.json", "content/a/b.txt", "content/ü.txt", "items/0/data.npy", "a b", "...", "a/.hidden", "p" * 1024]
PATHS += ["", "p" * 1025, "/etc/passwd", "a//b", "a/", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "C:/a", "C:"]
PATHS += ["a\x00b", "a\nb", "a\x7fb"]
LOCAL_PATHS = [
    "model.onnx",
    "a/b/c.txt",
    "ü",
    "...",
    ".hidden",
    "a b",
    "f" * 255,
    "f" * 256,
    "ü" * 128,
    "",
    "/etc/passwd",
]
LOCAL_PATHS += [
    "..",
    ".",
    "../a",
    "a/..",
    "a/../../b",
    "a/./b",
    "a//b",
    "a/",
    "a\\b",
    "..\\a",
    "a\x00b",
    "a\nb",
    "a\x7fb",
]
ADDRESSES = ["grpc://localhost:50051", "grpcs://argosy.example.com:443", "grpc://a:1,b:2", "grpc://a:1,grpc://b:2"]
ADDRESSES += [
    "grpc://a:1, b:2",
    "GRPC://a:1",
    " grpc://a:1 ",
    "grpc://a:1/",
    "grpc://[::1]:1",
    "grpc://[::1]:1,[::2]:2",
]
ADDRESSES += ["localhost:50051", "http://a:1", "grpc://a", "grpc://a:0", "grpc://a:65536", "grpc://a:b", "grpc://:1"]
ADDRESSES += ["grpc://a:1,", "grpc://a:1,,b:2", "grpc://a:1,grpcs://b:2", "grpc://a:1,a:1", "grpc://u:p@a:1"]
ADDRESSES += ["grpc://a:1/path", "grpc://a:1?x=1", "grpc://::1:1", "grpc://a b:1"]


def make() -> dict[str, Any]:
    """Return the file."""
    return {
        "about": ABOUT,
        "projects": _judged(PROJECTS, identifiers.parse_project),
        "names": _judged(NAMES, lambda text: identifiers.parse_name("name", text)),
        "versions": _judged(VERSIONS, lambda text: identifiers.parse_version("version", text)),
        "aliases": _judged(ALIASES, lambda text: identifiers.parse_alias("alias", text)),
        "tags": _judged(TAGS, lambda text: identifiers.parse_tag("tag", text)),
        "formats": _judged(FORMATS, lambda text: identifiers.parse_format("format", text)),
        "paths": _judged(PATHS, lambda text: identifiers.parse_path("path", text)),
        "local_paths": _judged(LOCAL_PATHS, checked_relative),
        "addresses": [_address(text) for text in ADDRESSES],
    }


def _judged(texts: list[str], parse: Callable[[str], str]) -> list[dict[str, Any]]:
    assert len(set(texts)) == len(texts)
    return [{"text": text, "valid": _is_valid(text, parse)} for text in texts]


def _is_valid(text: str, parse: Callable[[str], str]) -> bool:
    try:
        return parse(text) == text
    except (InvalidField, MaterializerError):
        return False


def _address(text: str) -> dict[str, Any]:
    try:
        parsed = parse_server(text)
    except ValueError:
        return {"text": text, "valid": False}
    scheme = parsed.partition("://")[0]
    hosts = [address.removeprefix(f"{scheme}://") for address in addresses_of(parsed)]
    return {"text": text, "valid": True, "is_secure": scheme == "grpcs", "servers": hosts}

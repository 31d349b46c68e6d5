"""What ``ARGOSY_SERVER`` may say: one address, or several servers of one store."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

FORMS = "grpc://host:port, grpcs://host:port, unix:///path or embedded:///directory"
LIST_FORM = "grpc://host:port,host:port"
_IN_NETWORK = ("grpc", "grpcs")
_NETWORK = re.compile(r"(grpcs?)://", re.IGNORECASE)
_SCHEME_WITHIN = re.compile(r",\s*([a-z][a-z0-9+.-]*)://")
_MOST_NAMED = 4
_USER = re.compile("@|%40", re.IGNORECASE)
_TAIL = re.compile("[?#]")
_OF_PATHS = re.compile(r"(unix|embedded):///")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def parse_server(text: str) -> str:
    """Return an address, or a list of them, as every other part of the client wants it; empty for an empty text.

    Raises:
        ValueError: it is malformed; the text is the rule it breaks.
    """
    text = text.strip()
    if not text:
        return ""
    if _TAIL.search(text) or (_OF_PATHS.match(text) is None and _USER.search(text)):
        raise ValueError(
            f"an address has no user, password, query or fragment, and no credentials belong in it; write {FORMS}"
        )
    if network := _NETWORK.match(text):
        return _parse_list(network[1].lower(), text[network.end() :])
    if found := _SCHEME_WITHIN.search(text):
        raise ValueError(
            f"a list names servers in a network only, here it has {text.partition('://')[0]}:// and {found[1]}:// "
            f"addresses; write {LIST_FORM}"
        )
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"write {FORMS}") from None
    if parts.scheme in {"unix", "embedded"} and not parts.netloc and len(parts.path) > 1:
        return text
    raise ValueError(f"write {FORMS}")


def addresses_of(server: str) -> list[str]:
    """Return each address of what :func:`parse_server` returned, with its scheme."""
    scheme, mark, rest = server.partition("://")
    if scheme not in _IN_NETWORK:
        return [server]
    return [f"{scheme}{mark}{entry}" for entry in rest.split(",")]


def told(server: str) -> str:
    """Return a server or a list of them for people: of a long list the first ones and how many more there are."""
    addresses = addresses_of(server)
    if len(addresses) <= _MOST_NAMED:
        return server
    scheme = server.partition("://")[0]
    named = ",".join(host_of(address) for address in addresses[: _MOST_NAMED - 1])
    return f"{scheme}://{named} and {len(addresses) - _MOST_NAMED + 1} more"


def host_of(address: str) -> str:
    """Return host and port of one address, or the whole one where it has none."""
    return urlsplit(address).netloc or address


def without_secrets(text: str) -> str:
    """Return what was given for an address for a message: credentials may be in it, however it is malformed."""
    users = [found.end() for found in _USER.finditer(text)]
    tail = _TAIL.search(text)
    if not users:
        return text if tail is None else f"{text[: tail.start()]}…"
    scheme = _SCHEME.match(text.lstrip())
    begin = f"{scheme[0] if scheme else ''}…"
    # A password may have a "?", a "#" or a comma in it, and a query an "@": what may belong to one is left out.
    return begin if tail else f"{begin}@{text[users[-1] :]}"


def is_here(server: str) -> bool:
    """Tell whether all servers are on this machine, as far as their addresses say."""
    if not server.startswith(_IN_NETWORK):
        return True
    hosts = [urlsplit(address).hostname or "" for address in addresses_of(server)]
    return all(host in {"localhost", "::1"} or host.startswith("127.") for host in hosts)


def _parse_list(scheme: str, rest: str) -> str:
    entries = [entry.strip() for entry in rest.split(",")]
    found: list[str] = []
    for number, entry in enumerate(entries, 1):
        if not entry and len(entries) > 1:
            raise ValueError(f"entry {number} of its {len(entries)} is empty; remove the comma, or write {LIST_FORM}")
        own, mark, behind = entry.partition("://")
        if mark and own.lower() != scheme:
            raise ValueError(
                f"all servers of a list are reached alike, here they have {scheme}:// and {own}:// addresses; "
                f"write {LIST_FORM}"
            )
        host = _parse_host(behind if mark else entry, entry if len(entries) > 1 else "")
        if host in found:
            raise ValueError(f"it names {host} twice; name each server once")
        found.append(host)
    return f"{scheme}://{','.join(found)}"


def _parse_host(text: str, entry: str) -> str:
    """Return ``host:port`` of one server; ``entry`` names it in a list."""
    forms = LIST_FORM if entry else FORMS
    if text.count(":") > 1 and "[" not in text:
        raise ValueError(f"an IPv6 address stands in brackets, as in [::1]:50051; write {forms}")
    try:
        parts = urlsplit(f"grpc://{text}")
        port = parts.port
    except ValueError:
        whose = f"the port of its entry {entry!r}" if entry else "its port"
        raise ValueError(f"{whose} is not a number from 1 to 65535; write {forms}") from None
    host = parts.hostname or ""
    if not (parts.path in {"", "/"} and host and port) or any(letter.isspace() for letter in host):
        raise ValueError(f"{f'its entry {entry!r} is malformed; ' if entry else ''}write {forms}")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

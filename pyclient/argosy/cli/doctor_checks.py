"""What ``argosy doctor`` looks at: each check is a function that yields findings, and repairs nothing."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.execution.views.amounts import format_bytes

if TYPE_CHECKING:
    from argosy.config import ClientConfig, Setting
    from argosy.transport.connection import Connection

OK, WARN, FAIL = "ok", "warn", "fail"
LITTLE_BYTES, TOO_LITTLE_BYTES = 2 << 30, 200 << 20
"""Free bytes of a disk: below the one people are warned, below the other saving will fail."""
MOST_CLOCK_SECONDS = 5.0
"""More, and times of this machine and of the store do not go together in one list."""
SLOW_SECONDS = 0.5
_CALLS = 5
_EXTRA = re.compile(r"""^(?P<package>[A-Za-z0-9._-]+).*extra\s*==\s*['"](?P<extra>[\w-]+)['"]""")
_NOT_FOR_USERS = frozenset({"dev", "docs", "examples", "testing"})


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        check: what was looked at.
        status: ``ok``, ``warn`` or ``fail``.
        message: what was found.
        cure: what to do about it; empty when it is ok.
    """

    check: str
    status: str
    message: str
    cure: str = ""


def check_home(home: Path) -> Iterator[Finding]:
    """Tell whether the home directory can be written, or made, and whether its disk has room."""
    place = home
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        yield Finding("home", FAIL, f"{place} is no directory", "move it away, or set ARGOSY_HOME")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding("home", FAIL, f"{place} cannot be written by this user", "make it writable, or set ARGOSY_HOME")
    else:
        yield Finding("home", OK, str(home) if home.exists() else f"{home}, which the first save makes")
    free = shutil.disk_usage(place).free
    message = f"{format_bytes(free)} free at {place}"
    if free < LITTLE_BYTES:
        status = FAIL if free < TOO_LITTLE_BYTES else WARN
        cure = "free some, prune versions (argosy artifact prune), or set ARGOSY_HOME to another disk"
        yield Finding("disk", status, message, cure)
    else:
        yield Finding("disk", OK, message)


def check_pickle(config: ClientConfig, settings: list[Setting]) -> Iterator[Finding]:
    """Tell whether pickles are saved and loaded, and what says so."""
    source = next(item.source for item in settings if item.name == "allow_pickle")
    if not config.allow_pickle:
        yield Finding("pickle", OK, f"refused ({source})")
    elif config.is_embedded:
        yield Finding("pickle", OK, f"allowed ({source}): whoever can write to this store can run code here")
    else:
        cure = "set allow_pickle = false in pyproject.toml [tool.argosy], and give such values a materializer"
        yield Finding("pickle", WARN, f"allowed ({source}): who can save to the server can run code here", cure)


def check_packages() -> Iterator[Finding]:
    """Tell which optional packages are installed, and how the others are."""
    wanted: dict[str, set[str]] = {}
    for requirement in metadata.requires("argosy") or ():
        if (match := _EXTRA.match(requirement)) and match["extra"] not in _NOT_FOR_USERS:
            wanted.setdefault(match["extra"], set()).add(match["package"])
    versions = {package: _installed(package) for packages in wanted.values() for package in packages}
    present = sorted(f"{package} {version}" for package, version in versions.items() if version)
    yield Finding("packages", OK, f"optional: {', '.join(present) or 'none'}")
    if missing := sorted(extra for extra, packages in wanted.items() if not all(versions[item] for item in packages)):
        message = f"not installed: {', '.join(missing)}; pip install 'argosy[NAME]' where you need one"
        yield Finding("packages", OK, message)


def check_versions(connection: Connection) -> Iterator[Finding]:
    """Tell the versions of both sides; that they understand each other was checked when the store was opened."""
    from argosy.transport.connection import PROTOCOL_REVISION

    ours, theirs = metadata.version("argosy"), connection.capabilities.server_version
    revision = f"protocol revision {connection.capabilities.protocol_revision}"
    if ours != theirs:
        message = f"client {ours}, server {theirs}, {revision} (client {PROTOCOL_REVISION})"
        yield Finding("versions", WARN, message, "they work together; upgrade the older one when you can")
    else:
        yield Finding("versions", OK, f"{ours} on both sides, {revision}")


def check_answers(connection: Connection) -> Iterator[Finding]:
    """Tell how fast the store answers."""
    seconds = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        connection.blobs.get_capabilities()
        seconds.append(time.perf_counter() - began)
    usual = statistics.median(seconds)
    message = f"{connection.address} answers in {usual * 1000:.1f} ms (store {connection.capabilities.store_id})"
    if usual > SLOW_SECONDS:
        yield Finding("store", WARN, message, "look at the load of the server, and at the network between")
    else:
        yield Finding("store", OK, message)


def check_writes_and_clock(connection: Connection) -> Iterator[Finding]:
    """Open an upload and give it up: the store takes writes, and when it expires tells the clock of the store."""
    from argosy.errors import ArgosyError

    began = time.time()
    try:
        upload = connection.blobs.create_upload()
        ended = time.time()
        connection.blobs.abort_upload(upload.id)
    except ArgosyError as error:
        yield Finding("writes", FAIL, str(error), "see the log of the server")
        return
    yield Finding("writes", OK, f"taken in project {connection.project}")
    lease = connection.capabilities.upload_lease.ToNanoseconds() / 1e9
    theirs = upload.expire_time.ToNanoseconds() / 1e9 - lease
    # What the call took is not the clock's fault.
    off = max(began - theirs, theirs - ended, 0.0)
    if off > MOST_CLOCK_SECONDS:
        message = f"the clock of the store is {off:.0f} s {'behind' if theirs < began else 'ahead of'} this machine's"
        yield Finding("clock", WARN, message, "let both set their clocks by NTP")
    else:
        yield Finding("clock", OK, "the same here and in the store")


def check_ways(connection: Connection) -> Iterator[Finding]:
    """Tell which way bytes go."""
    from argosy.addresses import is_here

    config, direct = connection.config, connection.direct
    if config.is_embedded:
        message = "the store is in this process"
    elif direct is not None:
        message = f"files of the store are {'read and written' if direct.writes else 'read'} directly"
    elif connection.signed is not None:
        message = "large files go to and from the object store, all others through the server"
    elif connection.capabilities.HasField("direct_access") and is_here(config.server):
        cure = "run as the user of the server, or let it share its files, to read them without copying"
        yield Finding("bytes", WARN, "they go through the server, whose files this user cannot read", cure)
        return
    else:
        several = f", large ones over {config.transfer_streams} connections" if config.transfer_streams > 1 else ""
        message = f"they go through the server{several}"
    yield Finding("bytes", OK, message)


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""

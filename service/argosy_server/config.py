"""Settings of a server. The environment is read in one place, the options of ``argosy-server serve`` in ``cli``."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

Durability = Literal["full", "process"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
DEFAULT_DATA = Path("~/.argosy-server")
DEFAULT_LISTEN = "127.0.0.1:50051"
MAX_SECONDS = 100 * 365 * 86400
"""A hundred years: longer waits no clock of the system takes."""


class ConfigError(ValueError):
    """A setting is malformed, or two contradict each other."""


@dataclass(frozen=True)
class StoreConfig:
    """Where metadata and bytes are kept.

    Attributes:
        home: folder of everything that has no place of its own; created with its parents.
        database: URL of the database, ``""`` for SQLite in ``home``.
        blobs: folder or fsspec URL of the bytes, ``""`` for a folder in ``home``.
        durability: ``full`` survives power loss, ``process`` any crash of processes.
        direct_access: whether clients on the same file system may use the files of blobs themselves.
        signed_transfers: whether clients may move large blobs to and from an object store themselves.
    """

    home: Path
    database: str = ""
    blobs: str = ""
    durability: Durability = "full"
    direct_access: bool = False
    signed_transfers: bool = True

    @property
    def database_url(self) -> str:
        """URL of the database."""
        return self.database or f"sqlite:///{quote(os.fsencode(self.home / 'metadata.db'))}"

    @property
    def blobs_url(self) -> str:
        """Folder or URL of the bytes."""
        return self.blobs or str(self.home / "blobs")

    def is_at_the_place_of(self, other: StoreConfig) -> bool:
        """Whether metadata and bytes are where those of another one are."""
        return (self.database_url, self.blobs_url) == (other.database_url, other.blobs_url)

    @property
    def places(self) -> list[str]:
        """The folder, if anything of the store is in it, and where its bytes are."""
        return [self.blobs_url] if self.database and self.blobs else [str(self.home), self.blobs_url]


@dataclass(frozen=True)
class Listen:
    """The address to listen on; port 0 picks a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, option: str = "--listen") -> Listen:
        """Read ``HOST:PORT``, IPv6 hosts in brackets.

        Args:
            text: what was said.
            option: where it was said, for the message.

        Raises:
            ConfigError: it is malformed.
        """
        host, separator, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (separator and host and port.isdecimal() and int(port) < 1 << 16):
            raise ConfigError(f"{option} {text!r} is no address; write HOST:PORT such as {DEFAULT_LISTEN}")
        # The name stands for two addresses, of which one may be taken unnoticed.
        return cls("127.0.0.1" if host == "localhost" else host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def text(self, port: int) -> str:
        """Return the address with the port that was bound."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


@dataclass(frozen=True)
class ServerConfig:
    """Everything ``argosy-server serve`` can be told.

    Attributes:
        store: where metadata and bytes are kept.
        listen: the address to listen on.
        insecure: allow other addresses than loopback although there is no authentication.
        reflection: let clients ask for the contract (grpcurl and the like).
        grace: seconds that calls under way may take to finish when the server stops.
        workers: processes that answer, supervised by one more; 0: this process answers itself.
        max_workers: threads of a process for small calls, and four times as many each for uploads and downloads.
        sweep_interval: seconds between two sweeps; 0 sweeps never.
        max_watchers: how many may watch one process at once.
        log_format: how log lines look.
        log_level: the least level that is logged.
    """

    store: StoreConfig
    listen: Listen
    insecure: bool = False
    reflection: bool = False
    grace: float = 30.0
    workers: int = 0
    max_workers: int = 16
    sweep_interval: float = 600.0
    max_watchers: int = 10_000
    log_format: LogFormat = "console"
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        """Refuse contradictions.

        Raises:
            ConfigError: another address than loopback without ``insecure``, or a time that is no number of seconds.
        """
        for name, seconds in (("--grace", self.grace), ("--sweep-interval", self.sweep_interval)):
            # Said so that it also refuses what is not a number.
            if not 0 <= seconds <= MAX_SECONDS:
                raise ConfigError(f"{name} {seconds:g} is no time to wait; write seconds, at most {MAX_SECONDS}")
        if not (self.listen.is_loopback or self.insecure):
            raise ConfigError(
                f"--listen {self.listen.host} can be reached from other machines, and this version has no "
                "authentication; listen on 127.0.0.1, or say --insecure if the network is yours alone"
            )

    def to_document(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them, for the processes that answer."""
        document = asdict(self)
        return {**document, "store": {**document["store"], "home": str(self.store.home)}}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> ServerConfig:
        """Return the settings of :meth:`to_document`."""
        store = StoreConfig(**{**document["store"], "home": Path(document["store"]["home"])})
        return cls(**{**document, "store": store, "listen": Listen(**document["listen"])})

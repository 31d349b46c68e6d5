"""Both kinds of client go on when the server or the way to it breaks."""

from __future__ import annotations

from tests.contracts.client_faults import ClientFaultsContract, store
from tests.contracts.client_kinds import kind

__all__ = ["kind", "store"]


class TestClientsOnABrokenWay(ClientFaultsContract):
    pass

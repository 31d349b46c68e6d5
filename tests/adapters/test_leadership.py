from __future__ import annotations

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.errors import StorageUnavailable
from tests.backends.postgres import Cluster, connect
from tests.contracts.metadata_leadership import LeadershipContract

END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"


class TestOnEitherDatabase(LeadershipContract):
    pass


def test_who_lost_its_connection_leads_no_longer_and_another_one_does() -> None:
    with Cluster() as cluster:
        url = cluster.new_database()
        first, second = (open_metadata(url, durability="full") for _ in range(2))
        with first.lead() as leads:
            assert leads
            with connect(url, database="postgres") as operator:
                operator.execute(END_SESSIONS, [url.rpartition("/")[2]])
            with second.lead() as follower:
                assert (bool(leads), bool(follower)) == (False, True)
        with first.lead() as leads:
            assert leads
        first.close()
        second.close()


def test_leading_over_a_server_that_is_away_is_refused_with_the_cure() -> None:
    with Cluster() as cluster:
        store = open_metadata(cluster.new_database(), durability="full")
        cluster.stop("immediate")
        with pytest.raises(StorageUnavailable, match="check that the server runs"), store.lead():
            pass
        store.close()

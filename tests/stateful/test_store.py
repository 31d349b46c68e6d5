from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.backends.object_store import new_bucket
from tests.stateful.places import BucketPlace, PostgresqlPlace
from tests.stateful.store_machine import StoreMachine

SEARCH = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(SEARCH, max_examples=8)
"""The machine is shown to have power on SQLite; elsewhere it looks for what is different there."""


class PostgresqlStoreMachine(StoreMachine):
    def new_place(self) -> PostgresqlPlace:
        return PostgresqlPlace()


TestStore = StoreMachine.TestCase
TestStore.settings = SEARCH

TestStoreOnPostgresql = PostgresqlStoreMachine.TestCase
TestStoreOnPostgresql.settings = FEW


def test_a_store_on_postgresql_and_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = new_bucket("versitygw")
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)

    class BucketStoreMachine(StoreMachine):
        def new_place(self) -> BucketPlace:
            return BucketPlace(bucket)

    run_state_machine_as_test(BucketStoreMachine, settings=settings(FEW, max_examples=4))

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.stateful.places import PostgresqlPlace
from tests.stateful.run_machine import RunMachine

SEARCH = settings(max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class PostgresqlRunMachine(RunMachine):
    def new_place(self) -> PostgresqlPlace:
        return PostgresqlPlace()


TestRuns = RunMachine.TestCase
TestRuns.settings = SEARCH

TestRunsOnPostgresql = PostgresqlRunMachine.TestCase
TestRunsOnPostgresql.settings = settings(SEARCH, max_examples=8)

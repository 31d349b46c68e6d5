from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.stateful.run_machine import RunMachine

TestRuns = RunMachine.TestCase
TestRuns.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

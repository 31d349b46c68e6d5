"""The clock of the embedded store stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

import argosy
from argosy.testing import FrozenClock, frozen_clock

NEW_YEAR = datetime(2031, 1, 1, tzinfo=timezone.utc)


@argosy.step(max_age=timedelta(days=1))
def fetch() -> int:
    return 1


@argosy.pipeline(run_name="daily-{date}")
def daily() -> None:
    fetch()


@pytest.mark.usefixtures("argosy_project")
def test_what_is_saved_has_its_time_and_order_is_kept() -> None:
    with frozen_clock(NEW_YEAR) as clock:
        first, second = (argosy.save_artifact(value, "numbers") for value in (1, 2))
        clock.advance(timedelta(days=400))
        third = argosy.save_artifact(3, "numbers")
    assert first.created < second.created < NEW_YEAR + timedelta(milliseconds=1)
    assert NEW_YEAR + timedelta(days=400) <= third.created < NEW_YEAR + timedelta(days=400, milliseconds=1)


@pytest.mark.usefixtures("argosy_project")
def test_what_is_older_than_max_age_is_not_reused() -> None:
    with frozen_clock(NEW_YEAR) as clock:
        runs = [daily()]
        for ahead in (timedelta(hours=23), timedelta(hours=2)):
            clock.advance(ahead)
            runs.append(daily.with_options(run_name="daily-{date}-{time}")())
    assert [run.steps["fetch"].status for run in runs] == ["completed", "cached", "completed"]
    assert runs[2].steps["fetch"].cache_miss == ("expired",)
    assert runs[0].name == "daily-2031-01-01"
    assert runs[2].name.startswith("daily-2031-01-02-01-00-00")


@pytest.mark.usefixtures("argosy_project")
def test_afterwards_time_goes_on_as_it_did() -> None:
    before = datetime.now(timezone.utc)
    with frozen_clock(NEW_YEAR):
        pass
    assert before <= argosy.save_artifact(1, "number").created < NEW_YEAR


@pytest.mark.usefixtures("argosy_project")
def test_after_a_clock_inside_of_its_block_it_stands_where_it_stood() -> None:
    with frozen_clock(NEW_YEAR):
        with frozen_clock(NEW_YEAR + timedelta(days=9)):
            pass
        saved = argosy.save_artifact(1, "number")
    assert NEW_YEAR <= saved.created < NEW_YEAR + timedelta(milliseconds=1)


def test_it_does_not_go_back(argosy_clock: FrozenClock) -> None:
    with pytest.raises(ValueError, match="cannot go back, by 1 day"):
        argosy_clock.advance(-timedelta(days=1))


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="give it a time zone"), frozen_clock(datetime(2031, 1, 1)):
        pass

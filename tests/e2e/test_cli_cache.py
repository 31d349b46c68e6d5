"""``argosy cache list``, ``explain`` and ``evict``, as processes."""

from __future__ import annotations

import os
import pty
import subprocess
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest

import argosy
from tests.e2e.command_line import ARGOSY, as_json, run

EITHER_STORE = pytest.mark.usefixtures("store")
EMBEDDED = pytest.mark.usefixtures("home")


@argosy.step
def load() -> str:
    return "rows"


@argosy.step
def fit(rows: str, rate: float) -> float:
    return rate


@argosy.pipeline
def training(rate: float) -> None:
    fit(load(), rate)


def train(name: str, rate: float = 0.1) -> argosy.PipelineRun:
    return training.with_options(run_name=name)(rate=rate)


@EITHER_STORE
def test_what_may_be_reused_is_listed_with_how_often_it_was() -> None:
    made = train("first")
    train("second")
    rows = as_json("cache", "list")
    assert [(row["step"], row["run"], row["pipeline"], row["hit_count"]) for row in rows] == [
        ("fit", "first", "training", 1),
        ("load", "first", "training", 1),
    ]
    assert (rows[0]["id"], rows[0]["size_bytes"]) == (made.steps["fit"].id, 3)
    assert as_json("cache", "list", "--step", "load") == rows[1:]
    assert as_json("cache", "list", "--pipeline", "another") == []
    shown = run("cache", "list", "--step", "fit").stdout.splitlines()
    assert shown[0].split() == ["STEP", "PIPELINE", "RUN", "ENDED", "HITS", "SIZE", "ID"]
    assert shown[1].split()[:3] == ["fit", "training", "first"]
    more = run("cache", "list", "-n", "1")
    assert more.stderr == "there are more than 1; raise --limit to see them\n"


def test_an_empty_cache_says_where_it_looked(store: str) -> None:
    done = run("cache", "list")
    assert (done.stdout, done.stderr) == ("", f"no step run that may be reused in project default of {store}\n")
    assert as_json("cache", "list") == []


@EITHER_STORE
def test_a_miss_is_explained_in_words() -> None:
    train("first", 0.1)
    train("second", 0.2)
    assert run("cache", "explain", "second", "fit").stdout == (
        "step 'fit' of run 'second' was not taken from cache, compared with run 'first':\n"
        "  - parameter rate changed from 0.1 to 0.2\n"
    )
    digests = run("cache", "explain", "second", "fit", "--digests").stdout.splitlines()[-1].split()
    document = as_json("cache", "explain", "second", "fit")
    (difference,) = document["differences"]
    assert digests == [difference["part"], difference["before"], difference["now"]]
    assert (document["reasons"], document["earlier_run"]) == (["parameter:rate"], "first")


@EMBEDDED
def test_a_hit_and_a_first_run_are_explained() -> None:
    train("first")
    hit = train("second")
    assert run("cache", "explain", hit.id, "fit").stdout == (
        "step 'fit' of run 'second' was taken from cache: run 'first' made its outputs\n"
    )
    assert run("cache", "explain", "first", "load").stdout == (
        "step 'load' of run 'first' was not taken from cache:\n"
        "  - there is no earlier run of this step to compare it with\n"
    )


@EMBEDDED
def test_a_step_or_run_that_does_not_exist_is_told() -> None:
    train("first")
    assert run("cache", "explain", "first", "fitt", code=3).stderr == (
        "argosy: run 'first' has no step 'fitt' (did you mean 'fit'?); it has load, fit\n"
    )
    assert "run 'second' does not exist" in run("cache", "explain", "second", "fit", code=3).stderr


@EITHER_STORE
def test_what_is_evicted_runs_again_and_says_why() -> None:
    train("first")
    done = run("cache", "evict", "--step", "fit", "--yes")
    assert done.stderr == "1 step run will be reused no more\n"
    assert "1 step run of 3 B found; what was made stays" in done.stdout
    again = train("second")
    assert [step.status for step in again.steps.values()] == ["cached", "completed"]
    assert again.steps["fit"].cache_miss == ("evicted",)
    assert run("cache", "explain", "second", "fit").stdout.endswith(
        "  - an earlier run was the same, but was evicted from the cache\n"
    )
    assert argosy.load_artifact("training::fit::output", version=1) == 0.1


@EMBEDDED
def test_a_dry_run_tells_what_would_go_and_evicts_nothing() -> None:
    made = train("first")
    assert run("cache", "evict", "--all", "--dry-run").stdout.endswith(
        "2 step runs of 7 B found; what was made stays\n"
    )
    document = as_json("cache", "evict", made.steps["fit"].id.upper(), "--dry-run")
    assert ([entry["id"] for entry in document["entries"]], document["evicted"]) == ([made.steps["fit"].id], 0)
    assert len(as_json("cache", "list")) == 2


@EMBEDDED
def test_a_name_that_is_misspelt_is_told_with_the_one_that_was_meant() -> None:
    train("first")
    near = "there are none of step 'fitt' (did you mean 'fit'?)\n"
    assert run("cache", "list", "--step", "fitt").stderr.endswith(near)
    assert run("cache", "evict", "--step", "fitt", "--yes").stderr == near
    assert run("cache", "evict", "--step", "fit", "--pipeline", "trainin", "--yes").stderr == (
        "there are none of pipeline 'trainin' (did you mean 'training'?)\n"
    )


@EMBEDDED
def test_an_id_that_is_not_there_is_told() -> None:
    made, other = train("first"), str(uuid4())
    done = run("cache", "evict", made.steps["fit"].id, other, "--yes")
    assert done.stderr == (
        f"{other} is not among the step runs that are meant and may be reused\n1 step run will be reused no more\n"
    )


@EITHER_STORE
def test_all_that_is_said_holds_together() -> None:
    made = train("first")
    assert as_json("cache", "evict", made.steps["load"].id, "--step", "fit", "--yes") == {"entries": [], "evicted": 0}
    assert as_json("cache", "evict", "--ended-before", "1h", "--yes") == {"entries": [], "evicted": 0}
    document = as_json("cache", "evict", "--ended-before", "2999-01-01", "--pipeline", "training", "--yes")
    assert (len(document["entries"]), document["evicted"]) == (2, 2)
    assert as_json("cache", "list") == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "nothing is said about which step runs"),
        (["--all", "--dry-run", "--yes"], "pass one of them"),
        (["--all"], "nobody can be asked here; pass --yes, or --dry-run"),
        (["first"], "'first' is no id of a step run; see `argosy cache list`, or name its step with --step"),
        (["--ended-before", "soon"], "is no moment"),
    ],
    ids=["nothing said", "both", "nobody to ask", "no id", "no moment"],
)
@EMBEDDED
def test_what_cannot_be_meant_is_refused_and_evicts_nothing(arguments: list[str], problem: str) -> None:
    train("first")
    assert problem in " ".join(run("cache", "evict", *arguments, code=2).stderr.split())
    assert len(as_json("cache", "list")) == 2


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 2)], ids=["yes", "no"])
@EMBEDDED
def test_a_person_is_asked(answer: str, left: int) -> None:
    train("first")
    leader, follower = pty.openpty()
    os.write(leader, answer.encode())
    done = subprocess.run(
        [ARGOSY, "cache", "evict", "--all"], stdin=follower, capture_output=True, text=True, check=False
    )
    os.close(leader)
    os.close(follower)
    assert "evict 2 step runs?" in done.stderr
    assert len(as_json("cache", "list")) == left


@EMBEDDED
def test_what_is_made_while_a_person_is_asked_stays() -> None:
    train("first")
    leader, follower = pty.openpty()
    asking = subprocess.Popen([ARGOSY, "cache", "evict", "--all"], stdin=follower, stderr=subprocess.PIPE)
    assert asking.stderr is not None
    with asking, os.fdopen(leader, "wb", buffering=0) as person:
        asked = b""
        while b"?" not in asked and (more := os.read(asking.stderr.fileno(), 4096)):
            asked += more
        assert b"evict 2 step runs?" in asked
        later = train("second", 0.2)
        person.write(b"y\n")
        asking.communicate(timeout=60)
    os.close(follower)
    assert [entry.id for entry in argosy.Client().list_cache()] == [later.steps["fit"].id]


@EITHER_STORE
def test_the_client_lists_explains_and_evicts_as_well() -> None:
    made = train("first", 0.1)
    later = train("second", 0.2)
    client = argosy.Client()
    entries = list(client.list_cache())
    assert [(entry.invocation, entry.run, entry.hit_count) for entry in entries] == [
        ("fit", "second", 0),
        ("fit", "first", 0),
        ("load", "first", 1),
    ]
    assert str(entries[2]) == "step 'load' of run 'first', reused once"
    assert entries[0].ended == later.steps["fit"].ended
    assert list(client.list_cache(step="load", pipeline="training")) == entries[2:]

    found = client.explain_cache(later.id, "fit")
    assert (found.run, found.step, found.status, found.reasons) == ("second", "fit", "completed", ("parameter:rate",))
    assert (found.earlier_run, found.earlier_id) == ("first", made.steps["fit"].id)
    assert [str(item) for item in found.differences] == ["parameter rate changed from 0.1 to 0.2"]

    assert client.explain_cache(later, "fit") == found

    assert client.evict_cache(ids=[]) == 0
    assert client.evict_cache(ids=[uuid4() for _ in range(20_000)]) == 0
    assert client.evict_cache(ids=[entries[0]], ended_before=datetime.now() - timedelta(days=1)) == 0
    assert client.evict_cache(ids=[entries[0], made.steps["load"].id]) == 2
    assert client.evict_cache(ended_before=datetime.now(timezone.utc) + timedelta(days=1), step="fit") == 1
    assert list(client.list_cache()) == []


@EMBEDDED
def test_the_client_refuses_to_guess_what_shall_be_evicted() -> None:
    client = argosy.Client()
    with pytest.raises(argosy.ParameterError, match="nothing is said about which step runs"):
        client.evict_cache()
    with pytest.raises(argosy.ParameterError, match="everything='no' is neither True nor False"):
        client.evict_cache(everything="no")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(argosy.ParameterError, match=r"explain_cache\(run=...\): it is a run, its name or"):
        client.explain_cache(3, "fit")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(argosy.ParameterError, match="step=1"):
        client.list_cache(step=1)  # type: ignore[arg-type]  # the mistake that is told
    with pytest.raises(argosy.ParameterError, match="ended_before='yesterday'"):
        client.evict_cache(ended_before="yesterday")  # type: ignore[arg-type]  # the mistake that is told
    assert client.evict_cache(everything=True) == 0

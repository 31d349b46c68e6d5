"""The benches of scale run and compare; whether a promise is kept is for a quiet machine to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.scale.backends import missing_as_error
from bench.scale.same_name import Round, lines_of
from bench.transfer.line import Line
from bench.transfer.table import are_kept
from tests.backends.missing import missing
from tests.backends.object_store import new_bucket
from tests.backends.postgres import shared_cluster

ROOT = Path(__file__).resolve().parents[2]
LINES = {"many-versions": 20, "workers": 6, "object-store": 5}


@pytest.mark.parametrize("name", LINES)
def test_a_bench_compares_in_a_quick_round(name: str) -> None:
    # Where this is not installed the test is not run.
    if name == "object-store":
        new_bucket("versitygw")
    else:
        shared_cluster()
    command = [sys.executable, "-m", "bench.scale", "--quick", "--json", "--only", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = json.loads(done.stdout)
    assert [line["error"] for line in lines] == [""] * LINES[name], done.stderr
    assert [line["what"] for line in lines if not (line["ours"] and line["theirs"] and line["ratio"] > 0)] == []
    assert done.returncode == (0 if all(line["kept"] for line in lines) else 1)


@pytest.mark.parametrize(
    ("saves", "sql", "kept"),
    [
        pytest.param(650.0, 2000.0, True, id="enough a second"),
        pytest.param(300.0, 400.0, True, id="enough of bare SQL"),
        pytest.param(300.0, 2000.0, False, id="neither"),
    ],
)
def test_saves_under_one_name_keep_their_promise_in_either_way(saves: float, sql: float, kept: bool) -> None:
    assert are_kept(lines_of(0.1, [Round(saves, sql)])) is kept


def test_more_of_a_rate_is_better() -> None:
    assert Line("saves", "bare SQL", ours=[300], theirs=[600], unit="/s", is_rate=True).ratio == 0.5


def test_a_server_that_is_not_installed_is_an_error_that_tells_the_cure() -> None:
    with pytest.raises(RuntimeError, match="versitygw is not there; make versitygw"), missing_as_error():
        missing("s3", "versitygw is not there; make versitygw")

"""Rules of the house that no linter knows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
GENERATED = ("pyclient/argosy/v1/", "clients/go/argosy/v1/", "clients/typescript/src/gen/", "protos/testdata/")
LOCKS = ("clients/typescript/package-lock.json", "clients/go/go.sum", "protos/released.binpb")

# Put together from parts, so that this file does not hold what it looks for.
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "proxy.go" + "lang.org",
    "repo" + ".maven.apache.org",
    "crates" + ".io",
]
MACHINE_PATHS = ["/" + top + "/" for top in ("work", "root", "home/[a-z]", "Users/[A-Za-z]", "private/var")]
FORBIDDEN = re.compile("|".join([*(re.escape(host) for host in HOSTS), *(rf"(?<![\w.]){p}" for p in MACHINE_PATHS)]))


def committed() -> list[str]:
    """Paths of the files of the repository; of all files where it is not one, as in an unpacked archive."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [path for path in done.stdout.split("\0") if path and (ROOT / path).is_file()]
    tops = ("pyclient", "service", "protos", "tests", "bench", "examples", "docs", "tools", "clients")
    found = (path for top in tops for path in (ROOT / top).rglob("*") if path.is_file())
    return [p.relative_to(ROOT).as_posix() for p in found if not {"node_modules", "__pycache__"} & set(p.parts)]


def test_no_file_has_more_than_400_lines() -> None:
    written = [path for path in committed() if not path.startswith(GENERATED) and path not in LOCKS]
    lengths = {path: (ROOT / path).read_bytes().count(b"\n") for path in written}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_generated_python_is_what_the_protos_say() -> None:
    command = [sys.executable, "tools/generate_python.py", "pyclient", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_conformance_vectors_are_what_their_script_makes() -> None:
    command = [sys.executable, "-m", "tools.make_testdata", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = {}
    for path in committed():
        if path.endswith(LOCKS[-1]):
            continue
        text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        if hits := sorted({match.group() for match in FORBIDDEN.finditer(text)}):
            found[path] = hits
    assert found == {}


@pytest.mark.parametrize("text", ["https://files." + HOSTS[1] + "/x", "see /" + "root/.cache", "cd /" + "work/main"])
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert FORBIDDEN.search(text)


def test_continuous_integration_runs_every_target_and_lets_no_backend_be_missing() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert "export ARGOSY_TEST_REQUIRE=postgres,s3,faketime,protoc\n" in script
    targets = re.findall(r"^for targets in (.*); do$", script, re.MULTILINE)
    assert targets == [
        '"backends versitygw frameworks check-static" test "test-clients soak" "test-frameworks test-data-quality"'
    ]
    assert "ARGOSY_TEST_CLIENTS" not in script  # the clients of all languages


def test_what_needs_a_framework_is_run_where_it_may_not_be_missing() -> None:
    named = re.search(r"^FRAMEWORK_TESTS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named is not None
    asks = re.compile(r"^from tests\.unit\.materializers\.frameworks import .*\brequire\b", re.MULTILINE)
    found = {path for path in committed() if path.endswith(".py") and asks.search((ROOT / path).read_text())}
    assert found == set(named[1].split())


@pytest.mark.parametrize(
    ("what", "program"),
    [
        ("postgres", "from tests.backends import postgres; postgres.NEEDED = ['none']; postgres.new_database()"),
        (
            "s3",
            "from tests.backends import object_store as s3; sys.executable = '/none/x'; s3.new_bucket('versitygw')",
        ),
        ("frameworks", "from tests.unit.materializers import frameworks; frameworks.require('none_such')"),
        (
            "data-quality",
            "from tests.e2e import test_data_quality as report; report.PYTHON = report.ROOT / 'x'; report.require()",
        ),
    ],
)
def test_a_backend_that_is_missing_is_told_and_is_a_failure_where_it_is_required(
    what: str, program: str, tmp_path: Path
) -> None:
    code = f"import sys; {program}"
    for required, ends in (("", "Skipped"), (what, "Failed")):
        environment = {**os.environ, "ARGOSY_TEST_REQUIRE": required, "ARGOSY_TEST_POSTGRES": "", "PATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
        )
        assert re.search(rf"{ends}: .*install", done.stderr), done.stderr

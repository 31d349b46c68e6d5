"""The clients by themselves: generated code that is fresh, sources in order, and their own tests, which all pass."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import pytest

from tests.clients.conftest import Programs
from tests.clients.languages import GO, JAVA, OTHERS, ROOT, TYPESCRIPT, run

GO_MODULES = [GO, GO / "parquet", GO / "cmd/conformance", ROOT / "examples/polyglot/go"]


def needs(language: str) -> None:
    """Skip where somebody said which clients to test, and not this one."""
    if language not in OTHERS:
        pytest.skip(f"ARGOSY_TEST_CLIENTS leaves {language} out")


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("language", "client", "generated"),
    [("go", GO, "argosy/v1"), ("typescript", TYPESCRIPT, "src/gen")],
    ids=["go", "typescript"],
)
def test_committed_stubs_are_what_the_protos_say_now(
    language: str, client: Path, generated: str, tmp_path: Path
) -> None:
    needs(language)
    buf = Path(sysconfig.get_path("scripts")) / "buf"
    run([buf, "generate", "--output", tmp_path], client)
    fresh, committed = files_below(tmp_path / generated), files_below(client / generated)
    stale = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
    assert stale == [], "generated code is stale, run `make proto`"


def test_every_proto_says_where_its_code_goes_in_each_language() -> None:
    protos = list((ROOT / "protos/argosy/v1").glob("*.proto"))
    assert {path.name: re.findall(r"^option .*$", path.read_text(), re.MULTILINE) for path in protos} == {
        path.name: [
            'option go_package = "example.com/argosy/clients/go/argosy/v1;argosyv1";',
            "option java_multiple_files = true;",
            # Named after their files they would be taken for messages, and for classes of the client.
            f'option java_outer_classname = "{path.stem.title().replace("_", "")}Proto";',
            'option java_package = "io.argosy.v1";',
        ]
        for path in protos
    }


@pytest.mark.parametrize("module", GO_MODULES, ids=lambda path: path.name)
def test_go_code_is_formatted_vetted_and_passes_its_tests(module: Path) -> None:
    needs("go")
    assert run(["gofmt", "-l", "."], module) == ""
    run(["go", "vet", "./..."], module)
    run(["go", "test", "./..."], module)


def test_typescript_code_passes_its_tests(programs: Programs) -> None:
    needs("typescript")
    programs("typescript")  # compiles, which checks the types
    tests = sorted(path.relative_to(TYPESCRIPT) for path in TYPESCRIPT.glob("dist/tests/*.test.js"))
    assert len(tests) > 3
    run(["node", "--test", *tests], TYPESCRIPT)


def test_java_code_passes_its_tests(programs: Programs) -> None:
    needs("java")
    programs("java")  # compiles them as well
    # The faults and the vectors are other tests here, of all clients.
    run(["mvn", "-q", "-B", "surefire:test", "-Dtest=!ConformanceVectorsTest,!KilledServerTest"], JAVA)
    reports = [path.read_text() for path in JAVA.glob("target/surefire-reports/TEST-*.xml")]
    assert sum(int(tests) for text in reports for tests in re.findall(r'<testsuite [^>]*tests="(\d+)"', text)) > 10

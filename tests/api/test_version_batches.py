"""BatchGetArtifactVersions: many versions in one call, each as GetArtifactVersion would answer or refuse it."""

from __future__ import annotations

from collections.abc import Sequence

from grpc import StatusCode

from argosy.v1 import artifact_service_pb2 as artifacts
from tests.api.calls import create, expect_refusal, get, get_contents, get_many
from tests.api.conftest import Service
from tests.api.past_the_service import flip_first_bit_of

OK = (0, "")
NOT_FOUND = (StatusCode.NOT_FOUND.value[0], "ARTIFACT_NOT_FOUND")
NO_ROOM = (StatusCode.INVALID_ARGUMENT.value[0], "LIMIT_EXCEEDED")
ROW, FILE = b"row", b"file" * 20_000
"""One that is kept in the database, and one that is kept as a file."""
MANY_PATHS = 12_000

MOVES_BYTES = True


def ends(results: Sequence[artifacts.GetArtifactVersionResult]) -> list[tuple[int, str]]:
    return [(result.status.code, result.status.reason) for result in results]


def test_versions_come_as_they_come_alone_in_the_order_they_were_asked_for(stubs: Service, project: str) -> None:
    create(stubs, project, "row", ROW)
    create(stubs, project, "file", FILE)
    results = get_many(stubs, project, "file", "row", "file")
    assert [result.artifact_version for result in results] == [
        get(stubs, project, name=name) for name in ("file", "row", "file")
    ]
    assert [list(result.contents) for result in results] == [[FILE], [ROW], [FILE]]


def test_bytes_come_only_where_they_are_few_enough(stubs: Service, project: str) -> None:
    create(stubs, project, "row", ROW)
    create(stubs, project, "file", FILE)
    results = get_many(stubs, project, "row", "file", most=len(ROW))
    assert [list(result.contents) for result in results] == [[ROW], []]
    assert [list(result.contents) for result in get_many(stubs, project, "row", most=0)] == [[]]


def test_what_is_not_there_malformed_or_damaged_is_told_beside_the_others(stubs: Service, project: str) -> None:
    damaged = project.encode() * 3000
    create(stubs, project, "row", ROW)
    create(stubs, project, "damaged", damaged)
    flip_first_bit_of(stubs, damaged)
    results = get_many(stubs, project, "absent", "row", "a//b", "damaged")
    malformed = (StatusCode.INVALID_ARGUMENT.value[0], "INVALID_FIELD")
    assert ends(results) == [NOT_FOUND, OK, malformed, (StatusCode.DATA_LOSS.value[0], "BLOB_CORRUPT")]
    assert [list(result.contents) for result in results] == [[], [ROW], [], []]
    assert "selectors[2].name" in results[2].status.message


def test_bytes_that_have_no_room_in_the_answer_are_asked_for_alone(stubs: Service, project: str) -> None:
    names = ("one", "two", "three")
    for name in names:
        create(stubs, project, name, name[:1].encode() * (1 << 20))
    create(stubs, project, "row", ROW)
    assert ends(get_many(stubs, project, *names, "absent")) == [OK, OK, NO_ROOM, NOT_FOUND]
    assert get_contents(stubs, project, 1 << 20, name="three") == [b"t" * (1 << 20)]


def test_records_that_have_no_room_in_the_answer_are_asked_for_alone(stubs: Service, project: str) -> None:
    digest = create(stubs, project, "row", ROW).files[0].digest
    request = artifacts.CreateArtifactVersionRequest(project=project, request_id=digest)
    request.spec.name, request.spec.format = "wide", "bytes"
    for number in range(MANY_PATHS):
        request.files.add(path=f"{number:060}", digest=digest)
    stubs.artifacts.CreateArtifactVersion(request)
    assert ends(get_many(stubs, project, "wide", "wide", "wide", "row")) == [OK, OK, NO_ROOM, OK]


def test_versions_of_another_project_are_not_there(stubs: Service, project: str) -> None:
    create(stubs, project, "row", ROW)
    assert ends(get_many(stubs, f"{project}-other", "row")) == [NOT_FOUND]


def test_a_batch_of_nothing_is_refused(stubs: Service, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        get_many(stubs, project)

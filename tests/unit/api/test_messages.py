from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest

from argosy.v1 import artifact_pb2, artifact_service_pb2, pipeline_pb2, step_calls_pb2
from argosy_server.api.messages import artifacts as artifact_messages
from argosy_server.api.messages import pipelines as pipeline_messages
from argosy_server.api.messages.artifacts import parse_new_files, parse_selector, parse_spec, render_version
from argosy_server.api.messages.field_parsing import (
    parse_enum,
    parse_json_map,
    parse_tags,
    parse_text,
    parse_timestamp,
    render_timestamp,
)
from argosy_server.api.messages.page_tokens import query_of
from argosy_server.api.messages.pipelines import parse_error, parse_inputs, render_run, render_step
from argosy_server.domain.artifact import (
    ArtifactFile,
    ArtifactKind,
    ArtifactSpec,
    ArtifactVersion,
    Producer,
    VersionSelector,
)
from argosy_server.domain.errors import InvalidField, LimitExceeded
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import (
    EntryPoint,
    InputKind,
    Run,
    RunError,
    RunState,
    StepAttempt,
    StepRun,
    StepState,
)

ID = "3a92ae32-a764-4420-98ba-07da8f742b76"
DIGEST = Digest("blake3:" + "a" * 64)
NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=timezone.utc)
VERSION = ArtifactVersion(
    id=ID,
    project="p",
    name="weights",
    version="7",
    ordinal=9,
    data_type="numpy:ndarray",
    format="npy",
    materializer="argosy.numpy",
    kind=ArtifactKind.STEP_OUTPUT,
    metadata={"shape": "[3]"},
    tags=("a", "b"),
    aliases=("prod",),
    files=(ArtifactFile("data.npy", DIGEST, 3),),
    file_count=1,
    size=3,
    content_digest=DIGEST,
    created_at=NOON,
    revision=2,
    producer=Producer("run", "step", "training", "fit", "weights", attempt=2),
    deleted=True,
    named=True,
    description="What it is.",
)


def wire_selector(**parts: str) -> artifact_pb2.VersionSelector:
    return artifact_pb2.VersionSelector(**parts)


@pytest.mark.parametrize(
    ("wire", "meanings"),
    [
        (artifact_pb2.ArtifactKind, artifact_messages.KINDS),
        (pipeline_pb2.RunState, pipeline_messages.RUN_STATES),
        (pipeline_pb2.StepState, pipeline_messages.STEP_STATES),
        (pipeline_pb2.InputKind, pipeline_messages.INPUT_KINDS),
    ],
)
def test_every_value_of_an_enum_has_its_meaning_and_the_other_way_round(wire: Any, meanings: dict[int, Enum]) -> None:
    assert set(meanings) == set(wire.values()) - {0}
    assert set(meanings.values()) == set(type(next(iter(meanings.values()))))
    for number, meaning in meanings.items():
        assert wire.Name(number).endswith(f"_{meaning.name}")


def test_a_version_is_rendered_with_everything_it_has() -> None:
    message = render_version(VERSION)
    unset = [field.name for field in message.DESCRIPTOR.fields if not _is_set(message, field.name)]
    assert unset == []
    assert (message.size_bytes, message.etag, message.create_time.ToDatetime(timezone.utc)) == (3, VERSION.etag, NOON)
    assert message.files[0] == artifact_pb2.ArtifactFile(path="data.npy", digest=DIGEST.text, size_bytes=3)
    assert message.producer == artifact_pb2.ArtifactProducer(
        run_id="run", step_run_id="step", pipeline_name="training", invocation="fit", output_name="weights", attempt=2
    )


def test_lists_leave_the_files_out_but_tell_their_number() -> None:
    message = render_version(VERSION, files=False)
    assert (list(message.files), message.file_count) == ([], 1)


def test_a_run_is_rendered_with_everything_it_has_but_tokens() -> None:
    step = StepRun(ID, ID, "fit_2", "fit", StepState.RUNNING, attempt_token="secret", started_at=NOON)
    run = Run(
        id=ID,
        project="p",
        pipeline_name="training",
        name="monday",
        state=RunState.FAILED,
        parameters={"rate": "0.1"},
        error=RunError("builtins:ValueError", "no", "fit"),
        created_at=NOON,
        ended_at=NOON,
        lease_expires_at=NOON,
        cancel_requested=True,
        steps=(step,),
        driver_token="secret",
        entry_point=EntryPoint("train", "training", "/src/train.py", ("--rows", "5")),
    )
    message = render_run(run)
    assert [field.name for field in message.DESCRIPTOR.fields if not _is_set(message, field.name)] == []
    assert b"secret" not in message.SerializeToString()


def test_a_step_tells_its_attempts_and_what_it_waited_for() -> None:
    failed = StepAttempt(1, RunError("builtins:ValueError", "no"), NOON, NOON)
    lost = StepAttempt(2, None, NOON, NOON)
    message = render_step(
        StepRun(
            *(ID, ID, "fit", "fit", StepState.RUNNING),
            started_at=NOON,
            attempt=3,
            attempts=(failed, lost),
            metadata={"rows": "3"},
            upstream=("load", "clean"),
        )
    )
    assert (message.attempt, [attempt.attempt for attempt in message.attempts]) == (3, [1, 2])
    assert [attempt.error.message for attempt in message.attempts if attempt.HasField("error")] == ["no"]
    assert message.attempts[1].end_time.ToDatetime(timezone.utc) == NOON
    assert (dict(message.metadata), list(message.upstream)) == ({"rows": "3"}, ["load", "clean"])


def test_a_step_that_still_runs_has_no_end() -> None:
    message = render_step(StepRun(ID, ID, "fit", "fit", StepState.RUNNING, started_at=NOON))
    assert (message.HasField("start_time"), message.HasField("end_time"), message.HasField("error")) == (
        True,
        False,
        False,
    )


def test_a_spec_is_parsed_whole() -> None:
    wire = artifact_pb2.ArtifactSpec(
        name="weights",
        version="v1",
        data_type="numpy:ndarray",
        format="npy",
        materializer="m",
        kind=artifact_pb2.ARTIFACT_KIND_EXTERNAL,
        metadata={"rows": "3"},
        tags=["b", "a", "b"],
        aliases=["prod", "prod"],
        step_run_id=ID.upper(),
        step_attempt=2,
        unnamed=True,
        description="What it is.",
    )
    spec = parse_spec("spec", wire, Limits())
    assert spec == ArtifactSpec(
        name="weights",
        format="npy",
        version="v1",
        data_type="numpy:ndarray",
        materializer="m",
        kind=ArtifactKind.EXTERNAL,
        metadata={"rows": "3"},
        tags=("a", "b"),
        aliases=("prod",),
        step_run_id=ID,
        step_attempt=2,
        named=False,
        description="What it is.",
    )
    assert {field.name for field in fields(spec)} == {field.name for field in wire.DESCRIPTOR.fields} - {"unnamed"} | {
        "named"
    }


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "spec.name"),
        ({"name": ".."}, "spec.name"),
        ({"name": ID}, "spec.name"),
        ({"format": ""}, "spec.format"),
        ({"format": "a\nb"}, "spec.format"),
        ({"version": "0"}, "spec.version"),
        ({"data_type": "x" * 256}, "spec.data_type"),
        ({"kind": 99}, "spec.kind"),
        ({"tags": [""]}, "spec.tags[0]"),
        ({"aliases": ["12"]}, "spec.aliases"),
        ({"step_run_id": "no"}, "spec.step_run_id"),
        ({"metadata": {"": "1"}}, "spec.metadata key"),
    ],
)
def test_a_bad_spec_names_its_field(parts: dict[str, Any], field: str) -> None:
    sound = {"name": "weights", "format": "npy"} if parts else {}
    with pytest.raises(InvalidField) as caught:
        parse_spec("spec", artifact_pb2.ArtifactSpec(**{**sound, **parts}), Limits())
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "no", "{", "NaN", "Infinity", "-Infinity", "[NaN]", "'a'", "1 2", "[" * 100_000])
def test_what_is_no_json_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="is no JSON document"):
        parse_json_map("metadata", {"key": text}, Limits())


@pytest.mark.parametrize("text", ["1", "1.0", '"text"', "null", "true", "[1, {}]", " 1 ", "1e400", "9" * 5000])
def test_json_documents_stay_the_text_they_are(text: str) -> None:
    assert parse_json_map("metadata", {"key": text}, Limits()) == {"key": text}


def test_an_empty_text_is_allowed_only_where_it_removes_a_key() -> None:
    assert parse_json_map("metadata", {"key": ""}, Limits(), removals=True) == {"key": ""}


def test_too_much_metadata_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="at most 10 are allowed"):
        parse_json_map("metadata", {"key": '"12345678"'}, Limits(max_metadata_bytes=10))
    with pytest.raises(LimitExceeded, match="1001 keys"):
        parse_json_map("metadata", {str(number): "1" for number in range(1001)}, Limits())


def test_too_many_tags_are_refused_by_the_rule_they_break() -> None:
    with pytest.raises(LimitExceeded, match="has 1001 tags; at most 1000 are allowed"):
        parse_tags("tags", map(str, range(1001)), Limits())
    with pytest.raises(LimitExceeded, match="has 11 bytes; at most 10 are allowed"):
        parse_tags("tags", ["t" * 11], Limits(max_metadata_bytes=10))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"id": ID}, VersionSelector(id=ID)),
        ({"id": ID.upper()}, VersionSelector(id=ID)),
        ({"name": "n"}, VersionSelector(name="n")),
        ({"name": "n", "version": "3"}, VersionSelector(name="n", version="3")),
        ({"name": "n", "alias": "prod"}, VersionSelector(name="n", alias="prod")),
        ({"name": "n", "pipeline_name": "t"}, VersionSelector(name="n", pipeline_name="t")),
    ],
)
def test_a_selector_is_an_id_or_a_name_with_at_most_one_refinement(
    parts: dict[str, str], expected: VersionSelector
) -> None:
    assert parse_selector("selector", wire_selector(**parts)) == expected


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "selector"),
        ({"version": "1"}, "selector"),
        ({"id": ID, "name": "n"}, "selector"),
        ({"id": ID, "version": "1"}, "selector.version"),
        ({"id": ID, "alias": "prod"}, "selector.alias"),
        ({"id": ID, "pipeline_name": "t"}, "selector.pipeline_name"),
        ({"name": "n", "version": "1", "alias": "prod"}, "selector"),
        ({"name": "n", "alias": "prod", "pipeline_name": "t"}, "selector"),
        ({"id": "n"}, "selector.id"),
        ({"name": "../n"}, "selector.name"),
        ({"name": "n", "version": "-1"}, "selector.version"),
    ],
)
def test_any_other_selector_is_refused(parts: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_selector("selector", wire_selector(**parts))
    assert caught.value.field == field


def test_an_empty_inline_file_is_a_file_and_a_file_of_nothing_is_not() -> None:
    [file] = parse_new_files("files", [artifact_pb2.NewArtifactFile(path="a", inline_content=b"")])
    assert (file.path, file.digest, file.content) == ("a", None, b"")
    with pytest.raises(InvalidField, match=r"files\[0\]\.inline_content: is missing"):
        parse_new_files("files", [artifact_pb2.NewArtifactFile(path="a")])


def test_inputs_are_one_version_unless_a_list_and_each_name_once() -> None:
    def spec(name: str, *ids: str, is_list: bool = False) -> step_calls_pb2.StepInputSpec:
        return step_calls_pb2.StepInputSpec(
            name=name, kind=pipeline_pb2.INPUT_KIND_EXTERNAL, is_list=is_list, version_ids=ids
        )

    parsed = parse_inputs("inputs", [spec("x", ID), spec("xs", ID, ID, is_list=True)], Limits())
    assert [(one.name, one.kind, len(one.version_ids)) for one in parsed] == [
        ("x", InputKind.EXTERNAL, 1),
        ("xs", InputKind.EXTERNAL, 2),
    ]
    for bad in ([spec("x")], [spec("x", ID, ID)], [spec("x", ID), spec("x", ID)], [spec("", ID)]):
        with pytest.raises(InvalidField):
            parse_inputs("inputs", bad, Limits())
    with pytest.raises(LimitExceeded):
        parse_inputs("inputs", [spec("xs", ID, ID, is_list=True)], Limits(max_files=1))


def test_a_loaded_input_cannot_be_given_at_the_start() -> None:
    spec = step_calls_pb2.StepInputSpec(name="x", kind=pipeline_pb2.INPUT_KIND_LOADED, version_ids=[ID])
    with pytest.raises(InvalidField, match="use one of STEP_OUTPUT, EXTERNAL"):
        parse_inputs("inputs", [spec], Limits())


def test_the_text_of_an_error_is_cut_to_four_kibibytes_at_a_whole_letter() -> None:
    error = parse_error("error", pipeline_pb2.RunError(type="t" * 300, message="漢" * 2000, invocation="fit"))
    assert error is not None
    assert (len(error.type), error.message, error.invocation) == (255, "漢" * (4096 // 3), "fit")
    assert parse_error("error", pipeline_pb2.RunError()) is None


def test_times_survive_the_way_through_a_message() -> None:
    message = artifact_service_pb2.ListArtifactVersionsRequest(created_from=render_timestamp(NOON))
    assert parse_timestamp("created_from", message, "created_from") == NOON
    assert parse_timestamp("created_until", message, "created_until") is None
    assert render_timestamp(NOON.astimezone(timezone(timedelta(hours=5)))) == render_timestamp(NOON)


def test_a_time_that_no_calendar_has_is_refused() -> None:
    message = artifact_service_pb2.ListArtifactVersionsRequest()
    message.created_from.seconds = 1 << 60
    with pytest.raises(InvalidField, match="is no time between the years 1 and 9999"):
        parse_timestamp("created_from", message, "created_from")


def test_an_enum_value_nobody_knows_is_refused_with_those_allowed() -> None:
    with pytest.raises(InvalidField, match="99 is not allowed here; use one of RUNNING"):
        parse_enum("state", 99, {1: RunState.RUNNING})


@pytest.mark.parametrize("text", ["x" * 256, "a\nb", "a\0"])
def test_short_texts_are_short_and_printable(text: str) -> None:
    with pytest.raises(InvalidField):
        parse_text("cache_key", text)


def test_a_query_is_the_list_and_not_the_page() -> None:
    first = artifact_service_pb2.ListArtifactsRequest(project="p", page_size=5)
    second = artifact_service_pb2.ListArtifactsRequest(project="p", page_size=7, page_token="t")
    assert query_of("store", first) == query_of("store", second)
    others = {
        query_of("other", first),
        query_of("store", artifact_service_pb2.ListArtifactsRequest(project="q")),
        query_of("store", artifact_service_pb2.ListArtifactsRequest(project="p", name_contains="x")),
        query_of("store", artifact_service_pb2.ListArtifactVersionsRequest(project="p")),
        query_of("store", first),
    }
    assert len(others) == 5
    assert (second.page_size, second.page_token) == (7, "t")


def _is_set(message: Any, name: str) -> bool:
    return name in {field.name for field, _ in message.ListFields()}

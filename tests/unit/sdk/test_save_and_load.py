"""save_artifact and load_artifact: what comes back, what is recorded, what is refused."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import argosy
from argosy.config import resolve
from argosy.errors import (
    AlreadyExistsError,
    CorruptDataError,
    MaterializerError,
    NotFoundError,
    ParameterError,
    PickleRefusedError,
    UnavailableError,
)
from argosy.execution.context import StepContext, entered_step
from argosy.execution.values.prepared_value import DescriptionWarning, PickleWarning
from argosy.materializers.files import FileSink, FileSource
from argosy.sdk.artifacts import load_artifact, save_artifact
from argosy.sdk.client import Client
from argosy.transport.connection import Connection, connect


def test_the_latest_version_comes_back() -> None:
    save_artifact([1, (2, 3)], "value")
    save_artifact([4, (5,)], "value")
    assert load_artifact("value") == [4, (5,)]


def test_versions_count_up_and_are_found_by_number_text_id_and_alias() -> None:
    first = save_artifact("one", "value", alias="prod")
    save_artifact("two", "value")
    assert (first.version, load_artifact("value", 2)) == ("1", "two")
    for found in (
        load_artifact("value", 1),
        load_artifact("value", "1"),
        load_artifact("value", alias="prod"),
        load_artifact(first.id),
        load_artifact(UUID(first.id)),
    ):
        assert found == "one"


def test_a_label_is_kept_and_used_once() -> None:
    assert save_artifact(1, "value", version="blue").version == "blue"
    assert load_artifact("value", "blue") == 1
    with pytest.raises(AlreadyExistsError, match="blue"):
        save_artifact(2, "value", version="blue")
    assert ([version.load() for version in Client().list_artifact_versions("value")], _next("value")) == ([1], "1")


def _next(name: str) -> str:
    return save_artifact(0, name).version


def test_tags_alias_and_metadata_are_recorded() -> None:
    saved = save_artifact(
        np.arange(6).reshape(2, 3), "array", tags={"b", "a"}, alias="prod", metadata={"shape": "mine", "of": (1, 2.5)}
    )
    assert (saved.tags, saved.aliases) == (("a", "b"), ("prod",))
    assert (saved.metadata["shape"], saved.metadata["of"], saved.metadata["dtype"]) == ("mine", [1, 2.5], "int64")


def test_the_users_metadata_stays_when_none_is_extracted() -> None:
    saved = save_artifact(np.zeros(3), "array", metadata={"origin": "sensor"}, extract_metadata=False)
    assert dict(saved.metadata) == {"origin": "sensor"}


def test_a_large_array_survives_the_stream() -> None:
    array = np.random.default_rng(1).random((800, 900))
    save_artifact(array, "array")
    loaded = load_artifact("array", as_type=np.ndarray)
    assert type(loaded) is np.ndarray
    np.testing.assert_array_equal(array, loaded)


def test_what_an_unknown_name_resembles_is_told() -> None:
    save_artifact(1, "weights")
    with pytest.raises(LookupError, match="weights") as caught:
        load_artifact("wieghts")
    assert caught.type is NotFoundError


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"name": ""}, r"name=\.\.\.\): it is empty"),
        ({"name": "../x"}, r"'\.\.' part"),
        ({"name": "/x"}, r"begins or ends with '/'"),
        ({"name": "a\0b"}, r"control or unprintable"),
        ({"name": "x" * 256}, r"256 characters; at most 255"),
        ({"name": "3a92ae32-a764-4420-98ba-07da8f742b76"}, r"has the form of a UUID"),
        ({"name": 3}, r"a name is a str, not int"),
        ({"version": 0}, r"version=\.\.\.\): '0' is no version number"),
        ({"version": ""}, r"version=\.\.\.\): it is empty"),
        ({"version": -1}, r"'-1' is no version number"),
        ({"version": True}, r"a version is an int or a str, not bool"),
        ({"alias": "7"}, r"alias=\.\.\.\): '7' is not allowed"),
        ({"tags": "prod"}, r"tags='prod' is one text; write tags=\['prod'\]"),
        ({"tags": [1]}, r"tags= holds 1, which is no text"),
        ({"metadata": {"loss": float("nan")}}, r"metadata\['loss'\] is nan, which JSON cannot say"),
        ({"metadata": {"a": {"b": [object()]}}}, r"metadata\['a'\]\['b'\]\[0\] is of type object"),
        ({"metadata": {1: 2}}, r"metadata has the key 1, which is no text; write '1'"),
        ({"metadata": {"a": {1: 2}}}, r"metadata\['a'\] has the key 1"),
        ({"metadata": {"": 2}}, "metadata has an empty key; give it a name"),
        ({"metadata": {"\ud800": 2}}, "metadata holds .* half a surrogate pair"),
        ({"metadata": {"a": ["\ud800"]}}, r"metadata\['a'\]\[0\] holds .* half a surrogate pair"),
        ({"tags": ["\ud800"]}, "tags= holds .* half a surrogate pair"),
        (
            {"metadata": {"a": 1, "log": "x" * 5_000_000}},
            r"metadata has 5000007 bytes as JSON, of which metadata\['log'\] has 5000005; at most 262144 are allowed",
        ),
        ({"metadata": [1]}, r"metadata= takes a dict of text to JSON values, got list"),
    ],
)
def test_a_bad_argument_is_named_and_nothing_is_stored(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ParameterError, match=complaint):
        save_artifact(1, **({"name": "value"} | arguments))
    assert list(Client().list_artifacts()) == []


@pytest.mark.parametrize(
    ("arguments", "options", "complaint"),
    [
        (("value", 1), {"alias": "prod"}, "version and alias each select a version"),
        (("value",), {"alias": "prod", "pipeline_name": "p"}, "alias and pipeline_name each select"),
        (("3a92ae32-a764-4420-98ba-07da8f742b76", 1), {}, "is the id of one version; leave out version"),
        (("value", 0), {}, "version: '0' is no version number"),
        (("",), {}, "name: it is empty"),
        ((7,), {}, "name: a name is a str, not int"),
        (("value",), {"pipeline_name": "/"}, "pipeline_name: "),
    ],
)
def test_selectors_that_cannot_mean_a_version_are_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ParameterError, match=complaint):
        load_artifact(*arguments, **options)


class Opaque:
    """Only pickle can keep it."""

    def __init__(self) -> None:
        self.itself = self


def test_pickle_is_used_with_a_warning_on_the_embedded_store() -> None:
    with pytest.warns(PickleWarning, match="is kept as a pickle") as warned:
        saved = save_artifact(Opaque(), "opaque")
    assert [warning.filename for warning in warned] == [__file__]
    assert saved.format == "cloudpickle"
    assert isinstance(load_artifact("opaque", as_type=Opaque), Opaque)


def test_an_argument_beats_the_client_which_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PickleWarning)
        save_artifact(Opaque(), "opaque", allow_pickle=True)
    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "0")
    with pytest.raises(PickleRefusedError, match="pickle is off"):
        save_artifact(Opaque(), "opaque")
    with pytest.raises(PickleRefusedError, match="pickle is off"):
        load_artifact("opaque")
    assert isinstance(load_artifact("opaque", allow_pickle=True), Opaque)
    assert isinstance(Client(allow_pickle=True).load_artifact("opaque"), Opaque)
    assert [version.version for version in Client().list_artifact_versions("opaque")] == ["1"]


class Words(list[str]):
    """A type of the user's."""


class WordsMaterializer(argosy.Materializer[Words]):
    """Keeps words, but cannot describe or show them."""

    types = (Words,)
    format = "words"

    def save(self, value: Words, files: FileSink) -> None:
        files.write("words.txt", " ".join(value).encode())

    def load(self, files: FileSource, as_type: type[Words] | None) -> Words:
        assert files.paths == ["words.txt"]
        return Words(files.read("words.txt").decode().split())

    def extract_metadata(self, value: Words) -> dict[str, Any]:
        if "undescribable" in value:
            raise RuntimeError("cannot be described")
        return {"count": len(value)}

    def visualize(self, value: Words) -> dict[str, bytes]:
        if "invisible" in value:
            raise RuntimeError("cannot be shown")
        return {"head.txt": value[0].encode()}


def test_a_materializer_of_the_users_own_describes_and_shows_its_values() -> None:
    saved = save_artifact(Words(["a", "b"]), "words")
    assert (saved.metadata["count"], saved.file_count, saved.format) == (2, 2, "words")
    assert load_artifact("words") == ["a", "b"]


def test_previews_can_be_left_out() -> None:
    assert save_artifact(Words(["a"]), "words", include_visualizations=False).file_count == 1


def test_what_cannot_be_described_or_shown_is_kept_with_a_warning() -> None:
    with pytest.warns(DescriptionWarning, match="cannot be described") as warned:
        saved = save_artifact(Words(["undescribable"]), "words", metadata={"mine": 1})
    assert [warning.filename for warning in warned] == [__file__]
    assert dict(saved.metadata) == {"mine": 1}
    with pytest.warns(DescriptionWarning, match="cannot be shown"):
        save_artifact(Words(["invisible"]), "words")
    assert load_artifact("words") == ["invisible"]


def test_a_value_nothing_can_keep_leaves_nothing_behind(home: Path) -> None:
    with pytest.raises(MaterializerError):
        save_artifact((number for number in range(3)), "generator")
    assert list(Client().list_artifacts()) == []
    assert list((home / "blobs").rglob("*.blob")) == []


def test_bytes_damaged_on_disk_are_never_returned(home: Path) -> None:
    save_artifact(np.arange(1 << 20), "array")
    (blob,) = [path for path in (home / "blobs").rglob("*") if path.is_file() and path.stat().st_size > 1 << 22]
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(content)
    with pytest.raises(CorruptDataError):
        load_artifact("array")


@pytest.fixture
def step() -> StepContext:
    connection = connect(resolve())
    run = connection.pipelines.create_run("training").run
    started = connection.pipelines.start_step(run.id, "fit", "fit")
    return StepContext(run.id, started.step_run.id, "training", "fit", "fit")


def _step_run(connection: Connection, step: StepContext) -> Any:
    return connection.pipelines.get_run(step.run_id).steps[0]


def test_inside_a_step_both_are_linked_to_it(step: StepContext) -> None:
    before = save_artifact(1, "before")
    with entered_step(step):
        saved = save_artifact(2, "inside")
        assert load_artifact("before", alias=None) == 1
    assert saved.producer_step_run_id == step.step_run_id
    assert [saved] == step.saved
    assert [("before", before.id)] == [(item.selector.name, item.version_id) for item in step.loaded]
    assert [saved.id] == [version.id for version in _step_run(connect(resolve()), step).saved]


def test_what_goes_to_another_project_is_not_linked(step: StepContext) -> None:
    with entered_step(step):
        saved = Client(project="other").save_artifact(2, "inside")
    assert (saved.producer_step_run_id, step.saved) == (None, [])


def test_a_home_that_is_no_directory_is_named(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(UnavailableError, match=str(home)):
        save_artifact(1, "value")


MEMORY = """
import resource, sys
import numpy as np
from argosy.sdk.artifacts import load_artifact, save_artifact

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

save_artifact(np.ones(8), "warm"); load_artifact("warm")
if sys.argv[1] == "save":
    array = np.ones(192 << 17)
    before = peak()
    save_artifact(array, "big", extract_metadata=False)
    print(peak() - before)
else:
    before = peak()
    array = load_artifact("big")
    print(peak() - before - (array.nbytes >> 20))
"""


def test_memory_does_not_grow_with_the_value() -> None:
    growth = {}
    for what in ("save", "load"):
        command = [sys.executable, "-c", MEMORY, what]
        growth[what] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert growth["save"] < 50, growth
    assert growth["load"] < 50, growth


FORKING = """
import os
from argosy.sdk.artifacts import load_artifact, save_artifact

save_artifact("parent", "value")
child = os.fork()
if child == 0:
    save_artifact("child", "value")
    os._exit(0 if load_artifact("value", 1) == "parent" else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(status, load_artifact("value"), save_artifact("again", "value").version)
"""


def test_a_forked_child_shares_the_embedded_store() -> None:
    command = [sys.executable, "-c", FORKING]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert output.split() == ["0", "child", "3"]

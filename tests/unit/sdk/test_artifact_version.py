"""ArtifactVersion: what it shows, and what it changes in the store."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from argosy.errors import ConflictError, NotFoundError, ParameterError, PreconditionError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.graph.version_ids import version_id_of
from argosy.sdk.artifacts import save_artifact
from argosy.sdk.client import Client


@pytest.fixture
def saved() -> ArtifactVersion:
    return save_artifact({"a": 1}, "value", tags=["t"], alias="prod", metadata={"<k>": "<v>"})


def test_it_shows_what_was_recorded(saved: ArtifactVersion) -> None:
    assert (
        saved.name,
        saved.version,
        saved.project,
        saved.format,
        saved.data_type,
        saved.kind,
    ) == ("value", "1", "default", "json", "builtins:dict", "manual")
    assert (
        saved.tags,
        saved.aliases,
        saved.named,
        saved.deleted,
        saved.producer_run_id,
    ) == (("t",), ("prod",), True, False, None)
    assert saved.file_count == 1
    assert saved.content_digest.startswith("blake3:")
    assert abs(datetime.now(timezone.utc) - saved.created) < timedelta(minutes=1)


def test_it_cannot_be_changed(saved: ArtifactVersion) -> None:
    with pytest.raises(AttributeError):
        saved.name = "other"  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        saved.metadata["k"] = 1  # type: ignore[index]  # what is tested


def test_steps_take_it_for_a_stored_version(saved: ArtifactVersion) -> None:
    assert str(version_id_of(saved)) == saved.id


def test_its_repr_holds_a_line_that_loads_it(saved: ArtifactVersion) -> None:
    assert repr(saved) == "<ArtifactVersion builtins:dict: argosy.load_artifact('value', version=1)>"
    labelled = save_artifact(2, "value", version="blue")
    assert "argosy.load_artifact('value', version='blue')" in repr(labelled)


def test_its_html_escapes_what_users_chose(saved: ArtifactVersion) -> None:
    shown = saved._repr_html_()
    assert "&lt;k&gt;" in shown
    assert "<v>" not in shown


def test_equal_means_the_same_version(saved: ArtifactVersion) -> None:
    again = Client().get_artifact_version("value")
    assert (saved, hash(saved)) == (again, hash(again))
    assert saved != save_artifact({"a": 1}, "value")


def test_it_loads_its_value(saved: ArtifactVersion) -> None:
    assert saved.load() == {"a": 1}
    assert saved.load(as_type=dict) == {"a": 1}


def test_an_alias_moves(saved: ArtifactVersion) -> None:
    newer = save_artifact(2, "value").set_alias("prod")
    assert newer.aliases == ("prod",)
    assert Client().get_artifact_version(saved.id).aliases == ()
    assert Client().load_artifact("value", alias="prod") == 2


def test_tags_are_added_and_removed(saved: ArtifactVersion) -> None:
    assert saved.add_tags("b", "a").tags == ("a", "b", "t")
    assert saved.remove_tags("t", "absent").tags == ("a", "b")


def test_no_tag_is_lost_when_many_add_at_once(saved: ArtifactVersion) -> None:
    threads = [threading.Thread(target=saved.add_tags, args=(f"tag-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = ("t", *(f"tag-{number}" for number in range(4)))
    assert expected == Client().get_artifact_version(saved.id).tags


def test_a_stale_etag_is_refused_by_the_store(saved: ArtifactVersion) -> None:
    saved.add_tags("x")
    connection = Client().connection
    with pytest.raises(ConflictError):
        connection.artifacts.update_artifact_version(saved.id, tags=[], etag=saved._message.etag)


def test_metadata_is_set_by_key_and_tags_as_a_whole(saved: ArtifactVersion) -> None:
    changed = saved.update(tags=["only"], metadata={"accuracy": 0.9})
    assert (changed.tags, changed.metadata["accuracy"], changed.metadata["<k>"]) == (("only",), 0.9, "<v>")
    assert saved.update(metadata={"accuracy": None}).metadata["accuracy"] is None
    with pytest.raises(ParameterError, match="tags='x' is one text"):
        saved.update(tags="x")
    with pytest.raises(ParameterError, match=r"nothing to change; pass tags=, metadata= or description="):
        saved.update()


def test_a_deleted_version_is_gone_but_its_label_stays_taken(saved: ArtifactVersion) -> None:
    with pytest.raises(PreconditionError, match="only by force: the alias 'prod' points at it"):
        saved.delete()
    saved.delete(force=True)
    with pytest.raises(NotFoundError, match="deleted"):
        saved.load()
    assert save_artifact(3, "value").version == "2"


def test_its_files_can_be_had_as_they_are(saved: ArtifactVersion, tmp_path: Path) -> None:
    target = saved.download(tmp_path / "files")
    assert [path.name for path in target.iterdir()] == ["data.json"]
    with pytest.raises(FileExistsError, match=r"data\.json exists already"):
        saved.download(target)
    assert (target / "data.json").exists()

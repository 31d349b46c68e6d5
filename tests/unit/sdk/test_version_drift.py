"""Values whose bytes depend on a library: which it was is recorded, and another one is warned about, or missed."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

import argosy
from argosy.errors import DefinitionError, MaterializerError
from argosy.execution.values.prepared_value import DescriptionWarning
from argosy.materializers.files import FileSink, FileSource
from argosy.materializers.packages import drifted
from argosy.sdk.artifacts import load_artifact, save_artifact

SKLEARN, SKOPS = version("scikit-learn"), version("skops")
ESTIMATOR = LogisticRegression()


def recorded_as(value: object, packages: dict[str, str]) -> argosy.ArtifactVersion:
    return save_artifact(value, "value").update(metadata={"argosy.packages": packages})


def test_the_libraries_that_the_bytes_depend_on_are_recorded_with_their_versions() -> None:
    saved = save_artifact(ESTIMATOR, "model")
    assert saved.metadata["argosy.packages"] == {"scikit-learn": SKLEARN, "skops": SKOPS}


def test_libraries_of_parts_of_a_value_are_recorded_too_and_without_other_facts() -> None:
    saved = save_artifact({"models": [ESTIMATOR]}, "models", extract_metadata=False)
    assert dict(saved.metadata) == {"argosy.packages": {"scikit-learn": SKLEARN, "skops": SKOPS}}


def test_nothing_is_recorded_where_the_bytes_depend_on_no_library() -> None:
    assert dict(save_artifact([1, 2], "numbers", extract_metadata=False).metadata) == {}


def test_loading_with_the_library_it_was_saved_with_warns_of_nothing() -> None:
    save_artifact(ESTIMATOR, "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_artifact("model")


def test_loading_with_another_version_warns_with_both_and_the_cure() -> None:
    recorded_as({"model": ESTIMATOR}, {"scikit-learn": "0.24.2", "skops": SKOPS})
    told = f"'value' version 1 was saved with scikit-learn 0.24.2 and is loaded with {SKLEARN}.*scikit-learn==0.24.2"
    with pytest.warns(argosy.VersionDriftWarning, match=told) as caught:
        load_artifact("value")
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]


@pytest.mark.parametrize(
    ("name", "saved_with", "here", "is_drift"),
    [
        ("torch", "2.1.0", "2.15.0", False),
        ("torch", "1.13.1", "2.15.0", True),
        ("torch", "2.1.0+cu121", "2.1.0", False),
        ("skops", "0.15.1", "0.16.0", True),
        ("skops", "0.16.0", "0.16.2", False),
        ("scikit-learn", "1.8.0", "1.9.1", True),
        ("scikit-learn", "1.9.0", "1.9.1", False),
        ("mine", "unknown", "unknown", False),
        ("mine", "unknown", "1.0", True),
    ],
)
def test_another_major_version_is_drift_and_another_minor_one_where_nothing_is_promised(
    monkeypatch: pytest.MonkeyPatch, name: str, saved_with: str, here: str, is_drift: bool
) -> None:
    monkeypatch.setattr("argosy.materializers.packages.installed_version", lambda _: here)
    assert drifted({name: saved_with}) == ({name: here} if is_drift else {})


class Tree:
    pass


class TreeMaterializer(argosy.Materializer[Tree]):
    types = (Tree,)
    format = "tree"
    packages = ("no-such-library",)

    def save(self, value: Tree, files: FileSink) -> None:
        files.write("tree", b"")

    def load(self, files: FileSource, as_type: type[Tree] | None) -> Tree:
        import no_such_library  # type: ignore[import-not-found]

        made: Tree = no_such_library.tree()
        return made


def test_a_library_that_is_missing_is_named_with_the_version_it_was_saved_with() -> None:
    recorded_as(Tree(), {"no-such-library": "3.1"})
    told = r"No module named 'no_such_library'.*saved with no-such-library 3.1.*pip install 'no-such-library==3.1'"
    with pytest.raises(MaterializerError, match=told):
        load_artifact("value")


@pytest.mark.parametrize("fact", [None, "torch 2", ["torch"], {"torch": 2}])
def test_what_somebody_else_wrote_under_the_name_says_nothing(fact: Any) -> None:
    save_artifact(5, "value").update(metadata={"argosy.packages": fact})
    assert load_artifact("value") == 5


def test_libraries_give_way_to_metadata_of_the_user_that_leaves_no_room() -> None:
    with pytest.warns(DescriptionWarning, match="the libraries that 'model' depends on are not recorded"):
        saved = save_artifact(
            ESTIMATOR, "model", metadata={"log": "x" * (256 * 1024 - len('log""'))}, extract_metadata=False
        )
    assert list(saved.metadata) == ["log"]


@pytest.mark.parametrize(
    ("packages", "cure"), [("torch", r"\('torch',\)"), (["torch"], "a tuple of names"), ((1,), "a tuple")]
)
def test_packages_that_are_no_names_are_refused_where_the_class_is_defined(packages: Any, cure: str) -> None:
    parts = {"types": (Tree,), "format": "tree", "packages": packages}
    with pytest.raises(DefinitionError, match=f"Odd.packages .*{cure}"):
        type("Odd", (TreeMaterializer,), parts)

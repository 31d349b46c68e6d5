from __future__ import annotations

from blake3 import blake3

from argosy_server.domain.artifact import ArtifactFile, VersionSelector, content_digest
from argosy_server.domain.identifiers import Digest

ONE = Digest("blake3:" + "1" * 64)
TWO = Digest("blake3:" + "2" * 64)


def test_the_content_digest_is_the_documented_one_whatever_the_order_of_files() -> None:
    files = [ArtifactFile("b", TWO, 2), ArtifactFile("a", ONE, 1)]
    expected = blake3(f"a\0{ONE}\nb\0{TWO}\n".encode()).hexdigest()
    assert content_digest(files).text == f"blake3:{expected}"
    assert content_digest(reversed(files)) == content_digest(files)


def test_previews_do_not_count_as_content() -> None:
    files = [ArtifactFile("a", ONE, 1)]
    assert content_digest([*files, ArtifactFile(".argosy/visualizations/head.html", TWO, 2)]) == content_digest(files)


def test_a_selector_says_what_it_looks_for() -> None:
    assert str(VersionSelector(name="weights", alias="prod")) == "artifact 'weights' of alias 'prod'"

"""Several filters at once find what each of them finds, in one order, whichever of them the database begins with."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from argosy_server.adapters.metadata.artifacts import version_finders, version_lists
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.paging import PageRequest
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import SPEC, completed_run, save

COUNT = 8


def pages(store: MetadataStore, size: int, **how: Any) -> list[str]:
    """Return the ids of all pages."""
    found: list[str] = []
    page = PageRequest(size=size)
    while True:
        with store.read() as tx:
            got = tx.artifacts.list_versions("p", page, **how)
        found += [version.id for version in got.rows]
        if not got.last:
            return found
        page = replace(page, after=got.last)


@pytest.mark.parametrize(
    ("near", "few", "many"),
    [
        pytest.param(1, 1, 3, id="many of most"),
        pytest.param(1, 3, 100, id="few of most"),
        pytest.param(100, 1, 3, id="all near"),
    ],
)
def test_every_set_of_filters_finds_what_each_of_them_finds(
    store: MetadataStore, monkeypatch: pytest.MonkeyPatch, near: int, few: int, many: int
) -> None:
    monkeypatch.setattr(version_lists, "NEAR", near)
    monkeypatch.setattr(version_finders, "FEW", few)
    for module in (version_finders, version_lists):
        monkeypatch.setattr(module, "MANY", many)
    made: list[ArtifactVersion] = []
    for number in range(COUNT):
        facts = {"half": str(number % 2), "third": str(number % 3)}
        spec = replace(SPEC, name=f"name-{number % 2}", tags=(f"tag-{number % 4}",), metadata=facts)
        made.append(save(store, spec))
    made.append(completed_run(store, pipeline="training"))
    first, last = made[2].created_at, made[-2].created_at
    filters: list[tuple[dict[str, Any], Callable[[ArtifactVersion], bool]]] = [
        ({"name": "name-1"}, lambda version: version.name == "name-1"),
        ({"tag": "tag-1"}, lambda version: "tag-1" in version.tags),
        ({"metadata": {"half": "1", "third": "0"}}, lambda one: dict(one.metadata) == {"half": "1", "third": "0"}),
        ({"pipeline_name": "training"}, lambda version: version.producer is not None),
        ({"created_from": first}, lambda version: version.created_at >= first),
        ({"created_until": last}, lambda version: version.created_at < last),
    ]
    for chosen in itertools.chain.from_iterable(itertools.combinations(filters, size) for size in range(4)):
        how = {key: value for filter_, _ in chosen for key, value in filter_.items()}
        is_by_time = not how.keys().isdisjoint({"created_from", "created_until"})
        # Clocks may go back a little, and whoever asks for a time goes by them.
        in_order = sorted(made, key=lambda version: version.created_at) if is_by_time else made
        wanted = [version.id for version in in_order if all(passes(version) for _, passes in chosen)]
        assert pages(store, 3, oldest_first=True, **how) == wanted, how
        assert pages(store, 3, **how) == wanted[::-1], how

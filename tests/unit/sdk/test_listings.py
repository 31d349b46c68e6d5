"""Lists of a client: iterators that a notebook shows as tables."""

from __future__ import annotations

from typing import Any

import argosy
from argosy import Client, pipeline, save_artifact, step
from argosy.execution.views.listing import Listing


@step
def add(left: int = 1) -> int:
    return left + 1


@pipeline(run_name="<monday>")
def adding() -> None:
    add()


def test_a_list_is_shown_as_a_table_of_its_first_items_and_yields_them_all_the_same() -> None:
    for number in range(25):
        save_artifact(number, "value", tags=["<i>"])
    versions = Client().list_artifact_versions("value")
    shown = versions._repr_html_()
    assert shown.count("<tr>") == 1 + 20
    assert '<td style="text-align:left">&lt;i&gt;</td>' in shown
    assert shown.endswith("<div>and more versions</div></div>")
    assert shown == versions._repr_html_()
    assert [version.version for version in versions] == [str(number) for number in range(25, 0, -1)]
    assert versions._repr_html_() == "<div>no versions</div>"
    assert repr(versions) == "<versions, one after the other: list(...) or a loop takes them>"


def test_every_list_has_a_table() -> None:
    save_artifact([1.0], "value")
    adding.with_options(name="adding", run_name="&monday")()
    client = Client()
    lists: dict[str, Listing[Any]] = {
        "list_artifacts": client.list_artifacts(),
        "list_artifact_versions": argosy.list_artifact_versions(),
        "list_runs": client.list_runs(),
        "list_pipelines": client.list_pipelines(),
        "list_cache": client.list_cache(),
    }
    assert lists.keys() == {name for name in dir(client) if name.startswith("list_")}
    assert all("</tbody>" in listing._repr_html_() for listing in lists.values())
    assert "&amp;monday" in lists["list_runs"]._repr_html_()

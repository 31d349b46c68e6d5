from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from argosy.execution.records.lineage import MAX_SHOWN_ARROWS, MAX_SHOWN_NODES
from argosy.execution.views.lineage_drawing import draw
from tests.unit.execution.lineages import ATTEMPTS, CHAIN, CYCLE, lineage_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"]:::x --> y["',
    "a|b",
    "`${x}` %%{init: {}}%%",
    "&amp;#34;",
    "end",
    "größe 表 🚀",
    "x" * 255,
]


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_mermaid_joins_versions_and_steps_in_the_direction_of_time() -> None:
    lines = lineage_of("model", CHAIN[:3], deleted="table").to_mermaid().splitlines()
    assert [line.strip() for line in lines if "classDef" not in line] == [
        "flowchart LR",
        'n0["model<br/>version 1, json"]:::root',
        'n1["table<br/>version 1, json, deleted"]:::deleted',
        'n2["settings<br/>version 1, json"]:::version',
        'n3("fit<br/>run run-1"):::step',
        'n3 -->|"output"| n0',
        'n1 -->|"x"| n3',
        'n2 -.->|"settings (loaded)"| n3',
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_out_of_a_mermaid_text(name: str) -> None:
    lines = lineage_of(name, [(name, name, "external", name)]).to_mermaid().splitlines()
    version, step, line = (line.strip() for line in lines[1:4])
    assert version.startswith('n0["')
    assert version.endswith('<br/>version 1, json"]:::root')
    assert step.startswith('n1("')
    assert step.endswith('<br/>run run-1"):::step')
    assert line.startswith('n0 -->|"')
    assert line.endswith('"| n1')
    label = line.removeprefix('n0 -->|"').removesuffix(' (external)"| n1')
    assert not set(label) & set("<>\"'`|[]{}%&\\")


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_out_of_an_svg_or_of_a_notebook(name: str) -> None:
    lineage = lineage_of(name, [(name, name, "external", name)])
    picture = ElementTree.fromstring(lineage.to_svg())
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} == {
        "svg",
        "title",
        "defs",
        "marker",
        "path",
        "g",
        "rect",
        "text",
    }
    shown = [text.rstrip("…") for text in texts(lineage.to_svg())]
    assert name.startswith(shown[0])
    assert "<script" not in lineage._repr_html_()


def test_an_svg_tells_each_version_and_step_and_is_as_large_as_its_boxes() -> None:
    svg = lineage_of("model", CHAIN).to_svg()
    assert [text for text in texts(svg) if not text.startswith(("version", "run"))] == [
        "model",
        "table",
        "settings",
        "raw",
        "score",
        "fit",
        "clean",
        "evaluate",
    ]
    picture = ElementTree.fromstring(svg)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    for box in picture.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height


def test_control_characters_which_xml_cannot_have_are_replaced() -> None:
    svg = lineage_of("a\x00b\x1b", []).to_svg()
    assert texts(svg)[0] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"


def test_a_notebook_shows_a_picture_unless_nobody_could_read_it() -> None:
    assert "<svg" in lineage_of("model", CHAIN)._repr_html_()
    assert "There is more" in replace(lineage_of("model", CHAIN), truncated=True)._repr_html_()
    assert "%% there is more" in replace(lineage_of("model", CHAIN), truncated=True).to_mermaid()
    many = lineage_of("model", [("model", f"step_{number}", "external", "x") for number in range(MAX_SHOWN_NODES)])
    assert (
        many._repr_html_() == "<p>&lt;Lineage of model 1: 1 versions, 400 steps&gt;; <code>to_svg()</code> draws it</p>"
    )


def test_a_picture_of_steps_that_use_all_that_came_before_stays_small_and_out_of_notebooks() -> None:
    versions = [f"v{number}" for number in range(100)]
    edges = [
        edge
        for number, version in enumerate(versions)
        for edge in [
            (version, f"s{number}", "returned", "output"),
            *((earlier, f"s{number}", "step_output", "xs") for earlier in versions[:number]),
        ]
    ]
    lineage = lineage_of(versions[-1], edges)
    assert len(edges) > MAX_SHOWN_ARROWS
    assert len(lineage.to_svg()) < 300 * len(edges)
    assert "<svg" not in lineage._repr_html_()
    ElementTree.fromstring(lineage.to_svg())


def test_cached_runs_that_agree_are_drawn_as_one_step() -> None:
    """Those of a pipeline that runs every night; one that was given something else stays apart."""
    nights = [f"fit@{night}" for night in range(100)]
    edges = [("model", "fit", "returned", "output"), ("data", "fit", "external", "x")]
    for night in nights:
        edges += [("model", night, "reused", "output"), ("data", night, "external", "x")]
    edges += [("model", "fit@other", "reused", "output"), ("copy", "fit@other", "external", "x")]
    steps = [box for box in draw(lineage_of("model", edges, cached=True)).boxes if box.kind == "step"]
    assert [box.detail for box in steps] == ["run run-1", "cached in 100 runs of training", "run run-1, cached"]


def test_attempts_of_a_step_are_drawn_apart() -> None:
    steps = [box for box in draw(lineage_of("part", ATTEMPTS)).boxes if box.kind == "step"]
    assert [box.detail for box in steps] == ["run run-1", "run run-1, attempt 2"]


def test_a_cycle_is_drawn() -> None:
    shown = [text for text in texts(lineage_of("a", CYCLE).to_svg()) if not text.startswith(("version", "run"))]
    assert sorted(shown) == ["a", "b", "f"]

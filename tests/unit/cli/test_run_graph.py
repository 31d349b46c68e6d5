"""``argosy run graph``: the steps of a run as a tree, as Mermaid and as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import argosy
from tests.unit.cli.conftest import CommandLine


@argosy.step
def load() -> int:
    return 1


@argosy.step
def fit(rows: int, more: int) -> int:
    return rows + more


@argosy.step
def check(model: int) -> None:
    if model:
        raise ValueError("no <good> model")


@argosy.step
def report() -> None:
    pass


@argosy.pipeline
def training() -> None:
    rows = load()
    model = fit(rows, rows)
    report.with_options(after=[check(model)])()


@pytest.fixture
def name() -> str:
    training_named = training.with_options(run_name="first")
    with pytest.raises(ValueError, match="no <good> model"):
        training_named()
    return "first"


def test_a_tree_for_people(typed: CommandLine, name: str) -> None:
    lines = typed("run", "graph", name).stdout.splitlines()
    assert [[word for word in line.split() if word.isalpha()][:2] for line in lines] == [
        ["load", "completed"],
        ["fit", "completed"],
        ["check", "failed"],
        ["report", "skipped"],
    ]


def test_mermaid_has_a_box_for_each_step_and_an_arrow_named_by_the_inputs(typed: CommandLine, name: str) -> None:
    lines = [line.strip() for line in typed("run", "graph", name, "-o", "mermaid").stdout.splitlines()]
    assert lines[0] == "flowchart LR"
    assert [line.partition("<br/>")[0] for line in lines if line.startswith("n") and "(" in line] == [
        'n0("load',
        'n1("fit',
        'n2("check',
        'n3("report',
    ]
    assert [line.rpartition(":::")[2] for line in lines if ":::" in line] == [
        "completed",
        "completed",
        "failed",
        "waiting",
    ]
    assert [line for line in lines if "->" in line] == ['n0 -->|"rows, more"| n1', 'n1 -->|"model"| n2', "n2 -.-> n3"]
    assert {line.split()[1] for line in lines if line.startswith("classDef")} >= {"completed", "failed", "waiting"}


def test_svg_is_a_picture_of_all_steps(typed: CommandLine, name: str) -> None:
    root = ElementTree.fromstring(typed("run", "graph", name, "-o", "svg").stdout)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"load", "fit", "check", "report"} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) == 4


def test_a_run_that_is_not_there_is_told_with_those_like_it(typed: CommandLine, name: str) -> None:
    assert "did you mean 'first'?" in typed("run", "graph", "frist", code=3).stderr

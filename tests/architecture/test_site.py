"""The site that ``make docs`` builds holds together, and its picture shows what ``make demo`` runs."""

from __future__ import annotations

import html
import itertools
import re
from pathlib import Path

import pytest

import argosy
import argosy.errors
from tools.make_picture import COMMANDS, PICTURE
from tools.site import python_pages
from tools.site.command_pages import helps
from tools.site.hooks import _FETCHED
from tools.site.links import PAGES_ELSEWHERE, links_of_site

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / path for path in sorted(PAGES_ELSEWHERE))]


def test_the_picture_shows_the_commands_of_make_demo_and_how_they_end() -> None:
    shown = re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", "", PICTURE.read_text())))
    recipe = re.search(r"^demo: \$\(DEMO\).*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    assert re.findall(r"\$\(BIN\)/(.*)", recipe[1]) == list(COMMANDS)
    assert [command for command in COMMANDS if f"$ {command}" not in shown] == []
    assert shown.count("Run completed in") == sum(command.startswith("python ") for command in COMMANDS)


def test_the_picture_fetches_nothing_from_elsewhere() -> None:
    assert re.findall(r"(?:href|src|url)\W+https?:[^\s>]*", PICTURE.read_text()) == []


@pytest.mark.parametrize("program", ["argosy", "argosy-server"])
def test_the_reference_has_each_command_with_its_options(program: str) -> None:
    found = dict(helps(program))
    assert next(iter(found)) == program
    groups = [name for name in found if any(other.startswith(f"{name} ") for other in found)]
    assert all("--help" in told for told in found.values())
    for group in groups:
        below = {name.removeprefix(f"{group} ") for name in found if name.startswith(f"{group} ")}
        listed = set(re.findall(r"^  ([a-z]+)\b", found[group].partition("Commands:\n")[2], re.MULTILINE))
        assert listed == {name for name in below if " " not in name}


def test_each_error_is_a_name_of_the_module_that_the_reference_says() -> None:
    page = python_pages.pages()["reference/errors.md"]
    (others,) = re.findall(r"but for (.*): those are names of `argosy\.errors`", page)
    named = re.findall(r"── (\w+)", page)
    assert len(named) > 20
    assert [name for name in named if name not in argosy.__all__] == re.findall(r"`(\w+)`", others)
    assert [name for name in named if not hasattr(argosy.errors, name)] == []


def test_a_link_to_a_page_leads_there_and_one_to_a_program_is_its_path() -> None:
    assert links_of_site("[Go](../clients/go), [a](caching.md#options)", "services.md") == (
        "[Go](clients/go.md), [a](caching.md#options)"
    )
    assert links_of_site("[history](docs/caching.md)", "changelog.md") == "[history](caching.md)"
    assert links_of_site("[settings](../README.md#settings)", "artifacts.md") == "[settings](reference/settings.md)"
    assert links_of_site("[a day](../examples/bad_day.py)", "failures.md") == "a day (`examples/bad_day.py`)"
    assert links_of_site("[gone](../gone.md)", "failures.md") == "[gone](../gone.md)"  # which MkDocs refuses
    assert links_of_site("```\n[x](../README.md)\n```", "failures.md") == "```\n[x](../README.md)\n```"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_headings_form_a_hierarchy_below_one_title(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [(level, below) for level, below in itertools.pairwise(levels) if below > level + 1] == []


def test_pages_that_lie_elsewhere_are_there() -> None:
    assert [path for path in PAGES_ELSEWHERE if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize(
    ("tag", "is_fetched"),
    [
        ('<script src="https://a.example/x.js">', True),
        ('<link rel="stylesheet" href="//a.example/x.css">', True),
        ('<a href="https://a.example">', False),
        ('<script src="assets/x.js">', False),
    ],
)
def test_what_a_reader_would_fetch_from_elsewhere_is_seen(tag: str, is_fetched: bool) -> None:
    assert bool(_FETCHED.search(tag)) == is_fetched

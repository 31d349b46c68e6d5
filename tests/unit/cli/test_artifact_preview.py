"""``argosy artifact preview``: texts in the terminal, everything else as a file."""

from __future__ import annotations

import base64
import json
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import argosy
from argosy.cli.artifact import preview
from argosy.cli.artifact.page_text import print_page
from argosy.materializers.files import FileSink, FileSource
from argosy.materializers.previews.arrays import array_previews
from argosy.materializers.previews.frames import head_as_html
from argosy.materializers.previews.page import page
from tests.unit.cli.conftest import CommandLine
from tests.unit.sdk.foreign_files import save_files

TEXT_TYPE = str(pd.Series(["a"]).dtype)
"""Another one before pandas 3."""


def test_texts_are_printed(typed: CommandLine) -> None:
    argosy.save_artifact({"a": [1, 2]}, "settings")
    assert json.loads(typed("artifact", "preview", "settings").stdout) == {"a": [1, 2]}


def test_the_version_is_chosen_as_everywhere(typed: CommandLine) -> None:
    argosy.save_artifact("first", "text", alias="prod")
    argosy.save_artifact("second", "text")
    assert typed("artifact", "preview", "text").stdout == "second\n"
    assert typed("artifact", "preview", "text", "--alias", "prod").stdout == "first\n"
    assert typed("artifact", "preview", "text", "data.txt", "--version", "1").stdout == "first\n"


def test_an_image_becomes_a_file_whose_path_is_printed(typed: CommandLine, tmp_path: Path) -> None:
    version = argosy.save_artifact(np.zeros((20, 20), np.uint8), "scans/left")
    path = Path(typed("artifact", "preview", "scans/left").stdout.removesuffix("\n"))
    assert path.parts[-4:] == ("previews", "default", "scans_left-1", "image.png")
    assert path.read_bytes() == version.preview().content
    assert typed("artifact", "preview", "scans/left").stdout == f"{path}\n"  # as often as one likes


def test_a_page_becomes_a_file_in_which_nothing_runs(typed: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<script>alert(1)</script>")
    argosy.save_artifact(tmp_path / "report.html", "report")
    page = Path(typed("artifact", "preview", "report").stdout.removesuffix("\n")).read_text()
    assert "<iframe sandbox " in page
    around, _, _ = page.partition("<iframe")
    assert "frame-src 'none'" in around  # no link leads the frame to another address, where no policy would be left
    assert "<script>" not in page


def test_an_svg_becomes_a_page_that_shows_it_as_an_image_for_a_document_of_its_own_would_run_its_scripts(
    typed: CommandLine, tmp_path: Path
) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="fetch(1)"><script>alert(1)</script></svg>'
    (tmp_path / "plot.svg").write_text(svg)
    argosy.save_artifact(tmp_path / "plot.svg", "plot")
    path = Path(typed("artifact", "preview", "plot").stdout.removesuffix("\n"))
    assert path.name == "plot.svg.html"
    page = path.read_text()
    assert f'<img alt="plot.svg" style="max-width:100%" src="{svg_address(svg)}">' in page
    assert "content=\"default-src 'none';" in page
    assert "script" not in page
    assert typed("artifact", "preview", "plot", "--to", "-").stdout == svg


def svg_address(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def test_what_is_of_no_kind_that_is_shown_is_written_only_where_one_says(typed: CommandLine, home: Path) -> None:
    page = b"<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>"
    save_files("poll", "poll", {"votes.bin": b"7", ".argosy/previews/page.xhtml": page})
    refused = typed("artifact", "preview", "poll", code=2)
    assert "'page.xhtml' is of no kind that is shown" in refused.stderr
    assert not (home / "previews").exists()
    assert typed("artifact", "preview", "poll", "--to", "-").stdout == page.decode()


def test_a_page_says_that_its_scripts_do_not_run_and_lets_them_where_that_was_asked_for(typed: CommandLine) -> None:
    argosy.save_artifact(argosy.HTMLString("<p>still</p>"), "still")
    argosy.save_artifact(argosy.HTMLString("<script>draw()</script>"), "report")
    assert "scripts" not in typed("artifact", "preview", "still").stderr
    assert typed("artifact", "preview", "report").stderr.endswith("its scripts do not run there: --scripts lets them\n")
    run = typed("artifact", "preview", "report", "--scripts")
    assert run.stderr.endswith("open it in a browser or viewer\n")
    assert '<iframe sandbox="allow-scripts" ' in Path(run.stdout.removesuffix("\n")).read_text()


def test_scripts_are_of_pages_that_are_not_written_as_they_are(typed: CommandLine, tmp_path: Path) -> None:
    argosy.save_artifact("text", "text")
    assert "only pages (text/html) have scripts" in typed("artifact", "preview", "text", "--scripts", code=1).stderr
    written = typed("artifact", "preview", "text", "--scripts", "--to", tmp_path / "x", code=2)
    assert "leave --to and --list out" in written.stderr
    assert "leave --to and --list out" in typed("artifact", "preview", "text", "--scripts", "--list", code=2).stderr


def test_a_preview_is_written_as_it_is_where_one_says(typed: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<script>alert(1)</script>")
    argosy.save_artifact(tmp_path / "report.html", "report")
    target = tmp_path / "copy.html"
    assert typed("artifact", "preview", "report", "--to", target).stdout == f"{target}\n"
    assert target.read_text() == "<script>alert(1)</script>"
    assert typed("artifact", "preview", "report", "--to", "-").stdout == "<script>alert(1)</script>"


def test_a_file_that_is_there_is_not_replaced_unless_that_is_said(typed: CommandLine, tmp_path: Path) -> None:
    argosy.save_artifact("new", "text")
    target = tmp_path / "mine.txt"
    target.write_text("mine")
    assert "is there already; pass --overwrite" in typed("artifact", "preview", "text", "--to", target, code=2).stderr
    assert target.read_text() == "mine"
    typed("artifact", "preview", "text", "--to", target, "--overwrite")
    assert target.read_text() == "new"


def test_a_file_that_finds_no_room_is_named_and_not_left_behind(typed: CommandLine, tmp_path: Path) -> None:
    argosy.save_artifact(argosy.HTMLString("<p>" * (1 << 20)), "report")
    target = tmp_path / "report.html"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    try:
        refused = typed("artifact", "preview", "report", "--to", str(target), code=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (refused.stderr, target.exists()) == (f"argosy: File too large: {target}\n", False)


def test_paths_are_listed_and_a_wrong_one_is_answered_with_them(typed: CommandLine) -> None:
    argosy.save_artifact(np.zeros((20, 20), np.uint8), "image")
    assert typed("artifact", "preview", "image", "--list").stdout == "image.png\narray.html\n"
    wrong = typed("artifact", "preview", "image", "image.jpg", code=3)
    assert "its previews are 'image.png', 'array.html'" in wrong.stderr
    assert "leave PREVIEW and --to out" in typed("artifact", "preview", "image", "x", "--list", code=2).stderr


def test_a_value_without_preview_says_so(typed: CommandLine) -> None:
    argosy.save_artifact(b"\0", "bytes")
    assert "'bytes' version 1 has no preview" in typed("artifact", "preview", "bytes", code=3).stderr
    assert typed("artifact", "preview", "bytes", "--list").stdout == ""


@pytest.mark.parametrize("name", ["../../up", "/root", "..", ".hidden"])
def test_no_name_leads_out_of_the_folder_of_previews(name: str, tmp_path: Path) -> None:
    from argosy.v1.artifact_pb2 import ArtifactVersion

    place = preview._place(tmp_path, ArtifactVersion(project=name, name=name, version=name), name)
    assert place.resolve().relative_to(tmp_path.resolve()).parts[0] == "previews"
    assert len(place.relative_to(tmp_path).parts) == 4


def test_on_a_terminal_a_table_is_a_table_and_its_histograms_are_bars(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"\x1b[31mrate": [0.0, 0.0, 0.0, 23.0], "city": ["<b>Oslo</b>", "Paris", "Paris", "Paris"]})
    print_page(head_as_html(frame).decode(), 100)
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == [
        "",
        "4 rows \N{MULTIPLICATION SIGN} 2 columns",
        r"   \x1b[31mrate  city",
        "0             0  <b>Oslo</b>",
        "1             0  Paris",
        "2             0  Paris",
        "3            23  Paris",
        "",
        "columns",
        "              type     missing  spread                      min  mean  median  max",
        r"\x1b[31mrate  float64        0  █                      ▃      0  5.75       0   23",
        f"city          {TEXT_TYPE:<6}         0  Paris 75%, <b>Oslo</b> 25%    ·     ·       ·    ·",
    ]


def test_on_a_terminal_a_picture_is_left_out_with_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    page = array_previews(np.eye(40))["array.html"].decode()
    assert "as shades of grey" in page
    print_page(page, 100)
    assert [line for line in capsys.readouterr().out.splitlines() if line and line[0].isalpha()] == [
        "in numbers",
        "min   mean  median  max     std",
        "first values",
    ]


def test_on_a_terminal_what_has_no_room_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_page(head_as_html(pd.DataFrame(np.zeros((3, 40)))).decode(), 20)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(len(line) for line in lines if line.startswith("0")) <= 20
    assert [line for line in lines if line.startswith("…")] == ["… 15 more columns", "… 5 more columns, 15 more rows"]


def test_on_a_terminal_the_title_and_the_type_of_a_column_stand_apart(capsys: pytest.CaptureFixture[str]) -> None:
    print_page("<table><tr><th>rate<br><span>Int64</span></th></tr><tr><td>1</td></tr></table>", 100)
    assert capsys.readouterr().out.splitlines() == ["rate Int64", "         1"]


@pytest.mark.parametrize(
    "content",
    [
        "<img src=x>",
        '<svg><path d="M1 9v-0h1"/></svg>',
        '<svg><path d="M9999999999 9v-5h0"/></svg>',
        f'<svg><path d="M{"9" * 5000} 9v-5h0"/></svg>',
    ],
    ids=["picture first", "no height", "far away", "not even a number"],
)
def test_on_a_terminal_a_page_that_only_begins_like_ours_is_shown_as_far_as_it_is(
    content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_page(page(content, "<p>end</p>").decode(), 60)
    assert capsys.readouterr().out.split() == ["end"]


class Answers:
    """A value whose preview is a table."""

    def __init__(self, csv: str) -> None:
        self.csv = csv


class AnswersMaterializer(argosy.Materializer[Answers]):
    types = (Answers,)
    format = "answers"

    def save(self, value: Answers, files: FileSink) -> None:
        files.write("answers.bin", b"")

    def load(self, files: FileSource, as_type: type[Answers] | None) -> Answers:
        return Answers("")

    def visualize(self, value: Answers) -> dict[str, bytes]:
        return {"answers.csv": value.csv.encode()}


@pytest.fixture
def on_terminal(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[str]]:
    """Save a value and return the lines a terminal of 60 columns shows of its preview."""

    def preview_of(value: object) -> list[str]:
        argosy.save_artifact(value, "value")
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("TERM", "dumb")  # no bold titles
        with monkeypatch.context() as terminal:
            terminal.setattr("sys.stdout.isatty", lambda: True)
            return [line.rstrip() for line in typed("artifact", "preview", "value").stdout.splitlines()]

    return preview_of


def test_on_a_terminal_what_looks_like_html_in_markdown_is_text(on_terminal: Callable[[object], list[str]]) -> None:
    lines = on_terminal(
        argosy.MarkdownString("# Age\n\nOf <NA> and ~~old~~ **new**.\n\n<div>1</div>\n\n| a |\n|---|\n| <b> |\n")
    )
    assert [line.strip() for line in lines if line.strip(" ─━")] == [
        "Age",
        "Of <NA> and old new.",
        "<div>1</div>",
        "a",
        "<b>",
    ]


def test_on_a_terminal_a_long_csv_says_how_much_of_it_is_left_out(
    on_terminal: Callable[[object], list[str]],
) -> None:
    lines = on_terminal(argosy.CSVString("number,half\n" + "".join(f"{row},{row / 2}\n" for row in range(1000))))
    assert (lines[:2], len(lines), lines[-1]) == (["number  half", "     0   0.0"], 102, "… 900 more rows")


def test_on_a_terminal_a_wide_csv_shows_columns_as_long_as_they_have_room(
    on_terminal: Callable[[object], list[str]],
) -> None:
    row = ",".join(["a rather long text"] * 9)
    assert on_terminal(argosy.CSVString(f"{row}\n{row}\n"))[-1] == "… 6 more columns"


def test_on_a_terminal_rows_of_a_csv_keep_cells_that_have_no_title(on_terminal: Callable[[object], list[str]]) -> None:
    assert on_terminal(argosy.CSVString("a\n1,2,3\n\n")) == ["a", "1  2  3"]
    assert on_terminal(argosy.CSVString("")) == ["no rows"]


def test_on_a_terminal_a_csv_that_cannot_be_read_as_a_table_is_shown_as_text(
    on_terminal: Callable[[object], list[str]],
) -> None:
    cell = "x" * 200_000  # more than the csv module takes
    assert on_terminal(Answers(f'a,b\n\x1b[31m,"{cell}"\n')) == ["a,b", f'\\x1b[31m,"{cell}"']


def test_the_remark_that_a_csv_is_cut_stands_below_it_and_in_no_cell(
    typed: CommandLine, on_terminal: Callable[[object], list[str]], tmp_path: Path
) -> None:
    cells = "".join(f'{row},"two\nlines"\n' for row in range(10_000))
    lines = on_terminal(argosy.CSVString(f"number,text\n{cells}"))
    assert lines[-1] == "… (168,902 bytes in all)"
    printed = typed("artifact", "preview", "value")
    assert printed.stdout.endswith(',"two\nlines"\n')
    assert printed.stderr == "… (168,902 bytes in all)\n"
    assert typed("artifact", "preview", "value", "--to", tmp_path / "rows.csv").stderr == printed.stderr

"""``argosy artifact preview``: what a value looks like, in the terminal or as a file to open."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.output import format_bytes, print_line, print_note
from argosy.cli.rules import empty_problem, following
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, chosen_selector, selectors_of
from argosy.cli.store import store_of

if TYPE_CHECKING:
    from argosy.execution.values.preview import Preview
    from argosy.v1.artifact_pb2 import ArtifactVersion

_TABLE_ROWS = 100


def preview_artifact(
    context: typer.Context,
    name: NameArgument,
    path: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(metavar="[PREVIEW]", help="Which of its previews; without it the best one."),
    ] = None,
    version: VersionOption = None,
    alias: AliasOption = None,
    pipeline: PipelineOption = None,
    to: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            "--to",
            metavar="FILE",
            help="Write the preview as it is to a file, or to stdout as -.",
            callback=following(empty_problem),
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    scripts: Annotated[
        bool, typer.Option("--scripts", help="Let the scripts of a page run, in a frame from where they reach nothing.")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Print the paths of the previews.")] = False,
) -> None:
    """Show what a value looks like. Little more than the preview is moved.

    Markdown, CSV, JSON and text are printed, and tables and arrays on a terminal. An image or a page becomes
    a file below ARGOSY_HOME whose path is printed, an SVG as a page that shows it; in that page no scripts
    run and nothing is loaded from elsewhere; --scripts lets those of a page run there. With --to it is
    written as it is.

    \b
    Examples:
      argosy artifact preview patients
      argosy artifact preview report@prod --to report.html
      argosy artifact preview model --list
      xdg-open "$(argosy artifact preview patients)"
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    if only_list and (path is not None or to is not None):
        raise typer.BadParameter("--list prints all paths; leave PREVIEW and --to out")
    if scripts and (only_list or to is not None):
        raise typer.BadParameter(
            "--scripts is for the page that is written below ARGOSY_HOME; leave --to and --list out"
        )
    selectors = selectors_of(name, version, alias, pipeline)
    connection = store_of(context).connect()
    selector = chosen_selector(connection, selectors)
    from argosy.execution.values.stored_previews import find_preview, previews_of
    from argosy.materializers.previews.page import is_drawn_by_us

    if only_list:
        for found in previews_of(connection, selector):
            print_line(found)
        return
    preview, shown_version = find_preview(connection, selector, path)
    preview = preview.with_scripts() if scripts else preview
    if to is not None and preview.remark:
        print_note(preview.remark)
    if to == "-":
        sys.stdout.buffer.write(preview.content)
    elif to is not None:
        print_line(str(_write(Path(to), preview.content, overwrite=overwrite).resolve()))
    elif preview.media_type == "application/octet-stream":
        # Nobody knows what would open it, and what it would do then: the end of its name may be one of a page.
        raise typer.BadParameter(
            f"{preview.path!r} is of no kind that is shown, so it is not written for you to open; --to FILE writes it"
        )
    elif preview.is_image or preview.media_type == "text/html":
        if is_drawn_by_us(preview.content) and sys.stdout.isatty():
            _print_page(preview.text)
        suffix, content = _harmless_file(preview)
        target = _place(connection.config.home, shown_version, preview.path + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        print_line(str(_write(target, content, overwrite=True)))
        size = format_bytes(len(preview.content))
        print_note(f"{preview.media_type}, {size}; open it in a browser or viewer{_still(preview)}")
    else:
        _print(preview)


def _harmless_file(preview: Preview) -> tuple[str, bytes]:
    """Return what a browser can open without running what somebody saved, and what its name ends with besides."""
    from argosy.execution.values.preview_html import image_page, page_with_scripts, sandboxed_page

    if preview.media_type == "text/html":
        return "", (page_with_scripts if preview.runs_scripts else sandboxed_page)(preview.text).encode()
    if preview.media_type == "image/svg+xml":  # opened by itself it is a document, with scripts
        return ".html", image_page(preview).encode()
    return "", preview.content


def _still(preview: Preview) -> str:
    """Return what is to be said of a page whose scripts do not run."""
    from argosy.execution.values.preview_html import has_scripts

    is_still = preview.media_type == "text/html" and not preview.runs_scripts and has_scripts(preview.text)
    return "; its scripts do not run there: --scripts lets them" if is_still else ""


def _place(home: Path, version: ArtifactVersion, path: str) -> Path:
    """Return where a preview lies that was not asked to lie anywhere; names of anybody lead nowhere else."""
    parts = [version.project, f"{version.name}-{version.version}", path]
    return home.joinpath("previews", *(re.sub(r"[^\w.+-]", "_", part).lstrip(".") or "_" for part in parts))


def _write(target: Path, content: bytes, *, overwrite: bool) -> Path:
    was_there = target.exists()
    if was_there and not overwrite:
        raise typer.BadParameter(f"{target} is there already; pass --overwrite to replace it", param_hint="'--to'")
    try:
        target.write_bytes(content)
    except OSError as error:
        if not was_there:
            target.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(target)) from error
    return target


def _print_page(page: str) -> None:
    from argosy.cli.artifact.page_text import print_page

    print_page(page, _width())
    print_line("")


def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def _print(preview: Preview) -> None:
    if not sys.stdout.isatty():
        print_line(preview.text.removesuffix("\n"))
        if preview.remark:
            print_note(preview.remark)
        return
    if preview.media_type == "text/csv":
        _print_csv(preview)
        return
    from rich.console import Console

    console = Console(highlight=False)
    text = "\n".join(_harmless(line) for line in preview.text.splitlines())
    if preview.media_type == "text/markdown":
        from markdown_it import MarkdownIt
        from rich.markdown import Markdown

        shown = Markdown(text, hyperlinks=False)
        # Parsed once more, as in notebooks: what rich takes for HTML it leaves out, a <NA> in a sentence, say.
        shown.parsed = MarkdownIt("js-default", {"html": False}).parse(text)
        console.print(shown)
    elif preview.media_type == "application/json":
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        coloured = Text(text)
        JSONHighlighter().highlight(coloured)
        console.print(coloured, soft_wrap=True)
    else:
        print_line(text)


def _print_csv(preview: Preview) -> None:
    import csv
    import io

    from argosy.cli.artifact.page_text import print_rows

    try:
        rows = [row for row in csv.reader(io.StringIO(preview.text, newline="")) if row]
    except csv.Error:  # a cell longer than the reader takes, say: the text itself is still to be seen
        for line in preview.text.splitlines():
            print_line(_harmless(line))
    else:
        wide = max(map(len, rows), default=0)
        head, *body = [[*row, *[""] * (wide - len(row))] for row in rows] or [["no rows"]]
        print_rows(head, body, _width(), most_rows=_TABLE_ROWS, folds=True)
    if preview.remark:
        print_line(preview.remark)


def _harmless(line: str) -> str:
    """Return a line that does nothing to a terminal; tabs stay."""
    from argosy.execution.views.terminal_text import one_line

    return "\t".join(map(one_line, line.split("\t")))

"""``argosy run logs``."""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.output import CsvRows, Format, OutputOption, print_json_line, print_line, print_note
from argosy.cli.rules import following
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of
from argosy.cli.stored_names import step_names
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.execution.logs.step_log import LogLine

_KEYS = ("step", "attempt", "time", "source", "level", "logger", "text", "dropped_lines")
_COLOURS = ("36", "33", "32", "35", "34")
_OF_STDERR, _OF_WARNING, _OF_ERROR, _DIM = "31", "33", "1;31", "2"
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_RESET = "\x1b[0m"


class Source(str, enum.Enum):
    """What ``--source`` may be."""

    stdout = "stdout"
    stderr = "stderr"
    logging = "logging"


def show_logs(
    context: typer.Context,
    run: RunArgument,
    step: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(
            help="The step's invocation; all steps by default.",
            callback=following(name_problem),
            autocompletion=step_names,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on while the run does.")] = False,
    attempt: Annotated[
        Optional[int],  # noqa: UP045 - as above
        typer.Option(min=1, help="Only what this attempt printed."),
    ] = None,
    source: Annotated[
        Optional[Source],  # noqa: UP045 - as above
        typer.Option(help="Only what came from there."),
    ] = None,
    output: OutputOption = Format.table,
) -> None:
    """Show what the steps of a run printed and logged.

    With -o json all lines are one list, with -o jsonl, and with --follow anyway, each is a document of its own.

    \b
    Examples:
      argosy run logs training-3
      argosy run logs training-3 fit -f
      argosy run logs training-3 fit --attempt 1 --source stderr
      argosy run logs training-3 -o json | jq -r '.[] | select(.level == "WARNING") | .text'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.sdk.queries.log_queries import check_attempt, lines_of_run

    if attempt is not None and not follow:
        check_attempt(connection, run, step, attempt)
    lines = (
        line
        for line in lines_of_run(connection, run, step, follow=follow)
        if attempt in {None, line.attempt} and source in {None, line.source}
    )
    if output is not Format.table:
        _print_documents(lines, output, follow=follow)
        return
    is_empty = True
    for line in lines:
        for text in _shown(line, with_step=step is None):
            print_line(text)
        is_empty = False
        if follow:
            sys.stdout.flush()
    if is_empty:
        print_note(f"nothing was printed by {f'step {step!r}' if step else 'the steps'} of run {run!r}")


def _print_documents(lines: Iterator[LogLine], output: Format, *, follow: bool) -> None:
    import json
    import textwrap

    if output is not Format.json or follow:
        show = CsvRows(_KEYS).print if output is Format.csv else print_json_line
        for line in lines:
            show(_document(line))
            if follow:
                sys.stdout.flush()
        return
    # One list, but never in memory: a log may have millions of lines.
    held = ""
    for line in lines:
        print_line(f"{held}," if held else "[")
        held = textwrap.indent(json.dumps(_document(line), indent=2, ensure_ascii=False), "  ")
    print_line(f"{held}\n]" if held else "[]")


def _document(line: LogLine) -> dict[str, Any]:
    return {
        "step": line.step,
        "attempt": line.attempt,
        "time": line.time.isoformat(),
        "source": line.source,
        "level": line.level or None,
        "logger": line.logger or None,
        "text": line.text,
        "dropped_lines": line.dropped_lines,
    }


def _shown(line: LogLine, *, with_step: bool) -> Iterator[str]:
    from argosy.execution.logs.step_log import missing_text

    is_terminal = sys.stdout.isatty()
    prefix = f"{line.step} | " if with_step else ""
    if prefix and is_terminal:
        # The same step has the same colour in each call.
        prefix = _coloured(prefix, _COLOURS[sum(line.step.encode()) % len(_COLOURS)])
    if line.dropped_lines:
        missing = missing_text(line.dropped_lines)
        yield prefix + (_coloured(missing, _DIM) if is_terminal else missing)
    text = harmless(line.text, colours=is_terminal)
    if line.level:
        text = f"{line.level}:{harmless(line.logger, colours=False)}: {text}"
    if is_terminal and (colour := _colour_of(line)):
        text = _coloured(text, colour)
    yield prefix + text


def harmless(text: str, *, colours: bool) -> str:
    """Return a text that does nothing to a terminal: control characters are shown as escapes.

    Args:
        text: one line, from whoever could print into a log.
        colours: whether its own colours are kept, and ended with it; else they are left out.
    """
    if not colours:
        return _CONTROL.sub(_escaped, _SGR.sub("", text))
    kept = _SGR.findall(text)
    parts = [_CONTROL.sub(_escaped, part) for part in _SGR.split(text)]
    shown = "".join(part + colour for part, colour in zip(parts, [*kept, ""], strict=True))
    return shown + _RESET if kept else shown


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


def _coloured(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}{_RESET}"


def _colour_of(line: LogLine) -> str:
    if line.level in {"ERROR", "CRITICAL"}:
        return _OF_ERROR
    if line.level == "WARNING":
        return _OF_WARNING
    return _OF_STDERR if line.source == "stderr" else ""

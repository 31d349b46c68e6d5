"""Makes ``docs/images/demo.svg``: what a person sees in a terminal who runs the commands of ``make demo``.

Run as ``python -m tools.make_picture``. The commands are run, on a terminal of their own and a store that is empty.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import pyte
from rich.color import ColorParseError
from rich.console import Console
from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/images/demo.svg"
COLUMNS = 104
ROWS = 200
"""More than anything prints, so that nothing leaves the screen."""

COMMANDS = (
    "python examples/breast_cancer/training.py",
    "python examples/breast_cancer/batch_inference.py",
    "argosy artifact list",
    "argosy artifact preview drift_report",
)

SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own layout without the fonts, which it lets the reader fetch from elsewhere."""


def main() -> None:
    """Run the commands and write the picture."""
    with tempfile.TemporaryDirectory(prefix="argosy-") as folder:
        home = Path(folder) / "demo"
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**settings, "ARGOSY_HOME": str(home), "PATH": programs, "TERM": "xterm-256color"}
        shown = Text("\n").join(line for command in COMMANDS for line in _session(command, environment))
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(shown)
    PICTURE.parent.mkdir(exist_ok=True)
    svg = console.export_svg(title="make demo", code_format=SVG, unique_id="demo")
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


def _session(command: str, environment: dict[str, str]) -> list[Text]:
    prompt = Text("$ ", style="bold green") + Text(command, style="bold")
    return [prompt, *_lines(_run(command, environment)), Text()]


def _run(command: str, environment: dict[str, str]) -> bytes:
    """Return all that a command writes to its terminal.

    Raises:
        SystemExit: it fails.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        shlex.split(command), cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while piece := _read(ours):
        written += piece
    os.close(ours)
    if process.wait():
        sys.exit(f"{command} failed:\n{written.decode(errors='replace')}")
    return written


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux tells that the other side is closed
        return b""


def _lines(written: bytes) -> list[Text]:
    """Return what stands on the terminal at last."""
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.ByteStream(screen).feed(written)
    lines = []
    for row in range(screen.cursor.y):
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        alike = itertools.groupby(cells, _style)
        line = Text.assemble(*(("".join(cell.data for cell in piece), style) for style, piece in alike))
        line.rstrip()
        lines.append(line)
    return lines


def _style(cell: pyte.screens.Char) -> Style:
    try:
        return Style(color=_color(cell.fg), bold=cell.bold, italic=cell.italics, underline=cell.underscore)
    except ColorParseError:
        return Style(bold=cell.bold)


def _color(name: str) -> str | None:
    """Return a color of pyte by its name in rich."""
    if name == "default":
        return None
    if len(name) == 6 and set(name) <= set("0123456789abcdef"):
        return f"#{name}"
    name = {"brown": "yellow", "brightbrown": "bright_yellow"}.get(name, name)
    return name.replace("bright", "bright_") if name.startswith("bright") and "_" not in name else name


if __name__ == "__main__":
    main()

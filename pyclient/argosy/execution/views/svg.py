"""A lineage, or the graph of a run, as an SVG picture, without any program that draws graphs."""

from __future__ import annotations

import itertools
import unicodedata
from html import escape
from typing import TYPE_CHECKING

from argosy.execution.views.drawing import Arrow, Box, Drawing
from argosy.execution.views.graph_layout import Place, Point, lay_out
from argosy.execution.views.lineage_drawing import draw
from argosy.execution.views.run_drawing import draw_run

if TYPE_CHECKING:
    from argosy.execution.records.lineage import Lineage
    from argosy.v1.pipeline_pb2 import Run

_CHARACTER = 7.2
_HEIGHT = 44.0
_PADDING = 20.0
_MOST_CHARACTERS = 44
_COLOURS = {
    "version": ("#e8f1fb", "#4a7ebb"),
    "root": ("#cfe3f9", "#1f5fa8"),
    "deleted": ("#eeeeee", "#999999"),
    "step": ("#fdf3df", "#b98a2f"),
    "completed": ("#e3f5e8", "#1a7f37"),
    "cached": ("#e0f3f5", "#0a7a8a"),
    "running": ("#e1ecfb", "#0550ae"),
    "failed": ("#fdebec", "#cf222e"),
    "waiting": ("#eeeeee", "#999999"),
}
_HEAVY = frozenset({"root", "running", "failed"})
_VAGUE = frozenset({"deleted", "waiting"})
_DASHES = {"solid": "", "dashed": ' stroke-dasharray="6 4"', "dotted": ' stroke-dasharray="2 4"'}
_HEAD = (
    '<defs><marker id="argosy-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#888888"/></marker></defs>'
)


def svg(lineage: Lineage) -> str:
    """Return the picture; everything a user chose is escaped."""
    return _picture(draw(lineage), repr(lineage))


def run_svg(run: Run) -> str:
    """Return the picture of the steps of a run; everything a user chose is escaped."""
    return _picture(draw_run(run), f"run {run.name} of pipeline {run.pipeline_name}")


def _picture(drawing: Drawing, title: str) -> str:
    sizes = [(_width(box), _HEIGHT) for box in drawing.boxes]
    layout = lay_out(sizes, [(arrow.start, arrow.end) for arrow in drawing.arrows])
    lines = map(_line, drawing.arrows, layout.lines)
    boxes = map(_box, drawing.boxes, layout.boxes)
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">'
        f"<title>{_text(title)}</title>{_HEAD}{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _box(box: Box, place: Place) -> str:
    fill, stroke = _COLOURS[box.kind]
    radius = 4 if box.is_version else 20
    weight = ' stroke-width="2.5"' if box.kind in _HEAVY else ""
    dash = ' stroke-dasharray="4 3"' if box.kind in _VAGUE else ""
    x = place.x + place.width / 2
    return (
        f"<g><title>{_text(f'{box.title}, {box.detail}')}</title>"
        f'<rect x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"'
        f' rx="{radius}" fill="{fill}" stroke="{stroke}"{weight}{dash}/>'
        f'<text x="{x:.1f}" y="{place.y + 18:.1f}" text-anchor="middle" font-weight="bold" fill="#222222">'
        f"{_text(_short(box.title))}</text>"
        f'<text x="{x:.1f}" y="{place.y + 34:.1f}" text-anchor="middle" fill="#555555">'
        f"{_text(_short(box.detail))}</text></g>"
    )


def _line(arrow: Arrow, points: tuple[Point, ...]) -> str:
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        bend = (x + next_x) / 2
        path.append(f"C{bend:.1f} {y:.1f} {bend:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="#888888"{_DASHES[arrow.style]}'
        f' marker-end="url(#argosy-arrow)"><title>{_text(arrow.label)}</title></path>'
    )


def _width(box: Box) -> float:
    return max(map(_columns, (_short(box.title), _short(box.detail)))) * _CHARACTER + _PADDING


def _columns(text: str) -> int:
    """Return how wide a text is, in characters of the Latin alphabet."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _text(text: str) -> str:
    """Escape a text for XML, which has no way at all to write control characters."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text))

"""A lineage, or the graph of a run, as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from argosy.execution.views.drawing import Arrow, Box, Drawing
from argosy.execution.views.lineage_drawing import draw
from argosy.execution.views.run_drawing import draw_run

if TYPE_CHECKING:
    from argosy.execution.records.lineage import Lineage
    from argosy.v1.pipeline_pb2 import Run

_PLAIN = frozenset(" _-.,:/()")
_LINES = {"solid": "-->", "dashed": "-.->", "dotted": "-.->"}
_LINEAGE_STYLES = {
    "version": "fill:#e8f1fb,stroke:#4a7ebb,color:#1b2a3a",
    "root": "fill:#cfe3f9,stroke:#1f5fa8,stroke-width:3px,color:#1b2a3a",
    "deleted": "fill:#eeeeee,stroke:#999999,color:#555555,stroke-dasharray:4",
    "step": "fill:#fdf3df,stroke:#b98a2f,color:#3a2f1b",
}
_RUN_STYLES = {
    "completed": "fill:#e3f5e8,stroke:#1a7f37,color:#1b2a3a",
    "cached": "fill:#e0f3f5,stroke:#0a7a8a,color:#1b2a3a",
    "running": "fill:#e1ecfb,stroke:#0550ae,stroke-width:3px,color:#1b2a3a",
    "failed": "fill:#fdebec,stroke:#cf222e,stroke-width:3px,color:#3a1b1b",
    "waiting": "fill:#eeeeee,stroke:#999999,color:#555555,stroke-dasharray:4",
}


def mermaid(lineage: Lineage) -> str:
    """Return the flowchart. Names are told by character codes where they could mean something to Mermaid."""
    more = "    %% there is more: ask for a greater depth\n" if lineage.truncated else ""
    return _flowchart(draw(lineage), _LINEAGE_STYLES) + more


def run_mermaid(run: Run) -> str:
    """Return the steps of a run as a flowchart, with names as in :func:`mermaid`."""
    return _flowchart(draw_run(run), _RUN_STYLES)


def _flowchart(drawing: Drawing, styles: Mapping[str, str]) -> str:
    lines = [
        "flowchart LR",
        *(f"    n{number}{_node(box)}:::{box.kind}" for number, box in enumerate(drawing.boxes)),
        *(f"    {_line(arrow)}" for arrow in drawing.arrows),
        *(f"    classDef {kind} {style}" for kind, style in styles.items()),
    ]
    return "\n".join(lines) + "\n"


def _node(box: Box) -> str:
    text = f'"{_escaped(box.title)}<br/>{_escaped(box.detail)}"'
    return f"[{text}]" if box.is_version else f"({text})"


def _line(arrow: Arrow) -> str:
    label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
    return f"n{arrow.start} {_LINES[arrow.style]}{label} n{arrow.end}"


def _escaped(text: str) -> str:
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in text)

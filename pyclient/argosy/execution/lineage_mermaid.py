"""A lineage as a Mermaid flowchart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argosy.execution.lineage_drawing import Arrow, Box, draw

if TYPE_CHECKING:
    from argosy.execution.lineage import Lineage

_PLAIN = frozenset(" _-.,:/()")
_LINES = {"solid": "-->", "dashed": "-.->", "dotted": "-.->"}
_STYLES = (
    "classDef version fill:#e8f1fb,stroke:#4a7ebb,color:#1b2a3a",
    "classDef root fill:#cfe3f9,stroke:#1f5fa8,stroke-width:3px,color:#1b2a3a",
    "classDef deleted fill:#eeeeee,stroke:#999999,color:#555555,stroke-dasharray:4",
    "classDef step fill:#fdf3df,stroke:#b98a2f,color:#3a2f1b",
)


def mermaid(lineage: Lineage) -> str:
    """Return the flowchart. Names are told by character codes where they could mean something to Mermaid."""
    drawing = draw(lineage)
    lines = [
        "flowchart LR",
        *(f"    n{number}{_node(box)}:::{box.kind}" for number, box in enumerate(drawing.boxes)),
        *(f"    {_line(arrow)}" for arrow in drawing.arrows),
        *(f"    {style}" for style in _STYLES),
        *(["    %% there is more: ask for a greater depth"] if lineage.truncated else []),
    ]
    return "\n".join(lines) + "\n"


def _node(box: Box) -> str:
    text = f'"{_escaped(box.title)}<br/>{_escaped(box.detail)}"'
    return f"({text})" if box.kind == "step" else f"[{text}]"


def _line(arrow: Arrow) -> str:
    label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
    return f"n{arrow.start} {_LINES[arrow.style]}{label} n{arrow.end}"


def _escaped(text: str) -> str:
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in text)

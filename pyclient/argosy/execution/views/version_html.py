"""A stored version in a notebook: what it is, and its preview. Colours hold on light and dark ground."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from argosy.execution.views.amounts import format_bytes

if TYPE_CHECKING:
    from argosy.execution.records.artifact_facts import ArtifactFacts

_CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;white-space:pre-line"
_DIM = "opacity:.65"
_BADGE = "border:1px solid #8886;border-radius:9px;padding:0 8px;margin-left:6px;font-size:90%"
_ALIAS = f"{_BADGE};color:#2f81f7;border-color:#2f81f7"
_MOST_CHARACTERS = 200
_MOST_FACTS = 12


def version_html(version: ArtifactFacts, preview: str = "") -> str:
    """Return a version as HTML that loads nothing and leads nowhere; everything a user chose is escaped.

    Args:
        version: what is known of it.
        preview: how its value looks, as safe HTML.
    """
    badges = "".join(f'<span style="{_ALIAS}">{escape(alias)}</span>' for alias in version.aliases)
    badges += "".join(f'<span style="{_BADGE}">{escape(tag)}</span>' for tag in version.tags)
    gone = " (deleted)" if version.deleted else ""
    head = f"<b>{escape(version.name)}</b> version <b>{escape(version.version)}</b>{gone}{badges}"
    files = f"{version.file_count} file{'' if version.file_count == 1 else 's'}"
    about = [version.data_type, version.format, format_bytes(version.size_bytes), files]
    about.append(version.created.isoformat(" ", "seconds").removesuffix("+00:00") + " UTC")
    facts = [("description", version.description)] if version.description else []
    facts += [(key, json.dumps(fact, ensure_ascii=False)) for key, fact in version.metadata.items()]
    more = f'<div style="{_DIM}">and {len(facts) - _MOST_FACTS} more</div>' if len(facts) > _MOST_FACTS else ""
    rows = "".join(
        f'<tr><td style="{_CELL};{_DIM}">{escape(key)}</td><td style="{_CELL}">{escape(_short(text))}</td></tr>'
        for key, text in facts[:_MOST_FACTS]
    )
    table = f'<table style="margin:6px 0;border-collapse:collapse">{rows}</table>' if rows else ""
    picture = f'<div style="margin:6px 0">{preview}</div>' if preview else ""
    return (
        f'<div><div>{head}</div><div style="{_DIM}">{escape(" · ".join(filter(None, about)))}</div>{table}{more}'
        f"{picture}<div><code>{escape(version.load_line)}</code></div></div>"
    )


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"

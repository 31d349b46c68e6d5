"""A preview inside a notebook: HTML that runs nothing and loads nothing, whatever the preview holds.

Pages lie in a frame with an empty ``sandbox``: no scripts, no forms, no popups, an origin of their own. A policy in
front of them keeps them from asking any other server for anything. Frames are white, whatever the notebook is.

Scripts run only where somebody asked for it, under the same policy, in a frame inside a frame: the outer one's policy
keeps the inner one from going to another address, which a policy cannot forbid a page itself.
"""

from __future__ import annotations

import base64
import csv
import gzip
import html
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argosy.execution.values.preview import Preview

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
_SCRIPTS_POLICY = f"{_POLICY} blob:; script-src 'unsafe-inline' 'unsafe-eval' blob:"
_LETS_SCRIPTS_RUN = 'sandbox="allow-scripts"'
# Packed, since scripts in quotes in quotes would grow by half, and notebooks drop outputs of more than 3 MB.
_UNPACK = (
    '<script>(async()=>{const packed=Uint8Array.from(atob("%s"),c=>c.charCodeAt(0));'
    'const page=new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));'
    "const text=await new Response(page).text();document.open();document.write(text);document.close()})()</script>"
)
_PAGE_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;color:#1f2328;background:#fff;margin:12px}"
    "table{border-collapse:collapse}th,td{border:1px solid #d0d7de;padding:2px 10px}"
    "pre,code{font-family:ui-monospace,Menlo,Consolas,monospace;background:#f6f8fa}"
)
_FRAME_STYLE = "width:100%;border:1px solid #8884;border-radius:6px;background:#fff;color-scheme:light;resize:vertical"
_WHOLE_STYLE = "position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff"
_BOX_STYLE = "max-height:480px;overflow:auto"
_CELL_STYLE = "text-align:left;padding:2px 10px;white-space:nowrap"
_MOST_ROWS = 100
_MOST_COLUMNS = 30
_MOST_CELL = 200
_LOWEST, _HIGHEST, _UNKNOWN = 120, 520, 720
_MOST_WITH_SCRIPTS = 1 << 20
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)
_LINES = re.compile(r"<(tr|p|li|h[1-6]|pre|div|br|dt)\b", re.IGNORECASE)


def shown_as_html(preview: Preview) -> str | None:
    """Return HTML that shows a preview; ``None`` for bytes nobody could look at."""
    if preview.media_type == "text/html":
        return sandboxed_with_scripts(preview.text) if preview.runs_scripts else sandboxed(preview.text)
    if preview.media_type == "text/markdown":
        return sandboxed(markdown_page(preview.text))
    if preview.media_type == "text/csv":
        return _table(preview.text) + (f"<p>{preview.remark}</p>" if preview.remark else "")
    if preview.is_image:
        return _image(preview)
    if preview.media_type in ("text/plain", "application/json"):
        return f'<pre style="{_BOX_STYLE}">{html.escape(preview.text)}</pre>'
    return None


def _image(preview: Preview) -> str:
    # As an image it runs no scripts, not even those of an SVG.
    address = f"data:{preview.media_type};base64,{base64.b64encode(preview.content).decode()}"
    return f'<img alt="{html.escape(preview.path)}" style="max-width:100%" src="{address}">'


def sandboxed(page: str) -> str:
    """Return a page in a frame where none of its scripts run and nothing is loaded from elsewhere."""
    note = (
        "<div><small>Scripts do not run here. preview().with_scripts() lets them, in a frame that reaches nothing else."
        "</small></div>"
        if has_scripts(page)
        else ""
    )
    shown = page if len(page) <= _MOST_WITH_SCRIPTS else _SCRIPT.sub("", page)
    height = max(_LOWEST, min(_HIGHEST, 26 * len(_LINES.findall(shown)) + 60))
    return f"<div>{_frame(_guarded(shown, _POLICY), f'{_FRAME_STYLE};height:{height}px')}{note}</div>"


def sandboxed_with_scripts(page: str) -> str:
    """Return a page in a frame where its scripts run, and reach nothing but the page."""
    return _frame(page_with_scripts(page), f"{_FRAME_STYLE};height:{_UNKNOWN}px", _LETS_SCRIPTS_RUN)


def has_scripts(page: str) -> bool:
    """Tell whether a page would do more if its scripts ran."""
    return re.search(r"<script\b", page, re.IGNORECASE) is not None


def sandboxed_page(page: str) -> str:
    """Return a page that is nothing but another one, in which no scripts run and nothing is loaded from elsewhere."""
    # The same policy around the frame keeps a link from leading it to another address, where no policy would be left.
    return _guarded(
        f'<meta charset="utf-8">{_frame(_guarded(page, _POLICY), _WHOLE_STYLE)}', f"{_POLICY}; frame-src 'none'"
    )


def image_page(preview: Preview) -> str:
    """Return a page that is nothing but an image, in which none of the scripts an SVG may have run."""
    return _guarded(f'<meta charset="utf-8">{_image(preview)}', _POLICY)


def page_with_scripts(page: str) -> str:
    """Return a page that is nothing but another one, whose scripts run and reach nothing else."""
    packed = base64.b64encode(gzip.compress(page.encode(), mtime=0)).decode()
    frame = _frame(_guarded(_UNPACK % packed, _SCRIPTS_POLICY), _WHOLE_STYLE, _LETS_SCRIPTS_RUN)
    return _guarded(f'<meta charset="utf-8">{frame}', f"{_SCRIPTS_POLICY}; frame-src 'none'")


def _guarded(page: str, policy: str) -> str:
    return f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{policy}">{page}'


def _frame(page: str, style: str, sandbox: str = "sandbox") -> str:
    return f'<iframe {sandbox} referrerpolicy="no-referrer" style="{style}" srcdoc="{html.escape(page)}"></iframe>'


def markdown_page(text: str) -> str:
    """Return Markdown as a page; HTML inside of it is shown as text."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("js-default", {"html": False}).render(text)
    return f'<meta charset="utf-8"><style>{_PAGE_STYLE}</style>{body}'


def _table(text: str) -> str:
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [line[: _MOST_COLUMNS + 1] for line, _ in zip(lines, range(_MOST_ROWS + 2), strict=False)]
    except csv.Error:
        return f'<pre style="{_BOX_STYLE}">{html.escape(text)}</pre>'
    if not rows:
        return "<p>no rows</p>"
    head, *body = rows
    is_cut = len(body) > _MOST_ROWS or any(len(row) > _MOST_COLUMNS for row in rows)
    lines_of_body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in body[:_MOST_ROWS])
    return (
        f'<div style="{_BOX_STYLE}"><table><thead><tr>{_cells(head, "th")}</tr></thead>'
        f"<tbody>{lines_of_body}</tbody></table>{'<p>…</p>' if is_cut else ''}</div>"
    )


def _cells(row: list[str], tag: str) -> str:
    texts = (cell if len(cell) <= _MOST_CELL else f"{cell[: _MOST_CELL - 1]}…" for cell in row[:_MOST_COLUMNS])
    return "".join(f'<{tag} style="{_CELL_STYLE}">{html.escape(cell)}</{tag}>' for cell in texts)

"""``Preview``: a small picture of a value, as it is stored beside it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from argosy.errors import ParameterError
from argosy.execution.views.amounts import format_bytes

MEDIA_TYPES = {
    ".html": "text/html",
    ".htm": "text/html",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".json": "application/json",
    ".txt": "text/plain",
}
"""What a preview is, by the end of its path."""


def media_type_of(path: str) -> str:
    """Return the media type of a file by its name; ``application/octet-stream`` for what nobody could look at."""
    return MEDIA_TYPES.get(PurePosixPath(path.lower()).suffix, "application/octet-stream")


@dataclass(frozen=True)
class Preview:
    """A small picture of a stored value. A notebook shows it; nothing in it can load anything from elsewhere, or run.

    Attributes:
        path: its name among the previews of the version (``"head.html"``).
        media_type: what it is: ``text/html``, ``text/markdown``, ``text/csv``, ``text/plain``, ``application/json``,
            ``image/png``, ``image/svg+xml``, ...
        content: its bytes.
        runs_scripts: whether the scripts of a page run where it is shown; :meth:`with_scripts` lets them.
        whole_bytes: how long the table is of which it has the first rows alone; ``None`` for one that has all.
    """

    path: str
    media_type: str
    content: bytes = field(repr=False)
    runs_scripts: bool = False
    whole_bytes: int | None = None

    @property
    def is_image(self) -> bool:
        """Whether it is a picture for the eyes alone."""
        return self.media_type.startswith("image/")

    @property
    def text(self) -> str:
        """Its text; of HTML the source.

        Raises:
            ParameterError: it is an image, or bytes that are no text.
        """
        if not self._has_text:
            raise ParameterError(
                f"preview {self.path!r} is {self.media_type} and has no text; "
                f"write its bytes to a file: Path({self.path.rpartition('/')[2]!r}).write_bytes(preview.content)"
            )
        return self.content.decode("utf-8", "replace")

    @property
    def remark(self) -> str | None:
        """What is to be said below it: of how much it is the beginning."""
        return None if self.whole_bytes is None else f"… ({self.whole_bytes:,} bytes in all)"

    def with_scripts(self) -> Preview:
        """Return it as one whose scripts run where it is shown: a report that draws itself, say.

        They run in a frame from where they reach neither the notebook around it nor any server.

        Raises:
            ParameterError: it is no page.
        """
        if self.media_type != "text/html":
            raise ParameterError(f"preview {self.path!r} is {self.media_type}; only pages (text/html) have scripts")
        return replace(self, runs_scripts=True)

    @property
    def _has_text(self) -> bool:
        return self.media_type.startswith("text/") or self.media_type in ("application/json", "image/svg+xml")

    def __repr__(self) -> str:
        return f"<Preview {self.path!r}: {self.media_type}, {format_bytes(len(self.content))}>"

    def __str__(self) -> str:
        is_readable = self._has_text and not self.is_image and self.media_type != "text/html"
        if not is_readable:
            return repr(self)
        return self.text if self.remark is None else f"{self.text.removesuffix(chr(10))}\n{self.remark}"

    def _repr_html_(self) -> str | None:
        from argosy.execution.values.preview_html import shown_as_html

        return shown_as_html(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return what notebooks that know pictures show; of all else the HTML."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self.media_type in ("image/png", "image/jpeg", "image/gif"):
            bundle[self.media_type] = base64.b64encode(self.content).decode()
        elif (html := self._repr_html_()) is not None:
            bundle["text/html"] = html
        return bundle

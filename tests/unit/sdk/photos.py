"""A type of the user's own whose previews are what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import argosy
from argosy.materializers.files import FileSink, FileSource


class Photo:
    """A value whose preview is what a test says."""

    def __init__(self, size_bytes: int, show: Callable[[], Any]) -> None:
        self.content = bytes(size_bytes)
        self.show = show


class PhotoMaterializer(argosy.Materializer[Photo]):
    types = (Photo,)
    format = "photo"

    def save(self, value: Photo, files: FileSink) -> None:
        files.write("photo.bin", value.content)

    def load(self, files: FileSource, as_type: type[Photo] | None) -> Photo:
        return Photo(files.size("photo.bin"), dict)

    def visualize(self, value: Photo) -> dict[str, bytes]:
        shown: dict[str, bytes] = value.show()
        return shown


SMALL, LARGE = 1000, 3 << 20

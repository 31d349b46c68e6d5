"""PIL images: format ``png``, in modes PNG has no form for ``tiff``; both lossless, one file and ``info.json``.

The pixels, the mode, the palette and ``info`` come back. What opens a file of its own (``JpegImageFile``) comes back as
the plain ``Image`` of what it shows.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import PIL
from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, type_name
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import write_document
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.nesting import CannotKeepError, NestingMaterializer
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from pathlib import Path

    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver

INFO = "info.json"
"""``image.info`` when it is not empty, exactly; what other programs look for is in the image file, too."""

_IN_MEMORY_BYTES = 1 << 20
_BIT_DEPTH_AT = 24
"""Where PNG says with how many bits a pixel is written."""
_PREVIEW_PIXELS = 512
"""Length of the longer side of a preview."""


class _ImageMaterializer(NestingMaterializer[Any], abstract=True):
    """What the two formats share."""

    types = (Image.Image,)
    file: ClassVar[str]
    modes: ClassVar[tuple[str, ...]]
    reader: ClassVar[type[ImageFile.ImageFile]]

    def save_nested(self, value: Image.Image, files: FileSink, leaves: LeafSaver) -> None:
        """Write the image, and its ``info`` when there is some.

        Raises:
            CannotKeepError: the format does not hold its mode or palette, or it is of a subclass.
            MaterializerError: it has several frames, or its own file cannot be read any more.
        """
        _check(value)
        if value.mode not in self.modes:
            raise CannotKeepError(
                f"{self.format} has no form for the mode {value.mode}; value.convert(...) makes another one of it"
            )
        info = JsonEncoder(leaves).members({"info": _plain(value.info)})["info"]
        local = files.temporary_directory() / self.file
        try:
            self.write(value, local)
        except Exception as error:  # info is anything, and each writer raises what it meets
            raise CannotKeepError(f"{self.format} cannot hold this image: {error}") from error
        files.write_file(self.file, local)
        if info:
            write_document(info, files, INFO)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> Image.Image:
        """Read the image; of a file that somebody else wrote, ``info`` is what Pillow reads in it.

        Raises:
            MaterializerError: it is malformed.
        """
        with self._opened(files) as file:
            image = self.read(file)
        if INFO in files.paths:
            info = JsonDecoder(leaves).decode(files.read(INFO))
            if not isinstance(info, dict):
                raise MaterializerError(f"{INFO} must be an object")
            image.info = info
        elif leaves.data_type:
            image.info = {}
        return image

    def extract_metadata(self, value: Image.Image) -> dict[str, JSON]:
        """Return width and height in pixels, and the mode."""
        return {"width": value.width, "height": value.height, "mode": value.mode}

    def visualize(self, value: Image.Image) -> dict[str, bytes]:
        """Return the image, at most 512 pixels long."""
        return {"image.png": _small(value)}

    def write(self, value: Image.Image, local: Path) -> None:
        """Write the image file."""
        raise NotImplementedError

    def read(self, file: BinaryIO) -> Image.Image:
        """Return the plain image in a file.

        Raises:
            MaterializerError: it is malformed.
        """
        # The one reader of this format: Image.open would try those of all others, and refuses large images.
        try:
            opened = self.reader(file)
            opened.load()
        except (OSError, SyntaxError, ValueError) as error:
            raise MaterializerError(f"{self.file} is no image in the format {self.format}: {error}") from error
        return opened._new(opened.im)  # what copy() does, without a second copy of the pixels

    @contextlib.contextmanager
    def _opened(self, files: FileSource) -> Iterator[BinaryIO]:
        if files.size(self.file) <= _IN_MEMORY_BYTES:
            yield io.BytesIO(files.read(self.file))
            return
        with local_copy(files, self.file) as local, local.open("rb") as file:
            yield file


class PngMaterializer(_ImageMaterializer):
    """Keeps images of the modes that PNG holds exactly."""

    id = "argosy.pillow"
    format = "png"
    file = "image.png"
    modes = ("1", "L", "LA", "I;16", "RGB", "RGBA", "P")
    reader = PngImagePlugin.PngImageFile

    def write(self, value: Image.Image, local: Path) -> None:
        """Write the image, with the resolution, colour profile and camera data of ``info``.

        Raises:
            CannotKeepError: its palette would not come back.
        """
        options = {name: value.info[name] for name in ("dpi", "exif", "icc_profile") if name in value.info}
        if value.mode == "P":
            self._check_palette(value)
        # Level 1 takes a fifth of the time of level 6 and gives files about a tenth larger.
        value.save(local, "PNG", compress_level=1, **options)

    def _check_palette(self, value: Image.Image) -> None:
        """Refuse an image whose palette would change, found out by a pixel of it: all of it would be in memory twice.

        Raises:
            CannotKeepError: its palette would not come back, or pixels beyond it, which has as few bits as it needs.
        """
        file = io.BytesIO()
        value.crop((0, 0, 1, 1)).save(file, "PNG")
        bits = file.getvalue()[_BIT_DEPTH_AT]
        file.seek(0)
        again = self.read(file)
        palettes = [(image.getpalette(), image.im.getpalettemode()) for image in (again, value)]
        highest: Any = value.getextrema()[1]
        if palettes[0] != palettes[1] or highest >> bits:
            raise CannotKeepError("its palette or pixels beyond it would not come back")


class TiffMaterializer(_ImageMaterializer):
    """Keeps images of the modes beyond PNG that TIFF holds exactly: depth, floats, print colours."""

    id = "argosy.pillow_tiff"
    format = "tiff"
    file = "image.tiff"
    modes = ("I", "F", "I;16B", "CMYK", "YCbCr", "LAB")
    reader = TiffImagePlugin.TiffImageFile

    def write(self, value: Image.Image, local: Path) -> None:
        """Write the image without compression.

        Raises:
            CannotKeepError: Pillow would not read what it writes.
        """
        if value.mode == "YCbCr":
            self._check_pixel(value.crop((0, 0, 1, 1)))
        _write_tiff(value, local)

    def _check_pixel(self, pixel: Image.Image) -> None:
        """Refuse what does not come back; before version 13 Pillow reads none of the YCbCr that it writes.

        Raises:
            CannotKeepError: the pixel does not come back.
        """
        file = io.BytesIO()
        _write_tiff(pixel, file)
        file.seek(0)
        try:
            comes_back = self.read(file).tobytes() == pixel.tobytes()
        except MaterializerError:
            comes_back = False
        if not comes_back:
            raise CannotKeepError(
                f"Pillow {PIL.__version__} does not read what it writes of mode {pixel.mode}: install pillow>=13, or "
                "save value.convert('RGB')"
            )


def _write_tiff(image: Image.Image, target: Path | BinaryIO) -> None:
    image.save(target, "TIFF", tiffinfo=TiffImagePlugin.ImageFileDirectory_v2())


def _check(value: Image.Image) -> None:
    if type(value) is not Image.Image and not isinstance(value, ImageFile.ImageFile):
        raise CannotKeepError(f"{type_name(type(value))} is a subclass of Image, which no image file would bring back")
    frames = getattr(value, "n_frames", 1)
    if frames > 1:
        raise MaterializerError(
            f"the image has {frames} frames, and one image file keeps one; save value.copy() for the present frame, "
            "a list of the frames, or the path of its file"
        )
    if 0 in value.size:
        raise CannotKeepError(f"an image of {value.width} x {value.height} pixels has no image file")
    try:
        value.load()
    except Exception as error:  # whatever the reader of its own file raises
        raise MaterializerError(f"the image cannot be read from its own file any more: {error}") from error


def _plain(info: dict[Any, Any]) -> dict[Any, Any]:
    """Return ``info`` with what Pillow's readers put there as numbers and text of their own classes made plain."""
    return {key: _plain_fact(fact) for key, fact in info.items()}


def _plain_fact(fact: Any) -> Any:
    if isinstance(fact, TiffImagePlugin.IFDRational):
        return float(fact)
    if isinstance(fact, PngImagePlugin.iTXt):
        return str.__str__(fact)
    return tuple(map(_plain_fact, fact)) if type(fact) is tuple else fact


def _small(value: Image.Image) -> bytes:
    """Return a PNG of at most 512 pixels a side, without a second copy of a large image."""
    scale = max(value.size) / _PREVIEW_PIXELS
    image = value
    if scale > 4:  # every n-th pixel is taken first
        image = image.resize([max(1, round(4 * side / scale)) for side in image.size], Image.Resampling.NEAREST)
    if image.mode in ("I", "F", "I;16", "I;16B"):
        image = _stretched(image)
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGBA" if image.mode in ("P", "LA") else "RGB")
    image = image.copy()
    image.info = {}
    image.thumbnail((_PREVIEW_PIXELS, _PREVIEW_PIXELS))
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def _stretched(image: Image.Image) -> Image.Image:
    """Return numbers as shades of grey, from the smallest to the largest finite one."""
    import numpy as np

    pixels = np.asarray(image, np.float64)
    finite = pixels[np.isfinite(pixels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    shades = np.clip(np.nan_to_num((pixels - low) / ((high - low) or 1.0)), 0, 1) * 255
    return Image.fromarray(shades.astype(np.uint8))

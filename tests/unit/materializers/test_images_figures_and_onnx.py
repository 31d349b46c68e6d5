"""Images as PNG or TIFF, figures as pickles with a picture, ONNX models as they are."""

from __future__ import annotations

import io
import re
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import PIL
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, PngImagePlugin, TiffImagePlugin

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.registry import extract_metadata, visualize
from argosy.testing import MaterializerContract
from tests.unit.materializers.frameworks import NamedContract
from tests.unit.materializers.kept import Kept, keep

PNG_MODES = ("1", "L", "LA", "I;16", "RGB", "RGBA", "P")
PILLOW = int(PIL.__version__.partition(".")[0])
READS_ITS_YCBCR = PILLOW >= 13
TIFF_MODES = ("I", "F", "I;16B", "CMYK", "LAB", *(["YCbCr"] if READS_ITS_YCBCR else []))


class TestImages(MaterializerContract):
    needs = ("pillow",)
    opaque_files = ("items/*",)

    def values(self) -> Mapping[str, Any]:
        rich = _image("RGBA")
        rich.info = {"dpi": (72.0, 72.5), "icc_profile": b"p" * 5000, "taken": {"by": ("me", None)}}
        return {"rich": rich, **{mode: _image(mode) for mode in (*PNG_MODES, *TIFF_MODES)}}

    def large_value(self) -> Any:
        return Image.new("RGBA", (4300, 4300), (1, 2, 3, 4))

    def size_bytes(self, value: Any) -> int:
        return 4 * 4300 * 4300


class TestFigures(NamedContract):
    names = ("plot",)
    allow_pickle = True
    needs = ("matplotlib",)

    def values(self) -> Mapping[str, Any]:
        return {"plot": _figure()}

    def equal(self, loaded: Any, value: Any) -> bool:
        import sys

        assert "matplotlib.pyplot" not in sys.modules, "a toolkit of windows was loaded"
        return _picture(loaded) == _picture(value)


class TestOnnx(MaterializerContract):
    needs = ("onnx",)

    def values(self) -> Mapping[str, Any]:
        return {"model": _model(np.arange(12.0, dtype=np.float32).reshape(3, 4))}

    def large_value(self) -> Any:
        return _model(*(np.full((1 << 20,), number, np.float64) for number in range(9)))

    def size_bytes(self, value: Any) -> int:
        return 9 * 8 << 20


def _image(mode: str) -> Image.Image:
    numbers = np.random.default_rng(7).integers(0, 256, (13, 17, 4), dtype=np.uint8)
    colours = Image.fromarray(numbers, "RGBA")
    if mode in ("I", "I;16", "I;16B", "LAB"):
        return Image.frombytes(mode, (17, 13), np.resize(numbers, 17 * 13 * {"I": 4, "LAB": 3}.get(mode, 2)).tobytes())
    if mode == "F":
        return Image.fromarray(np.append(numbers[..., 0] / np.float32(7), [[np.nan] * 17], axis=0).astype(np.float32))
    return colours if mode == "RGBA" else (colours if mode == "LA" else colours.convert("RGB")).convert(mode)


def _figure() -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([1, 3, 2])
    figure.axes[0].set_title("losses")
    return figure


def _picture(figure: Any) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _model(*weights: Any) -> Any:
    tensors = [numpy_helper.from_array(weight, f"w{number}") for number, weight in enumerate(weights)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w0"], ["y"])], "g", inputs, outputs, tensors)
    model = helper.make_model(graph, producer_name="tests", opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"author": "me"})
    return model


@pytest.mark.parametrize(("modes", "form"), [(PNG_MODES, "png"), (TIFF_MODES, "tiff")])
def test_an_image_is_png_where_png_holds_its_mode_and_else_tiff(modes: tuple[str, ...], form: str) -> None:
    for mode in modes:
        kept = keep(_image(mode))
        assert (kept.saved.format, sorted(kept.files)) == (form, [f"image.{form}"])
        assert Image.open(io.BytesIO(kept.files[f"image.{form}"])).tobytes() == _image(mode).tobytes()


def test_ycbcr_is_refused_with_the_cure_where_pillow_does_not_read_what_it_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: object) -> None:
        raise SyntaxError("unknown pixel mode")  # what Pillow 12 says of it

    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "_setup", refuse)
    with pytest.raises(PickleRefusedError, match=r"install pillow>=13, or save value.convert\('RGB'\)"):
        keep(_image("YCbCr"))


@pytest.mark.parametrize("mode", ["HSV", "PA", "RGBa", "RGBX"])
def test_a_mode_that_no_file_holds_is_refused_with_the_cure(mode: str) -> None:
    image = Image.new({"PA": "LA", "RGBa": "RGBA"}.get(mode, "RGB"), (2, 2)).convert(mode)
    with pytest.raises(PickleRefusedError, match=rf"png has no form for the mode {mode}; value.convert\(...\)"):
        keep(image)


def test_an_opened_photo_comes_back_as_what_it_shows(tmp_path: Path) -> None:
    _image("RGB").save(tmp_path / "photo.jpg", dpi=(72, 72))
    with Image.open(tmp_path / "photo.jpg") as photo:
        loaded = keep(photo).load()
        assert type(loaded) is Image.Image
        assert (loaded.tobytes(), loaded.info) == (photo.tobytes(), photo.info)


def test_an_image_of_several_frames_is_refused_with_the_cure(tmp_path: Path) -> None:
    frames = [Image.new("L", (2, 2), shade) for shade in (0, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "moving.gif") as moving, pytest.raises(MaterializerError, match=r"2 frames.*copy\(\)"):
        keep(moving, allow_pickle=True)


def test_a_palette_comes_back_and_one_that_png_would_change_is_refused() -> None:
    image = Image.frombytes("P", (2, 2), bytes([0, 1, 2, 1]))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    loaded = keep(image).load()
    assert (loaded.getpalette(), loaded.tobytes()) == (image.getpalette(), image.tobytes())
    image.putdata([0, 1, 2, 200])
    with pytest.raises(PickleRefusedError, match="pixels beyond it would not come back"):
        keep(image)


def test_a_palette_with_an_alpha_is_refused_for_png_keeps_that_elsewhere() -> None:
    image = Image.new("P", (2, 2))
    image.putpalette([255, 0, 0, 128], "RGBA")
    with pytest.raises(PickleRefusedError, match=r"its palette .* would not come back"):
        keep(image)


def test_the_pixels_of_an_image_with_a_palette_are_not_copied_to_see_whether_they_come_back() -> None:
    image = Image.new("P", (4000, 4000))
    image.putpalette([255, 0, 0])
    tracemalloc.start()
    keep(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20 < image.width * image.height


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(PickleRefusedError, match="an image of 0 x 5 pixels has no image file"):
        keep(Image.new("L", (0, 5)))


def test_an_image_larger_than_pillow_opens_by_itself_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(_image("L"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(kept.files["image.png"]))
    assert kept.load() == _image("L")


def test_only_the_reader_of_the_recorded_format_reads_a_file() -> None:
    target = io.BytesIO()
    _image("RGB").save(target, "BMP")
    kept = keep(_image("RGB"))
    kept.files["image.png"] = target.getvalue()
    with pytest.raises(MaterializerError, match=r"image\.png is no image in the format png"):
        kept.load()


def test_an_image_that_another_program_made_is_read_with_what_it_says() -> None:
    target, notes = io.BytesIO(), PngImagePlugin.PngInfo()
    notes.add_text("Title", "mine")
    _image("L").save(target, "PNG", pnginfo=notes)
    loaded = Kept(keep(_image("L")).saved, {"image.png": target.getvalue()}).load(materializer="", data_type="")
    assert (loaded.tobytes(), loaded.info) == (_image("L").tobytes(), {"Title": "mine"})


@pytest.mark.parametrize("mode", [*PNG_MODES, *TIFF_MODES])
def test_the_preview_of_an_image_is_a_small_png(mode: str) -> None:
    (preview,) = visualize(_image(mode).resize((3000, 750), Image.Resampling.NEAREST), "argosy.pillow").values()
    with Image.open(io.BytesIO(preview), formats=["PNG"]) as small:
        assert small.size == (512, 128)
    assert extract_metadata(_image(mode), "argosy.pillow") == {
        "width": 17,
        "height": 14 if mode == "F" else 13,
        "mode": mode,
    }


def test_a_figure_needs_pickle_and_the_error_tells_how_to_keep_its_picture() -> None:
    with pytest.raises(PickleRefusedError, match=r"only a pickle brings a Figure back; figure.savefig\(path\)"):
        keep(_figure())
    kept = keep(_figure(), allow_pickle=True)
    assert (kept.saved.materializer, kept.saved.uses_pickle) == ("argosy.matplotlib", True)
    with pytest.raises(PickleRefusedError, match="was saved as a pickle"):
        kept.load()


def test_a_figure_of_pyplot_comes_back_without_its_window() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure = plt.figure()
    kept = keep(figure, allow_pickle=True)
    plt.close(figure)
    loaded = kept.load(allow_pickle=True)
    assert type(loaded) is type(figure)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("inches", [(3, 2), (30, 20), (200, 10)])
def test_the_preview_of_a_figure_is_its_picture_and_bounded(inches: tuple[int, int]) -> None:
    figure = _figure()
    figure.set_size_inches(*inches)
    figure.add_axes((0, 0, 1, 1)).imshow(np.random.default_rng(7).random((500, 900, 3)), aspect="auto")
    (picture,) = visualize(figure, "argosy.matplotlib").values()
    assert len(picture) <= 512 << 10
    with Image.open(io.BytesIO(picture), formats=["PNG"]) as small:
        assert max(small.size) <= 1000
    assert tuple(figure.get_size_inches()) == inches
    assert extract_metadata(figure, "argosy.matplotlib")["titles"] == ["losses", ""]


def test_any_program_reads_an_onnx_model_and_python_reads_one_of_any_program() -> None:
    model = _model(np.ones((3, 4), np.float32))
    kept = keep(model)
    assert onnx.load_from_string(kept.files["model.onnx"]) == model
    theirs = Kept(kept.saved, {"model.onnx": model.SerializeToString()})
    assert theirs.load(materializer="", data_type="") == model


def test_facts_of_an_onnx_model() -> None:
    assert extract_metadata(_model(np.ones((3, 4), np.float32)), "argosy.onnx") == {
        "ir_version": onnx.IR_VERSION,
        "opset": {"ai.onnx": 17},
        "producer": "tests",
        "inputs": ["x"],
        "outputs": ["y"],
        "nodes": 1,
        "parameters": 12,
    }


def test_an_onnx_model_shows_what_goes_in_and_comes_out_and_its_operators() -> None:
    model = _model(np.ones((3, 4), np.float32))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "<batch>"
    model.graph.input.append(helper.make_value_info("more", helper.make_sequence_type_proto(onnx.TypeProto())))
    page = visualize(model, "argosy.onnx")["model.html"].decode()
    assert "<strong>1 node, 12 parameters</strong>" in page
    assert re.findall(r"<tr><th[^>]*>(.*?)</th><td[^>]*>(.*?)</td>(?:<td>(.*?)</td>)?</tr>", page) == [
        ("x", "float", "&lt;batch&gt; \N{MULTIPLICATION SIGN} 3"),
        ("more", "sequence", ""),
        ("y", "float", "2 \N{MULTIPLICATION SIGN} 4"),
        ("MatMul", "1", ""),
    ]


def test_an_onnx_model_whose_tensors_lie_elsewhere_is_refused_with_the_cure(tmp_path: Path) -> None:
    onnx.save(_model(np.ones(2000, np.float32)), tmp_path / "model.onnx", save_as_external_data=True, location="w.bin")
    alone = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    with pytest.raises(MaterializerError, match=r"'w0'.*lies in another file; onnx.load\(path\)"):
        keep(alone)
    assert keep(onnx.load(tmp_path / "model.onnx")).load().graph.initializer[0].dims == [2000]


def test_a_message_that_is_no_model_is_refused() -> None:
    kept = keep(_model(np.ones((3, 4), np.float32)))
    kept.files["model.onnx"] = onnx.ModelProto(producer_name="x").SerializeToString()
    with pytest.raises(MaterializerError, match="it has no graph"):
        kept.load()

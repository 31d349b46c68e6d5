"""What arrays look like, whatever is in them; of large ones by a sample."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from argosy.materializers.previews.arrays import SAMPLED, array_previews, sample_of
from argosy.materializers.previews.json_text import readable_json


def page_of(array: npt.NDArray[Any]) -> str:
    return array_previews(array)["array.html"].decode()


def heights(page: str) -> list[int]:
    return [int(tall) for tall in re.findall(r"v-(\d+)h", page)]


def test_numbers_have_a_histogram_and_the_facts_people_ask_for() -> None:
    page = page_of(np.array([0.0, 0.0, 0.0, 10.0]))
    assert heights(page) == [118, 39]
    assert [fact in page for fact in ("<td>0</td>", "<td>2.5</td>", "<td>10</td>")] == [True] * 3


def test_whole_numbers_share_the_bars_evenly() -> None:
    assert len(set(heights(page_of(np.tile(np.arange(90), 3))))) == 1


@pytest.mark.parametrize(
    ("array", "said"),
    [
        pytest.param(np.full(10, np.nan), "10 missing</p>\n<p>no finite number", id="nan-only"),
        pytest.param(np.full(3, "NaT", "M8[s]"), "3 missing</p>\n<p>no moment", id="nat-only"),
        pytest.param(np.ones(1000), "<p><strong>1,000 values</strong> of float64</p>", id="one-dimension"),
        pytest.param(np.array([]), "no values", id="empty"),
        pytest.param(np.zeros((0, 3)), "no values", id="no-rows"),
        pytest.param(np.array([1, np.nan, np.inf, -np.inf]), "1 missing, 2 infinite", id="infinities"),
        pytest.param(np.array([3 + 4j, 0j]), "absolute values", id="complex"),
        pytest.param(np.array([1.7e308, -1.7e308]), "1.7e+308", id="range-beyond-floats"),
        pytest.param(np.array([2**64 - 1, 0], np.uint64), "1.845e+19", id="unsigned"),
        pytest.param(np.array([True, False, True]), "0.6667", id="booleans"),
        pytest.param(np.array(["2020-01-01", "NaT", "2021-05-05"], "M8[D]"), "1 missing", id="moments"),
        pytest.param(np.array([5, 6], "m8[s]"), "5 seconds", id="durations"),
        pytest.param(np.array(["<b>", "<b>", "a"]), '&lt;b&gt; <span class="dim">67%', id="texts"),
        pytest.param(np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]), "(1, 2.)", id="structured"),
        pytest.param(np.array([b"<"], "V1"), "first values", id="raw"),
        pytest.param(np.ones((2,) * 12), "first values", id="twelve-dimensions"),
    ],
)
def test_any_array_has_a_page(array: npt.NDArray[Any], said: str) -> None:
    assert said in page_of(array)


def test_a_huge_array_is_sampled_and_not_scanned() -> None:
    huge = np.broadcast_to(np.arange(4.0), (10**10, 4))
    assert "of a sample of 131,072 values" in page_of(huge)
    assert "<td>3</td>" in page_of(huge)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_sample_is_from_everywhere(order: Any) -> None:
    array = np.zeros((2, 1_000_000), order=order)
    array[0, 0] = array[1, -1] = 1.0
    sample = sample_of(array)
    assert (sample.size, sample[0], sample[-1]) == (SAMPLED, 1.0, 1.0)


@pytest.mark.parametrize(
    ("shape", "mode"), [((20, 30), "L"), ((20, 30, 1), "L"), ((20, 30, 3), "RGB"), ((20, 30, 4), "RGBA")]
)
def test_pixels_are_an_image(shape: tuple[int, ...], mode: str) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint64).astype(np.uint8).reshape(shape)
    image = Image.open(io.BytesIO(array_previews(pixels)["image.png"]))
    assert (image.mode, image.size) == (mode, (30, 20))
    assert np.array_equal(np.asarray(image).reshape(shape), pixels)


def test_float_pixels_between_zero_and_one_keep_their_brightness() -> None:
    image = Image.open(io.BytesIO(array_previews(np.full((16, 16, 3), 0.5))["image.png"]))
    assert image.getpixel((0, 0)) == (127, 127, 127)


def test_a_large_image_is_made_smaller() -> None:
    image = Image.open(io.BytesIO(array_previews(np.zeros((4000, 3000, 3), np.uint8))["image.png"]))
    assert image.width * image.height * 3 <= 600 << 10
    assert image.width / image.height == pytest.approx(3 / 4, rel=0.01)


def test_a_matrix_of_numbers_is_no_picture_but_its_page_has_one() -> None:
    assert list(array_previews(np.ones((16, 16)))) == ["array.html"]
    assert "data:image/png;base64," in page_of(np.eye(16))
    assert "data:image/png" not in page_of(np.ones((1000, 8)))


def test_json_is_laid_out_for_people() -> None:
    text = readable_json(b'{"a":{"b":[1,2]},"c":"%s"}' % (b"x" * 100), 124).decode()
    assert text.splitlines() == ["{", '  "a": {"b": [1, 2]},', f'  "c": "{"x" * 100}"', "}"]


def test_the_beginning_of_json_is_shown_as_far_as_it_goes() -> None:
    whole = b'{"a":[1,{"b":"\\"}]"},"x"],"c":{"d":[true,null]},"e":"last"}'
    for end in range(1, len(whole)):
        lines = readable_json(whole[:end], len(whole)).decode().splitlines()
        assert lines[-1] == f"… ({len(whole)} bytes in all)"
    assert lines[0] == r'{"a": [1, {"b": "\"}]"}, "x"], "c": {"d": [true, null]}}'


def test_what_is_nested_deeper_than_a_line_has_room_for_is_cut() -> None:
    head = (b"[" * 900 + b"[1]," * 30_000)[: 64 << 10]
    lines = readable_json(head, 10**6).decode().splitlines()
    assert len(lines) == 52
    assert lines[25] == f"{' ' * 50}{'[' * 50}…"
    assert lines[-1] == "… (1,000,000 bytes in all)"


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert readable_json(b"{oops", 5) == b"{oops"
    deep = b"[" * 100_000 + b"]" * 100_000
    assert readable_json(deep, len(deep)).startswith(b"[[[[")

"""A preview in a notebook: it is shown, and nothing in it runs or loads anything."""

from __future__ import annotations

import base64
import gzip
import re
from html.parser import HTMLParser

import pytest

from argosy.errors import ParameterError
from argosy.execution.values.preview import Preview, media_type_of

EVIL = '<p>report</p><script>alert(1)</script><img src="http://elsewhere/x.png" onerror="alert(2)">"\'></iframe>'


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(path: str, content: str) -> Tags:
    html = Preview(path, media_type_of(path), content.encode())._repr_html_()
    assert html is not None
    return Tags(html)


def frame_of(page: Tags, allows: str = "") -> str:
    (frame,) = [attributes for tag, attributes in page.tags if tag == "iframe"]
    assert (frame["sandbox"] or "") == allows  # by itself nothing: no scripts, no forms, no popups, no common origin
    assert frame["srcdoc"] is not None
    return frame["srcdoc"]


def test_a_page_is_shown_in_a_frame_where_nothing_runs() -> None:
    page = shown("report.html", EVIL)
    assert frame_of(page).endswith(EVIL)
    assert {tag for tag, _ in page.tags} == {"div", "iframe", "small"}
    assert "Scripts do not run here" in page.text


def test_a_page_loads_nothing_from_elsewhere() -> None:
    first, policy = Tags(frame_of(shown("report.html", "<p>"))).tags[:2]
    assert (first[0], policy[0]) == ("meta", "p")
    assert first[1]["http-equiv"] == "Content-Security-Policy"
    assert str(first[1]["content"]).startswith("default-src 'none';")


def test_scripts_run_where_that_was_asked_for_and_reach_nothing_but_their_page() -> None:
    asked = Preview("report.html", "text/html", EVIL.encode()).with_scripts()
    outer = Tags(frame_of(Tags(str(asked._repr_html_())), allows="allow-scripts"))
    inner = Tags(frame_of(outer, allows="allow-scripts"))
    policies = [str(page.tags[0][1]["content"]) for page in (outer, inner)]
    assert [policy.partition(";")[0] for policy in policies] == ["default-src 'none'"] * 2
    # No policy forbids a page to go elsewhere by itself; the one around it does.
    assert policies[0].endswith("frame-src 'none'")
    assert [tag for tag, _ in inner.tags] == ["meta", "script"]
    (packed,) = re.findall(r'atob\("([^"]*)"', inner.text)
    assert gzip.decompress(base64.b64decode(packed)).decode() == EVIL


def test_only_pages_have_scripts() -> None:
    with pytest.raises(ParameterError, match=r"preview 'a\.svg' is image/svg\+xml; only pages"):
        Preview("a.svg", "image/svg+xml", b"<svg/>").with_scripts()


def test_of_a_large_page_the_scripts_that_do_not_run_are_left_out() -> None:
    library = "1;" * (1 << 20)
    page = shown("report.html", f"<p>before</p><script>{library}</script><SCRIPT src=x>{library}</SCRIPT ><p>after</p>")
    assert frame_of(page).endswith("><p>before</p><p>after</p>")
    assert "Scripts do not run here" in page.text


def test_markdown_is_laid_out_and_html_in_it_is_text() -> None:
    page = Tags(frame_of(shown("report.md", f"# Title\n\n[x](javascript:alert(1))\n\n{EVIL}")))
    assert "h1" in {tag for tag, _ in page.tags}
    assert {"script", "img", "a"} & {tag for tag, _ in page.tags} == set()
    assert "<script>alert(1)</script>" in page.text


def test_csv_is_a_table_of_a_size_people_read() -> None:
    page = shown("head.csv", "<b>,n\n" + "<script>,1\n" * 1000)
    assert {tag for tag, _ in page.tags} == {"div", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert [tag for tag, _ in page.tags].count("tr") == 101
    assert "<script>1" in page.text


@pytest.mark.parametrize("path", ["a.txt", "a.json"])
def test_other_texts_are_shown_as_they_are(path: str) -> None:
    page = shown(path, EVIL)
    assert ([tag for tag, _ in page.tags], page.text) == (["pre"], EVIL)


def test_a_drawing_is_an_image_which_runs_no_scripts() -> None:
    ((tag, attributes),) = shown("a.svg", f"<svg>{EVIL}</svg>").tags
    assert (tag, str(attributes["src"]).partition(",")[0]) == ("img", "data:image/svg+xml;base64")


def test_notebooks_get_pictures_as_pictures_and_all_else_as_html() -> None:
    bundle = Preview("a.png", "image/png", b"\x89PNG")._repr_mimebundle_()
    assert bundle == {"text/plain": "<Preview 'a.png': image/png, 4 B>", "image/png": "iVBORw=="}
    assert set(Preview("a.html", "text/html", b"")._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert set(Preview("a.bin", media_type_of("a.bin"), b"\0")._repr_mimebundle_()) == {"text/plain"}


def test_printing_shows_texts_and_says_what_else_there_is() -> None:
    assert str(Preview("a.md", "text/markdown", b"# hi")) == "# hi"
    assert str(Preview("a.html", "text/html", b"<p>")) == "<Preview 'a.html': text/html, 3 B>"
    assert Preview("a.html", "text/html", b"<p>").text == "<p>"
    with pytest.raises(ParameterError, match=r"'deep/a\.png' is image/png and has no text; .*Path\('a\.png'\)"):
        _ = Preview("deep/a.png", "image/png", b"").text


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("a.HTML", "text/html"),
        ("x/a.md", "text/markdown"),
        ("a.b/c", "application/octet-stream"),
        ("html", "application/octet-stream"),
    ],
)
def test_the_end_of_a_path_says_what_it_is(path: str, media_type: str) -> None:
    assert media_type_of(path) == media_type

"""Links between files of the clone, as links between pages of the site."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

ROOT = Path(__file__).resolve().parents[2]

PAGES_ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "clients/go/README.md": "clients/go.md",
    "clients/java/README.md": "clients/java.md",
    "clients/typescript/README.md": "clients/typescript.md",
    "protos/testdata/README.md": "conformance.md",
}
"""Files of the clone outside of ``docs`` that are pages of the site, and where they are there."""

SETTINGS_PAGE = "reference/settings.md"
"""The page that is a section of the README."""

_FENCE_OR_LINK = re.compile(
    r"^```.*?^```$|\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)", re.M | re.S
)


def file_of(page: str) -> str:
    """Return the path in the clone of a page of the site."""
    elsewhere = {there: path for path, there in PAGES_ELSEWHERE.items()} | {SETTINGS_PAGE: "README.md"}
    return elsewhere.get(page, f"docs/{page}")


def page_of(path: str) -> str | None:
    """Return the page of the site that a file or folder of the clone is, if it is one."""
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    if path == "README.md":
        return "index.md"
    if path in PAGES_ELSEWHERE:
        return PAGES_ELSEWHERE[path]
    if path.startswith("docs/") and (ROOT / path).is_file():
        return path.removeprefix("docs/")
    return None


def settings_page() -> str:
    """Return the section of the README that tells the settings, as a page.

    Raises:
        ValueError: there is none.
    """
    section = re.search(r"^## Settings\n(.*?)(?=^## )", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    if section is None:
        raise ValueError("README.md has no section '## Settings', which is a page of the site: name it in links.py")
    return f"# Settings\n{section[1]}"


def links_of_site(markdown: str, page: str) -> str:
    """Turn the links of a page, as they are in the clone, into those of the site.

    A link to a file that is no page, such as a program, becomes its text and the path. What leads nowhere stays as it
    is, for MkDocs to complain about.
    """
    folder = str(PurePosixPath(file_of(page)).parent)

    def replaced(match: re.Match[str]) -> str:
        text, target = match["text"], match["target"]
        if target is None or "://" in target:
            return match[0]
        path = normpath(f"{folder}/{target}")
        if (path, match["anchor"]) == ("README.md", "#settings"):
            return f"[{text}]({relpath(SETTINGS_PAGE, str(PurePosixPath(page).parent))})"
        if there := page_of(path):
            return f"[{text}]({relpath(there, str(PurePosixPath(page).parent))}{match['anchor'] or ''})"
        if not (ROOT / path).exists():
            return match[0]
        return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"

    return _FENCE_OR_LINK.sub(replaced, markdown)

"""What MkDocs calls while it builds the site."""

from __future__ import annotations

import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.site import command_pages, python_pages
from tools.site.links import PAGES_ELSEWHERE, ROOT, SETTINGS_PAGE, links_of_site, settings_page

_FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in ``docs``."""
    for path, page in PAGES_ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text()))
    made = {SETTINGS_PAGE: settings_page()} | command_pages.pages() | python_pages.pages()
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Make links lead to pages, and name the file of a block that is one."""
    markdown = re.sub(r"^```(\w+) file=(\S+)$", r'```\1 title="\2"', markdown, flags=re.MULTILINE)
    return links_of_site(markdown, page.file.src_uri)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Refuse a page that makes its reader fetch something from elsewhere.

    Raises:
        PluginError: names the page and what it would fetch.
    """
    if found := _FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri} would fetch {found[0]} from elsewhere: put the file into docs")
    return output

"""What docs/transfer.md shows of signed transfers is run, against a bucket whose store checks what it is sent."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.api.calls import digest_of, new_request_id, open_upload
from tests.api.signed_calls import signed_service
from tests.backends.object_store import new_bucket

PAGE = (Path(__file__).resolve().parents[2] / "docs/transfer.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_what_the_page_shows_sends_content_and_reads_it_back(tmp_path: Path) -> None:
    content = os.urandom(40_000_000)
    with signed_service(new_bucket("versitygw"), tmp_path / "data") as service:
        names: dict[str, object] = {
            "stub": service.blobs,
            "content": content,
            "digest": digest_of(content),
            "upload_id": open_upload(service, "default").id,
            "request_id": new_request_id(),
        }
        for number, text in enumerate(BLOCKS):
            exec(compile(text, f"block {number} of transfer.md", "exec"), names)
        names["http"].clear()  # type: ignore[attr-defined]  # what the page made
    assert names["received"] == content

"""What the page about asyncio services shows is run."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy.aio
from tests.waiting import PATIENCE

BLOCK = re.compile(r"^```python(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (Path(__file__).resolve().parents[2] / "docs/services_asyncio.md").read_text()


def test_every_block_runs_one_after_the_other(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "predictor", raising=False)
    names: dict[str, object] = {"__name__": "page"}
    for file, text in BLOCK.findall(PAGE):
        if file:
            (tmp_path / file).write_text(text)
        else:
            exec(compile(text, "services_asyncio.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == [
        "[1, 2, 3] 1",
        "numbers 7 [1, 2, 3]",
        "{'version': '1', 'prediction': 5.0}",
        "{'version': '2', 'prediction': 20.0}",
    ]


def test_the_service_survives_ordinary_events_and_malformed_requests(
    store: str, caplog: pytest.LogCaptureFixture
) -> None:
    names: dict[str, Any] = {"__name__": "predictor"}
    exec(next(text for file, text in BLOCK.findall(PAGE) if file == "predictor.py"), names)

    async def logged(message: str) -> None:
        while message not in caplog.messages:
            await asyncio.sleep(0.01)

    async def use() -> None:
        async with argosy.aio.Client() as client:
            await client.save_artifact(np.array([1.0, 1.0]), "model", alias="prod")
            ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(names["serve"](ready.set_result))
            port = await ready
            for request, status in ((b"2,x", 400), (b"1,2,3", 400), (b"2,3", 200)):
                assert (await answer(port, b"GET /%b HTTP/1.1\r\n\r\n" % request))[0] == status
            assert (await answer(port, b"nothing"))[0] == 400
            assert (await answer(port, b"\r\n\r\n"))[0] == 400
            await client.delete_alias("model", "prod")
            await logged("alias_removed of model 1 is not followed")
            await client.save_artifact({"a": 1}, "model", alias="prod")
            await logged("alias_moved of model 2 is not followed")
            await client.delete_artifact_version("model", 2, force=True)
            await client.save_artifact(np.array([10.0, 0.0]), "model", alias="prod")
            while (found := await answer(port, b"GET /2,3 HTTP/1.1\r\n\r\n"))[1]["version"] == "1":
                await asyncio.sleep(0.01)
            assert found == (200, {"version": "3", "prediction": 20.0})
            serving.cancel()
            await asyncio.wait([serving])

    asyncio.run(asyncio.wait_for(use(), PATIENCE))


async def answer(port: int, request: bytes) -> tuple[int, Any]:
    """Return what a server answers to a request after which nothing is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    status = int(head.split()[1])
    return status, json.loads(body) if status == 200 else body

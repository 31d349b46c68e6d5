"""argosy.aio as services use it: the event loop goes on, and what belongs to it ends with it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
import argosy.aio
from argosy.errors import EventLoopError, NotFoundError
from argosy.execution.values import prepared_value
from argosy.execution.values.prepared_value import PickleWarning
from argosy.transport.download import receive
from argosy.transport.upload import upload_files
from tests.faults.stand import MEBIBYTE, array_of
from tests.unit.materializers.samples import Opaque
from tests.waiting import PATIENCE, wait_until

LARGE = array_of(64 * MEBIBYTE, seed=3)


@pytest.fixture(autouse=True)
def _no_threads_stay() -> Iterator[None]:
    """What was started for an event loop has ended with it."""
    yield
    wait_until(lambda: not any(thread.name.startswith("argosy-aio") for thread in threading.enumerate()), "threads end")


class Spoken:
    """A value whose materializer waits for the event loop to answer, each time."""

    loop: asyncio.AbstractEventLoop


class SpokenMaterializer(argosy.Materializer[Spoken]):
    types = (Spoken,)
    format = "spoken"

    def save(self, value: Spoken, files: Any) -> None:
        files.write("answer", answer_of_the_loop())

    def load(self, files: Any, as_type: type[Spoken] | None) -> Spoken:
        assert files.read("answer") == answer_of_the_loop()
        return Spoken()


def answer_of_the_loop() -> bytes:
    async def answer() -> bytes:
        return b"here"

    return asyncio.run_coroutine_threadsafe(answer(), Spoken.loop).result(PATIENCE)


def test_the_event_loop_goes_on_while_values_are_made(store: str) -> None:
    async def serve() -> None:
        Spoken.loop = asyncio.get_running_loop()
        await argosy.aio.save_artifact(Spoken(), "value", extract_metadata=False)
        assert isinstance(await argosy.aio.load_artifact("value"), Spoken)

    asyncio.run(serve())


def test_bytes_are_hashed_outside_of_the_event_loop(server: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: dict[str, list[str]] = {"digest_of": [], "new_hasher": []}
    for module, name in ((upload_files, "digest_of"), (receive, "new_hasher")):
        monkeypatch.setattr(module, name, noticed(getattr(module, name), threads[name]))
    monkeypatch.setenv("ARGOSY_SERVER", server)

    async def serve() -> None:
        await argosy.aio.save_artifact(LARGE, "weights")
        np.testing.assert_array_equal(await argosy.aio.load_artifact("weights"), LARGE)

    asyncio.run(serve())
    assert all(threads.values())
    assert threading.main_thread().name not in {name for names in threads.values() for name in names}


def noticed(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """Return a function that remembers which threads call it."""

    def call(*args: Any, **options: Any) -> Any:
        names.append(threading.current_thread().name)
        return function(*args, **options)

    return call


def test_small_loads_do_not_wait_for_large_transfers(store: str) -> None:
    async def serve() -> None:
        async with argosy.aio.Client() as client:
            await client.save_artifact(LARGE, "weights")
            await client.save_artifact("small", "text")
            may_go_on = threading.Event()

            def hold(_: object) -> None:
                assert may_go_on.wait(PATIENCE)

            waiting = [asyncio.create_task(client.load_artifact("weights", on_progress=hold)) for _ in range(10)]
            for _ in range(20):
                assert await asyncio.wait_for(client.load_artifact("text"), PATIENCE / 2) == "small"
            assert not any(task.done() for task in waiting)
            may_go_on.set()
            await asyncio.gather(*waiting)

    asyncio.run(serve())


def test_each_event_loop_has_a_way_of_its_own_one_after_the_other_and_at_once(store: str) -> None:
    async def serve(name: str) -> int:
        for number in range(20):
            await argosy.aio.save_artifact(number, name)
        return int(await argosy.aio.load_artifact(name))

    assert [asyncio.run(serve("first")), asyncio.run(serve("second"))] == [19, 19]
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(serve("many")))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3


def test_a_client_is_refused_in_another_event_loop_and_after_its_end(store: str) -> None:
    client = argosy.aio.Client()

    async def use() -> argosy.aio.ArtifactVersion:
        return await client.save_artifact(1, "value")

    loop = asyncio.new_event_loop()
    saved = loop.run_until_complete(use())
    with pytest.raises(EventLoopError, match="belongs to another event loop"):
        asyncio.run(use())
    for _ in range(2):
        loop.run_until_complete(client.close())
    for call in (use, saved.load):
        with pytest.raises(EventLoopError, match="was closed; make a new one"):
            loop.run_until_complete(call())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_what_is_under_way_when_the_last_client_closes_is_told(server: str, home: Path) -> None:
    async def serve() -> None:
        client = argosy.aio.Client(server)
        await client.save_artifact(LARGE, "weights")
        has_begun, may_go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def wait(_: object) -> None:
            loop.call_soon_threadsafe(has_begun.set)
            may_go_on.wait(PATIENCE)

        loading = asyncio.create_task(client.load_artifact("weights", on_progress=wait))
        await has_begun.wait()
        loop.call_soon(may_go_on.set)
        await client.close()
        with pytest.raises(EventLoopError, match="was closed"):
            await loading

    asyncio.run(serve())


class Computed:
    """A value whose materializer computes until it is told to end."""

    begun, may_end = threading.Event(), threading.Event()


class ComputedMaterializer(argosy.Materializer[Computed]):
    types = (Computed,)
    format = "computed"

    def save(self, value: Computed, files: Any) -> None:
        Computed.begun.set()
        assert Computed.may_end.wait(PATIENCE)
        files.write("value", b"")

    def load(self, files: Any, as_type: type[Computed] | None) -> Computed:
        return Computed()


def test_closing_does_not_wait_for_a_materializer_that_computes(store: str) -> None:
    Computed.begun.clear()
    Computed.may_end.clear()

    async def serve() -> list[str]:
        async with argosy.aio.Client() as client:
            saving = asyncio.create_task(client.save_artifact(Computed(), "value"))
            await asyncio.to_thread(Computed.begun.wait)
        assert not Computed.may_end.is_set()
        Computed.may_end.set()
        with pytest.raises(EventLoopError, match="was closed"):
            await saving
        async with argosy.aio.Client() as client:
            return [item.name async for item in client.list_artifacts()]

    assert asyncio.run(asyncio.wait_for(serve(), PATIENCE)) == []


def test_functions_follow_the_settings_that_hold_now(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve() -> None:
        await argosy.aio.save_artifact(1, "value")
        monkeypatch.setenv("ARGOSY_PROJECT", "other")
        with pytest.raises(NotFoundError):
            await argosy.aio.get_artifact("value")
        await argosy.aio.save_artifact(2, "value")
        monkeypatch.delenv("ARGOSY_PROJECT")
        assert await argosy.aio.load_artifact("value") == 1

    asyncio.run(serve())


def test_what_a_step_saves_and_loads_is_linked_to_it(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")

    @argosy.step
    def ask() -> int:
        async def work() -> int:
            await argosy.aio.save_artifact("note", "notes")
            return int(await argosy.aio.load_artifact("number"))

        return asyncio.run(work())

    @argosy.pipeline
    def asking() -> None:
        ask()

    argosy.save_artifact(42, "number")
    step = asking().steps["ask"]
    assert step.output.load() == 42
    assert [version.name for version in step.saved] == ["notes"]
    assert [version.name for version in step.loaded] == ["number"]


def test_what_an_attempt_of_a_step_saves_and_gets_to_load_is_linked_to_that_attempt(home: Path) -> None:
    tried: list[int] = []

    async def work(attempt: int) -> None:
        async with argosy.aio.Client() as client:
            await client.save_artifact(attempt, "note")
            await client.save_artifacts({"one": attempt})
        await (await argosy.aio.get_artifact("number")).load()

    @argosy.step(retry=1)
    def ask() -> None:
        tried.append(1)
        asyncio.run(work(len(tried)))
        if len(tried) == 1:
            raise ConnectionError

    @argosy.pipeline
    def asking() -> None:
        ask()

    number = argosy.save_artifact(42, "number")
    step = asking().steps["ask"]
    linked = [(version.name, version.producer_attempt) for version in step.saved]
    assert linked == [("note", 1), ("one", 1), ("note", 2), ("one", 2)]
    assert set(step.loaded) == {number}


def test_a_warning_names_the_line_that_saves(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_value, "_warned_of_pickle", set())

    async def serve() -> None:
        await argosy.aio.save_artifact(Opaque(1), "value", allow_pickle=True)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(serve())
    assert [(item.category, item.filename) for item in caught] == [(PickleWarning, __file__)]


def test_a_cancelled_call_returns_at_once(server: str, home: Path) -> None:
    async def serve() -> None:
        async with argosy.aio.Client(server) as client:
            await client.save_artifact(1, "value")
            for call in (client.get_artifact_version, client.load_artifact):
                task = asyncio.create_task(call("value"))
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await client.load_artifact("value") == 1

    asyncio.run(serve())


SCRIPT = """
import asyncio, gc
import argosy.aio
from argosy.aio import Client

async def serve(number):
    saved = await argosy.aio.save_artifact(list(range(number)), "value", alias="prod")
    forgotten = Client()
    assert len(await forgotten.load_artifact("value")) == number
    watch = argosy.aio.watch_artifacts("value")
    waiting = asyncio.create_task(anext(watch))
    await asyncio.sleep(0.1)
    async for version in forgotten.list_artifact_versions("value"):
        break
    print(saved.version)

for number in range(1, 4):
    asyncio.run(serve(number))
    gc.collect()
"""


def test_a_program_that_closes_nothing_leaves_nothing_open_and_gets_no_warning(store: str) -> None:
    environment = {**os.environ, "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, env=environment)
    told = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]  # slow on a busy machine
    assert (done.returncode, done.stdout.split(), told) == (0, ["1", "2", "3"], [])


MEMORY = """
import asyncio, resource, sys
from pathlib import Path
import argosy.aio

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

async def serve():
    await argosy.aio.save_artifact("warm", "warm")
    before = peak()
    saved = await argosy.aio.save_artifact(Path(sys.argv[1]), "file")
    await saved.download(sys.argv[2])
    print(peak() - before)

asyncio.run(serve())
"""


def test_memory_does_not_grow_with_a_file(store: str, tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        for _ in range(4):
            file.write(LARGE.tobytes())
    command = [sys.executable, "-c", MEMORY, str(source), str(tmp_path / "copy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert int(done.stdout) < 80
    [copy] = (path for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert copy.stat().st_size == source.stat().st_size


def test_naming_it_loads_no_wire() -> None:
    code = "import argosy, sys; argosy.aio; print({'grpc', 'asyncio', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


IMPORTS = """
import argosy.aio, asyncio, sys, threading

class Noticing:
    names = set()

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            self.names.add(name.partition(".")[0])

async def serve():
    sys.meta_path.insert(0, Noticing())
    await argosy.aio.save_artifact(1, "value")
    await argosy.aio.load_artifact("value")
    await argosy.aio.get_artifact("value")

asyncio.run(serve())
print({"grpc", "google", "numpy", "argosy_server"} & Noticing.names, "grpc" in sys.modules)
"""


def test_what_the_first_call_needs_is_imported_outside_of_the_event_loop(store: str) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() True"


def test_dir_shows_the_public_names() -> None:
    assert dir(argosy.aio) == sorted(argosy.aio.__all__)
    assert all(callable(getattr(argosy.aio, name)) for name in argosy.aio.__all__)

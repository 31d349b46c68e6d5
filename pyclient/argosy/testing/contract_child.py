"""The other process of a contract: ``python -m argosy.testing.contract_child job.json report.json``.

It forks for what must not touch its own memory: loading without a package, before any is imported, and saving the
large value. The library of the materializer is imported once.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import importlib.util
import json
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argosy.materializers.loaded_files import remove_loaded
from argosy.materializers.packages import VersionDriftWarning
from argosy.sdk.client import Client
from argosy.testing.isolation import store_address
from argosy.testing.laboratory import Job, Large
from argosy.testing.missing_package import uninstalled

if TYPE_CHECKING:
    from argosy.testing.materializer_contract import MaterializerContract

_PEAK = Path("/proc/self/clear_refs")
"""Where a process resets the peak of its memory."""


def main(job_file: str, report_file: str) -> None:
    """Do what the job says and write down what was found."""
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    sys.path[:] = [*job.search_path, *_root_of_module(job)]
    without = {package: _in_a_fork(partial(_load_without, job, package)) for package in job.missing}
    contract = _contract(job)
    saved = _in_a_fork(partial(_save_large, job, contract)) if _PEAK.exists() else None
    client = _client(job, contract)
    loaded = {name: _load(client, f"value-{number}", contract, name) for number, name in enumerate(job.values)}
    report = {
        "without": without,
        "loaded": loaded,
        "drifted": {package: _warnings_of(client, f"drifted-{n}") for n, package in enumerate(job.drifted)},
        "large": None if saved is None else dataclasses.asdict(_load_large(client, contract, saved)),
    }
    Path(report_file).write_text(json.dumps(report), encoding="utf-8")


def _root_of_module(job: Job) -> list[str]:
    """Return the folder that the module's name begins at: ``--import-mode=importlib`` does not search ``sys.path``."""
    parts, found = tuple(job.module.split(".")), Path(job.file).with_suffix("").parts
    return [str(Path(*found[: -len(parts)]))] if found[-len(parts) :] == parts else []


def _client(job: Job, contract: MaterializerContract | None = None) -> Client:
    return Client(
        store_address(Path(job.home)), home=job.home, allow_pickle=True if contract is None else contract.allow_pickle
    )


def _contract(job: Job) -> MaterializerContract:
    try:
        module = importlib.import_module(job.module)
    except ModuleNotFoundError:
        spec = importlib.util.spec_from_file_location(job.module, job.file)
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[job.module] = module
        spec.loader.exec_module(module)
    found: Any = module
    for part in job.contract.split("."):
        found = getattr(found, part)
    made: MaterializerContract = found()
    return made


def _load_without(job: Job, package: str) -> str:
    """Return what loading the first value says where a package is not installed."""
    with uninstalled(package):
        try:
            loaded = _client(job).load_artifact("value-0")
        except BaseException as error:  # whatever it is, it is what the user would see
            return f"{type(error).__name__}: {error}"
    return f"it was loaded nevertheless, as {loaded!r:.200}"


def _load(client: Client, artifact: str, contract: MaterializerContract, name: str) -> str:
    """Return what came back of a value, in words."""
    try:
        loaded = client.load_artifact(artifact)
        value = contract.values()[name]
        return _compared(contract, loaded, value)
    except Exception:
        return traceback.format_exc()


def _compared(contract: MaterializerContract, loaded: Any, value: Any) -> str:
    wanted = contract.loaded_type(value)
    if type(loaded) is not wanted:
        return f"a {wanted} came back as a {type(loaded)}"
    if not contract.equal(loaded, value):
        defines_equality = any("__eq__" in vars(base) for base in type(value).__mro__[:-1])
        lacks = f"; {wanted.__qualname__} has no __eq__, so define one, or equal(self, loaded, value)"
        cure = "" if defines_equality else lacks
        return f"{value!r:.500} came back as {loaded!r:.500}{cure}"
    return "equal and of the same type"


def _warnings_of(client: Client, artifact: str) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.load_artifact(artifact)
    return [str(warning.message) for warning in caught if issubclass(warning.category, VersionDriftWarning)]


def _save_large(job: Job, contract: MaterializerContract) -> Any:
    """Save the large value; return its size, that of its files, and the memory it took beyond the value."""
    client = _client(job, contract)
    client.save_artifact(next(iter(contract.values().values())), "warm", materializer=contract.materializer)
    _settle()
    before = _held("VmRSS")
    value = contract.large_value()
    if value is None:
        return None
    _settle()
    size = contract.size_bytes(value)
    size = _held("VmRSS") - before if size is None else size
    before = _held("VmRSS")
    _PEAK.write_text("5", encoding="ascii")
    version = client.save_artifact(value, "large", materializer=contract.materializer)
    return [size, version.size_bytes, _held("VmHWM") - before]


def _load_large(client: Client, contract: MaterializerContract, saved: Sequence[int]) -> Large:
    size, stored, more_for_saving = saved
    _settle()
    before = _held("VmRSS")
    _PEAK.write_text("5", encoding="ascii")
    loaded = client.load_artifact("large")
    contract.read_whole(loaded)
    more_for_loading = _held("VmHWM") - before - (0 if contract.is_stream else size)
    try:
        loaded = client.load_artifact("large") if contract.is_stream else loaded  # it was read to its end
        found = _compared(contract, loaded, contract.large_value())
    except Exception:
        found = traceback.format_exc()
    return Large(size, stored, more_for_saving, more_for_loading, found)


def _settle() -> None:
    """Give memory back that is free, so that taking it again is seen."""
    gc.collect()
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _held(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) << 10


def _in_a_fork(action: Callable[[], Any]) -> Any:
    """Return what ``action`` returns, a JSON value, in a fork of this process.

    Raises:
        RuntimeError: it failed there.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        status = 1
        try:
            content = json.dumps(action()).encode()
            with os.fdopen(write, "wb") as pipe:
                pipe.write(content)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            remove_loaded()
            remove_loaded()
            sys.stderr.flush()
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        content = pipe.read()
    _, ended = os.waitpid(pid, 0)
    if ended:
        raise RuntimeError("a fork failed, as told above")
    return json.loads(content)


if __name__ == "__main__":
    main(*sys.argv[1:])

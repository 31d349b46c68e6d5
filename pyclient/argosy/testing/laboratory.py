"""Values of a contract, saved here and examined in another process; that process is ``contract_child``."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argosy.execution.values.prepared_value import DescriptionWarning
from argosy.materializers.packages import FACT
from argosy.sdk.client import Client
from argosy.testing.isolation import store_address

if TYPE_CHECKING:
    from argosy.testing.materializer_contract import MaterializerContract

SLACK_BYTES = 64 << 20
"""So much more memory than the value itself may be taken."""

DRIFTED_VERSION = "0.0.1"


@dataclass(frozen=True)
class Job:
    """What the other process shall do.

    Attributes:
        module: name of the module of the contract.
        file: where that module is, when it cannot be imported by its name.
        contract: qualified name of the class.
        search_path: ``sys.path`` of the tests.
        home: the embedded store.
        values: name of each value; artifact ``value-<n>`` is the n-th.
        missing: packages to load without.
        drifted: packages that another version is recorded of, in artifact ``drifted-<n>``.
    """

    module: str
    file: str
    contract: str
    search_path: Sequence[str]
    home: str
    values: Sequence[str]
    missing: Sequence[str]
    drifted: Sequence[str]


@dataclass(frozen=True)
class Large:
    """What saving and loading a large value took, in bytes.

    Attributes:
        size_bytes: memory of the value itself.
        stored_bytes: size of its files.
        more_for_saving_bytes: peak of the process while it was saved, beyond what it had before.
        more_for_loading_bytes: peak while it was loaded, beyond what it had before and the value itself.
        loaded: what came back.
    """

    size_bytes: int
    stored_bytes: int
    more_for_saving_bytes: int
    more_for_loading_bytes: int
    loaded: str


@dataclass(frozen=True)
class Laboratory:
    """What the other process found out.

    Attributes:
        loaded: name of a value -> what came back of it.
        warned_of: name of a value -> what was wrong with its facts and previews.
        without: name of a package -> what loading says without it.
        drifted: name of a package -> the warnings of loading with another version of it.
        large: what the large value took; ``None`` where there is none.
    """

    loaded: Mapping[str, str]
    warned_of: Mapping[str, Sequence[str]]
    without: Mapping[str, str]
    drifted: Mapping[str, Sequence[str]]
    large: Large | None

    @classmethod
    def of(
        cls, contract: MaterializerContract, home: Path, missing: Sequence[str], drifted: Sequence[str]
    ) -> Laboratory:
        """Save the values of a contract below ``home`` and have another process examine them.

        Raises:
            AssertionError: the other process failed; tells how.
        """
        client, values = Client(store_address(home / "store"), home=home / "store"), contract.values()
        warned_of = {
            name: _save(client, f"value-{position}", value, contract)
            for position, (name, value) in enumerate(values.items())
        }
        for position, package in enumerate(drifted):
            _save(client, f"drifted-{position}", next(iter(contract.values().values())), contract)
            found = client.get_artifact_version(f"drifted-{position}")
            found.update(metadata={FACT: {**found.metadata[FACT], package: DRIFTED_VERSION}})
        module, where = type(contract).__module__, type(contract).__qualname__
        file = str(Path(str(sys.modules[module].__file__)).resolve())
        job = Job(module, file, where, sys.path, str(home / "store"), list(values), missing, drifted)
        report = _examined(job, home)
        large = report["large"]
        return cls(
            report["loaded"], warned_of, report["without"], report["drifted"], None if large is None else Large(**large)
        )

    def large_or_skip(self) -> Large:
        """Return what the large value took; the test is skipped where there is none."""
        if self.large is None:
            pytest.skip(
                "memory is not proved: define large_value(self), a value of more than 64 MiB; where it is defined, "
                "this system does not tell a process the peak of its memory"
            )
        if self.large.size_bytes <= SLACK_BYTES:
            pytest.fail(
                f"large_value() takes {self.large.size_bytes} bytes of memory; a second copy of it is only seen when "
                f"it takes more than {SLACK_BYTES}"
            )
        return self.large


def _save(client: Client, name: str, value: Any, contract: MaterializerContract) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.save_artifact(value, name, materializer=contract.materializer, allow_pickle=contract.allow_pickle)
    return [str(warning.message) for warning in caught if issubclass(warning.category, DescriptionWarning)]


def _examined(job: Job, folder: Path) -> Any:
    (folder / "job.json").write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ARGOSY_")}
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", "argosy.testing.contract_child", str(folder / "job.json"), str(folder / "report.json")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"the process that examines the values of {job.contract} failed:\n{done.stderr[-5000:]}")
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))

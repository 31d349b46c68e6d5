"""ZenML: the local default stack, in a configuration of its own, one client a round."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.transfer.processes import Client
from bench.transfer.rounds import Side
from bench.transfer.venvs import peer_environment, python_of

REQUIREMENTS = ("zenml[local]==0.98.*", "numpy")
QUIET = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "DO_NOT_TRACK": "true",
    "AUTO_OPEN_DASHBOARD": "false",
    "ZENML_LOGGING_VERBOSITY": "WARN",
}


@contextlib.contextmanager
def zenml_array(venvs: Path, size: int) -> Iterator[Side]:
    """Save and load with its materializer for numpy, and as it does in a fresh process (pickle)."""
    python = python_of(venvs, "zenml", REQUIREMENTS)
    with tempfile.TemporaryDirectory() as folder:
        stores = Path(folder, "stores")
        env = peer_environment(
            {**QUIET, "HOME": folder, "ZENML_CONFIG_PATH": folder, "ZENML_LOCAL_STORES_PATH": str(stores)}
        )

        def side(seed: int) -> Mapping[str, float]:
            try:
                command = [str(python), "-m", "bench.transfer.zenml_client", str(size), str(seed)]
                return Client(command, env).answer()
            finally:
                for saved in stores.glob("*/custom_artifacts"):
                    shutil.rmtree(saved)

        yield side

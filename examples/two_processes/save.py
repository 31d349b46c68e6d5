"""The first process: saves a table, an array and a plain document through the server."""

import numpy as np
import pandas as pd

import argosy

features = pd.DataFrame({"age": [61, 48, 70], "smoker": [True, False, True]}, index=["p1", "p2", "p3"])
for name, value in {
    "shared/features": features,
    "shared/weights": np.linspace(0.0, 1.0, 1_000_000),
    "shared/settings": {"threshold": 0.5, "classes": ["benign", "malignant"]},
}.items():
    version = argosy.save_artifact(value, name, alias="prod")
    print(f"saved {version.name} version {version.version} as {version.format}, {version.size_bytes:,} bytes")

"""The second process: loads what the first one saved, and proves that it is the same."""

import numpy as np
import pandas as pd

import argosy

features: pd.DataFrame = argosy.load_artifact("shared/features", alias="prod")
weights = argosy.load_artifact("shared/weights", alias="prod")
if features.loc["p2", "age"] != 48 or list(features.columns) != ["age", "smoker"]:
    raise SystemExit(f"another table came back:\n{features}")
if not np.array_equal(weights, np.linspace(0.0, 1.0, 1_000_000)):
    raise SystemExit("other weights came back")
print(f"loaded a table of {len(features)} rows and {weights.size:,} weights, all as saved")

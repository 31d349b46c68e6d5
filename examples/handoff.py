"""Hands values from one piece of work to another without any pipeline: save, find, load.

    python examples/handoff.py

The store is the embedded one, or the server that ARGOSY_SERVER names.
"""

import numpy as np
import pandas as pd

import argosy


def explore() -> None:
    """Monday, in a notebook: keep what was found, with words that tell what it is."""
    rng = np.random.default_rng(7)
    weights = rng.normal(size=(1000, 8))
    saved = argosy.save_artifact(
        weights, "handoff/weights", tags=["experiment"], alias="candidate", metadata={"author": "Ada", "seed": 7}
    )
    print(f"saved {saved.name} version {saved.version}: {saved.metadata['shape']} of {saved.metadata['dtype']}")

    scores = pd.DataFrame({"model": ["linear", "forest"], "auc": [0.94, 0.97]}).set_index("model")
    argosy.save_artifact(scores, "handoff/scores")


def use() -> None:
    """Tuesday, in another program: only the names are known."""
    weights = argosy.load_artifact("handoff/weights", alias="candidate")
    scores = argosy.load_artifact("handoff/scores", as_type=pd.DataFrame)
    print(f"loaded weights {weights.shape}, mean {weights.mean():+.4f}; best model: {scores['auc'].idxmax()}")

    try:
        argosy.load_artifact("handoff/wieghts")
    except LookupError as error:
        print(f"a misspelt name is told: {error}")


if __name__ == "__main__":
    explore()
    use()

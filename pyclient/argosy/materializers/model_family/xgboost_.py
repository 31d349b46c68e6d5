"""XGBoost boosters and scikit-learn wrappers: format ``xgboost``, XGBoost's own JSON in ``model.json``.

XGBoost's binary form is not used: its reader ends the process on a file that was cut off.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import xgboost
from xgboost.core import XGBoostError

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, type_name
from argosy.materializers.model_family.boosted_estimators import BoostedEstimatorMaterializer, BoostedTreesMaterializer
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver

MODEL = "model.json"
CONFIGURATION = "config.json"
"""What further training of the booster goes by; only the very version that wrote it reads it."""


class BoosterMaterializer(BoostedTreesMaterializer):
    """Keeps boosters: trees or weights, names of features, attributes and configuration."""

    id = "argosy.xgboost"
    types = (xgboost.Booster,)
    format = "xgboost"
    packages = ("xgboost",)
    model = MODEL

    def save_nested(self, value: xgboost.Booster, files: FileSink, leaves: LeafSaver) -> None:
        """Write the model.

        Raises:
            CannotKeepError: it is of a subclass, or XGBoost refuses it (it was never trained).
        """
        if type(value) is not xgboost.Booster:
            raise CannotKeepError(f"{type_name(type(value))} is a subclass of Booster, which JSON would not bring back")
        try:
            model, configuration = value.save_raw("json"), value.save_config()
        except XGBoostError as error:
            raise CannotKeepError(f"XGBoost refuses to write this booster: {_first_line(error)}") from error
        files.write(MODEL, model)
        files.write(CONFIGURATION, configuration.encode())

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> xgboost.Booster:
        """Read the model.

        Raises:
            MaterializerError: it is malformed.
        """
        content = files.buffer(MODEL)
        if bytes(content[:1]) != b"{":  # XGBoost aborts the process over an empty file
            raise MaterializerError(f"{MODEL} is not the JSON of an XGBoost model")
        try:
            booster = xgboost.Booster(model_file=bytearray(content))
            if CONFIGURATION in files.paths:
                configuration = files.read(CONFIGURATION).decode()
                if json.loads(configuration)["version"] == json.loads(booster.save_config())["version"]:
                    booster.load_config(configuration)
        except (XGBoostError, ValueError, KeyError, TypeError) as error:
            raise MaterializerError(f"XGBoost cannot read {MODEL} and {CONFIGURATION}: {_first_line(error)}") from error
        return booster

    def facts(self, booster: xgboost.Booster) -> dict[str, JSON]:
        """Return the numbers of features and rounds."""
        return {"n_features": int(booster.num_features()), "rounds": int(booster.num_boosted_rounds())}

    def gains(self, booster: xgboost.Booster) -> dict[str, float]:
        """Return how much each feature gains that any tree uses."""
        try:
            found: dict[str, float] = booster.get_score(importance_type="gain")
        except XGBoostError:  # a linear one, which has weights and no trees
            return {}
        return found


class XGBModelMaterializer(BoostedEstimatorMaterializer):
    """Keeps the scikit-learn wrappers."""

    id = "argosy.xgboost_estimator"
    types = (xgboost.XGBModel,)
    format = "xgboost"
    packages = ("xgboost",)
    boosters = BoosterMaterializer()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

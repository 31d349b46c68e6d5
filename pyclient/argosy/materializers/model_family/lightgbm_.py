"""LightGBM boosters and scikit-learn wrappers: format ``lightgbm``, LightGBM's own text in ``model.txt``."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any

import lightgbm
from lightgbm.basic import LightGBMError

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, type_name
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import write_document
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.model_family.boosted_estimators import BoostedEstimatorMaterializer, BoostedTreesMaterializer
from argosy.materializers.model_family.lightgbm_text import check_text
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver

MODEL = "model.txt"
STATE = "booster.json"
"""What Python knows of a booster beside its text: parameters as they were given, the best iteration and its scores."""

_ATTRIBUTES = ("params", "best_iteration", "best_score", "_train_data_name")
_SCORES = ("best_score", "_best_score")


class BoosterMaterializer(BoostedTreesMaterializer):
    """Keeps boosters: all trees, parameters and the best iteration."""

    id = "argosy.lightgbm"
    types = (lightgbm.Booster,)
    format = "lightgbm"
    packages = ("lightgbm",)
    model = MODEL

    def save_nested(self, value: lightgbm.Booster, files: FileSink, leaves: LeafSaver) -> None:
        """Write the model.

        Raises:
            CannotKeepError: it is of a subclass, or LightGBM refuses it.
            MaterializerError: a parameter (a function, say) cannot be kept; names it.
        """
        if type(value) is not lightgbm.Booster:
            raise CannotKeepError(f"{type_name(type(value))} is a subclass of Booster, which text would not bring back")
        attributes = {name: getattr(value, name) for name in _ATTRIBUTES if hasattr(value, name)}
        state = JsonEncoder(leaves).members(_told(attributes))
        local = files.temporary_directory() / MODEL
        try:
            value.save_model(local, num_iteration=-1)
        except LightGBMError as error:
            raise CannotKeepError(f"LightGBM refuses to write this booster: {error}") from error
        try:
            check_text(local.read_bytes(), MODEL)
        except MaterializerError as error:  # nothing is kept that would not be read again
            raise CannotKeepError(f"LightGBM wrote what is no whole model: {error}") from error
        files.write_file(MODEL, local)
        write_document(state, files, STATE)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> lightgbm.Booster:
        """Read the model.

        Raises:
            MaterializerError: it is malformed.
        """
        content = files.read(MODEL)
        check_text(content, MODEL)
        try:
            booster = lightgbm.Booster(model_str=content.decode())
        except (LightGBMError, ValueError) as error:
            raise MaterializerError(f"LightGBM cannot read {MODEL}: {error}") from error
        if STATE in files.paths:
            state = JsonDecoder(leaves).decode(files.read(STATE))
            if not isinstance(state, dict):
                raise MaterializerError(f"{STATE} must be an object")
            remembered = _remembered(state)
            for name in _ATTRIBUTES:
                if name in remembered:
                    setattr(booster, name, remembered[name])
        return booster

    def facts(self, booster: lightgbm.Booster) -> dict[str, JSON]:
        """Return the numbers of features and trees."""
        return {"n_features": int(booster.num_feature()), "trees": int(booster.num_trees())}

    def gains(self, booster: lightgbm.Booster) -> dict[str, float]:
        """Return how much each feature gains that any tree uses."""
        gains = booster.feature_importance("gain")
        return {name: float(gain) for name, gain in zip(booster.feature_name(), gains, strict=True) if gain}


class LGBMModelMaterializer(BoostedEstimatorMaterializer):
    """Keeps the scikit-learn wrappers."""

    id = "argosy.lightgbm_estimator"
    types = (lightgbm.LGBMModel,)
    format = "lightgbm"
    packages = ("lightgbm",)
    boosters = BoosterMaterializer()

    def told(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return attributes with scores as JSON can say them."""
        return _told(attributes)

    def remembered(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Undo :meth:`told`; one that is not fitted has no booster, and says so."""
        return {**_remembered(attributes), "_Booster": None}


def _told(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes with scores as JSON can say them: the default of their mapping is ``OrderedDict``."""
    told = dict(attributes)
    for name in _SCORES:
        scores = told.get(name)
        if type(scores) is defaultdict and scores.default_factory is OrderedDict:
            told[name] = ["defaultdict", dict(scores)]
    return told


def _remembered(attributes: dict[str, Any]) -> dict[str, Any]:
    """Undo :func:`_told`."""
    found = dict(attributes)
    for name in _SCORES:
        match found.get(name):
            case ["defaultdict", dict(scores)]:
                found[name] = defaultdict(OrderedDict, scores)
    return found

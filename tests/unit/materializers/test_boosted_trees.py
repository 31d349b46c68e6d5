"""XGBoost and LightGBM: boosters in the text each library documents, scikit-learn wrappers with all they know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.registry import extract_metadata, visualize
from tests.unit.materializers.frameworks import FrameworkContract, require
from tests.unit.materializers.kept import keep

ROWS = np.random.default_rng(7).normal(size=(200, 3))
CLASSES = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(np.int64)
NUMBERS = ROWS @ [1.0, -2.0, 0.5]


class TestXGBoost(FrameworkContract):
    library = "xgboost"
    names = ("booster", "classifier", "regressor", "of many classes", "stopped early", "of categories", "not fitted")

    def values(self) -> Mapping[str, Any]:
        return _xgboost_models()

    def equal(self, loaded: Any, value: Any) -> bool:
        import xgboost as xgb

        if isinstance(value, xgb.Booster):
            return _same_booster(loaded, value)
        if list(vars(loaded)) and loaded.get_params().keys() != value.get_params().keys():
            return False
        kept = {name: item for name, item in vars(value).items() if name != "_Booster"}
        same = repr({name: vars(loaded)[name] for name in kept}) == repr(kept) and repr(loaded) == repr(value)
        if "_Booster" not in vars(value):
            return same and "_Booster" not in vars(loaded)
        if value.n_features_in_ == 3 and not np.array_equal(loaded.predict(ROWS), value.predict(ROWS)):
            return False
        return same and _same_booster(loaded.get_booster(), value.get_booster())


class TestLightGBM(FrameworkContract):
    library = "lightgbm"
    names = ("booster", "classifier", "regressor", "of text classes", "stopped early", "of categories", "not fitted")

    def values(self) -> Mapping[str, Any]:
        return _lightgbm_models()

    def equal(self, loaded: Any, value: Any) -> bool:
        import lightgbm as lgb

        if isinstance(value, lgb.Booster):
            return _same_text(loaded, value)
        kept = {name: item for name, item in vars(value).items() if name not in ("_Booster", "_le")}
        same = repr({name: vars(loaded)[name] for name in kept}) == repr(kept) and repr(loaded) == repr(value)
        if value._Booster is None:
            return same and loaded._Booster is None
        if value.n_features_ == 3 and not np.array_equal(loaded.predict(ROWS), value.predict(ROWS)):
            return False
        return same and _same_text(loaded.booster_, value.booster_)


@cache
def _xgboost_models() -> Mapping[str, Any]:
    import xgboost as xgb

    alone: dict[str, Any] = {"n_jobs": 1, "n_estimators": 3}
    kinds = pd.DataFrame({"kind": pd.Categorical(np.array(["low", "high"])[CLASSES])})
    stopped = xgb.XGBClassifier(n_jobs=1, n_estimators=50, early_stopping_rounds=2, max_depth=2)
    return {
        "booster": xgb.train({"max_depth": 2, "eta": 0.3, "nthread": 1}, xgb.DMatrix(ROWS, NUMBERS), 4),
        "classifier": xgb.XGBClassifier(**alone, missing=-1.0).fit(ROWS, CLASSES),
        "regressor": xgb.XGBRegressor(**alone, monotone_constraints=(1, 0, 0)).fit(ROWS, NUMBERS),
        "of many classes": xgb.XGBClassifier(**alone).fit(ROWS, np.arange(200) % 4),
        "stopped early": stopped.fit(ROWS[:100], CLASSES[:100], eval_set=[(ROWS, CLASSES)], verbose=False),
        "of categories": xgb.XGBRegressor(**alone, enable_categorical=True).fit(kinds, NUMBERS),
        "not fitted": xgb.XGBRanker(max_depth=7),
    }


@cache
def _lightgbm_models() -> Mapping[str, Any]:
    import lightgbm as lgb

    quiet: dict[str, Any] = {"verbose": -1, "num_threads": 1}
    kinds = pd.DataFrame({"kind": pd.Categorical(np.array(["low", "high"])[CLASSES]), "n": ROWS[:, 0]})
    texts = np.array(["no", "yes"])[CLASSES]
    stopped = lgb.LGBMRegressor(n_estimators=60, **quiet)
    stop = [lgb.early_stopping(2, verbose=False)]
    return {
        "booster": lgb.train({"objective": "l1", **quiet}, lgb.Dataset(ROWS, NUMBERS), 4),
        "classifier": lgb.LGBMClassifier(n_estimators=5, **quiet).fit(ROWS, CLASSES),
        "regressor": lgb.LGBMRegressor(n_estimators=5, **quiet).fit(ROWS, NUMBERS),
        "of text classes": lgb.LGBMClassifier(n_estimators=3, **quiet).fit(ROWS, texts),
        "stopped early": stopped.fit(ROWS[:100], NUMBERS[:100], eval_X=(ROWS,), eval_y=(NUMBERS,), callbacks=stop),
        "of categories": lgb.LGBMRegressor(n_estimators=3, **quiet).fit(kinds, NUMBERS),
        "not fitted": lgb.LGBMRanker(num_leaves=7),
    }


def _same_booster(loaded: Any, value: Any) -> bool:
    return bool(
        loaded.save_raw("json") == value.save_raw("json")
        and loaded.save_config() == value.save_config()
        and loaded.attributes() == value.attributes()
        and loaded.feature_types == value.feature_types
    )


def _same_text(loaded: Any, value: Any) -> bool:
    known = ("best_iteration", "best_score", "params", "pandas_categorical")
    return bool(
        loaded.model_to_string(num_iteration=-1) == value.model_to_string(num_iteration=-1)
        and loaded.model_to_string() == value.model_to_string()
        and all(repr(getattr(loaded, name)) == repr(getattr(value, name)) for name in known)
    )


def test_any_program_of_xgboost_reads_the_model_and_python_reads_that_of_any_program() -> None:
    xgb = require("xgboost")
    booster = xgb.train({"max_depth": 2, "nthread": 1}, xgb.DMatrix(ROWS, NUMBERS), 4)
    kept = keep(booster)
    assert json.loads(kept.files["model.json"])["version"] == [int(part) for part in xgb.__version__.split(".")]
    del kept.files["config.json"]
    loaded = kept.load(materializer="", data_type="")
    assert np.array_equal(loaded.predict(xgb.DMatrix(ROWS)), booster.predict(xgb.DMatrix(ROWS)))
    assert extract_metadata(booster, "argosy.xgboost") == {"n_features": 3, "rounds": 4}


def test_the_configuration_of_another_version_of_xgboost_is_left_alone() -> None:
    xgb = require("xgboost")
    booster = xgb.train({"max_depth": 2, "eta": 0.125, "nthread": 1}, xgb.DMatrix(ROWS, NUMBERS), 4)
    kept = keep(booster)
    assert '"eta":"0.125"' in kept.load().save_config()
    configuration = json.loads(kept.files["config.json"])
    kept.files["config.json"] = json.dumps({**configuration, "version": [1, 0, 0]}).encode()
    assert '"eta":"0.125"' not in kept.load().save_config()


def test_a_booster_that_was_never_trained_is_refused() -> None:
    xgb = require("xgboost")
    with pytest.raises(PickleRefusedError, match="XGBoost refuses to write this booster"):
        keep(xgb.Booster({"max_depth": 3}))


def test_any_program_of_lightgbm_reads_the_model_and_python_reads_that_of_any_program() -> None:
    lgb = require("lightgbm")
    booster = lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(ROWS, NUMBERS), 4)
    kept = keep(booster)
    assert kept.files["model.txt"].decode() == booster.model_to_string(num_iteration=-1)
    del kept.files["booster.json"]
    assert np.array_equal(kept.load(materializer="", data_type="").predict(ROWS), booster.predict(ROWS))
    assert extract_metadata(booster, "argosy.lightgbm") == {"n_features": 3, "trees": 4}


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_the_preview_of_a_model_is_its_features_best_first(library: str) -> None:
    require(library)
    models = _xgboost_models() if library == "xgboost" else _lightgbm_models()
    for name, suffix in (("booster", ""), ("regressor", "_estimator")):
        (text,) = visualize(models[name], f"argosy.{library}{suffix}").values()
        head, *rows = text.decode().splitlines()
        gains = [float(row.split(",")[1]) for row in rows]
        assert (head, gains) == ("feature,gain", sorted(gains, reverse=True))
        assert rows[0].split(",")[0] in ("f1", "Column_1")
    assert visualize(models["not fitted"], f"argosy.{library}_estimator") == {}


def test_a_linear_booster_has_no_trees_whose_gain_could_be_shown() -> None:
    xgb = require("xgboost")
    booster = xgb.train({"booster": "gblinear", "nthread": 1}, xgb.DMatrix(ROWS, NUMBERS), 2)
    assert visualize(booster, "argosy.xgboost") == {}


@pytest.mark.parametrize("part", [0.3, 0.5, 0.75, 0.9, 0.999])
def test_a_model_of_lightgbm_that_was_cut_off_is_refused_before_it_ends_the_process(part: float) -> None:
    lgb = require("lightgbm")
    kept = keep(lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(ROWS, NUMBERS), 4))
    text = kept.files["model.txt"]
    kept.files["model.txt"] = text[: int(part * len(text))]
    with pytest.raises(MaterializerError, match=r"model\.txt (is cut off|lacks its tree|is not the text)"):
        kept.load()


@pytest.mark.parametrize(
    ("line", "changed", "reason"),
    [
        ("num_cat=2", "num_dog=2", "num_cat"),
        ("num_cat=2", "num_cat=9", "cat_boundaries has 3 numbers instead of 10"),
        ("num_leaves=5", "num_leaves=6", "leaf_value has 5 numbers instead of 6"),
        ("left_child=1", "left_child=0", "left_child and right_child do not lead to each part once"),
        ("left_child=1", "left_child 1", "'left_child 1.*' is no line of a tree"),
        ("split_feature=2", "split_feature=3", "split_feature names a feature that is not there"),
        ("threshold=0 1", "threshold=0 2", "threshold names categories that are not there"),
        ("cat_boundaries=0 1 2", "cat_boundaries=0 1 3", "cat_boundaries do not fit cat_threshold"),
        ("shrinkage=1", "shrinkage=x", "'shrinkage=x' is no line of a tree"),
        ("shrinkage=1", "num_cat=001", "'num_cat=001' is no line of a tree"),
    ],
)
def test_a_malformed_tree_of_lightgbm_is_refused_before_it_ends_the_process(
    line: str, changed: str, reason: str
) -> None:
    lgb = require("lightgbm")
    rows = np.column_stack([ROWS[:, :2], np.arange(len(ROWS)) % 3])
    parameters: dict[str, Any] = {"verbose": -1, "num_threads": 1, "num_leaves": 5, "min_data_per_group": 1}
    parameters |= {"cat_smooth": 0, "max_cat_to_onehot": 1}
    data = lgb.Dataset(rows, NUMBERS + 100 * rows[:, 2], categorical_feature=[2], params=parameters)
    kept = keep(lgb.train(parameters, data, 2))
    text = kept.files["model.txt"].decode()
    assert f"\n{line}" in text
    kept.files["model.txt"] = text.replace(f"\n{line}", f"\n{changed}", 1).encode()
    with pytest.raises(MaterializerError, match=f"model.txt has a malformed tree 0: .*{reason}"):
        kept.load()


def test_a_booster_of_lightgbm_that_would_not_be_read_again_is_refused() -> None:
    lgb = require("lightgbm")
    trained = lgb.train({"verbose": -1, "num_threads": 1, "num_leaves": 2}, lgb.Dataset(ROWS, NUMBERS), 1)
    (line,) = re.findall("^split_feature=.*$", trained.model_to_string(), re.MULTILINE)
    forged = lgb.Booster(model_str=trained.model_to_string().replace(line, "split_feature=99"))
    with pytest.raises(PickleRefusedError, match="split_feature names a feature that is not there"):
        keep(forged)


@pytest.mark.parametrize("kind", ["linear", "classes", "one leaf"])
def test_models_of_every_form_are_read(kind: str) -> None:
    lgb = require("lightgbm")
    forms: dict[str, dict[str, Any]] = {
        "linear": {"linear_tree": True},
        "classes": {"objective": "multiclass", "num_class": 3},
    }
    parameters = {**forms.get(kind, {}), "verbose": -1, "num_threads": 1}
    rows = np.zeros_like(ROWS) if kind == "one leaf" else ROWS
    targets: Any = np.arange(len(ROWS)) % 3 if kind == "classes" else NUMBERS
    booster = lgb.train(parameters, lgb.Dataset(rows, targets, params=parameters), 3)
    assert np.array_equal(keep(booster).load().predict(ROWS), booster.predict(ROWS))


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_function_among_the_parameters_is_named(library: str) -> None:
    module = require(library)
    made: dict[str, Callable[[], Any]] = {
        "xgboost": lambda: module.XGBRegressor(objective=lambda y, p: (p - y, p)),
        "lightgbm": lambda: module.LGBMRegressor(objective=lambda y, p: (p - y, p)),
    }
    with pytest.raises(PickleRefusedError, match=r"value\._?objective is a builtins:function, which only pickle"):
        keep(made[library]())


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_an_estimator_of_ones_own_class_is_made_again_without_its_constructor(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = require(library)
    base = module.XGBRegressor if library == "xgboost" else module.LGBMRegressor
    cls: Any = type("Tuned", (base,), {"__module__": __name__})
    monkeypatch.setattr(f"{__name__}.Tuned", cls, raising=False)
    estimator = cls(n_estimators=3, n_jobs=1).fit(ROWS, NUMBERS)
    kept = keep(estimator)
    monkeypatch.setattr(cls, "__init__", lambda self: pytest.fail("the constructor ran"))
    loaded = kept.load()
    assert type(loaded) is cls
    assert np.array_equal(loaded.predict(ROWS), estimator.predict(ROWS))
    assert extract_metadata(estimator, kept.saved.materializer)["estimator"] == "Tuned"
    with pytest.raises(MaterializerError, match="and is none here"):
        kept.load(data_type=f"{__name__}:TestXGBoost")

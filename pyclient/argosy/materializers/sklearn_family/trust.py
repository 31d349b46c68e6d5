"""What is loaded of scikit-learn beside what skops trusts by itself.

skops trusts a class when loading it runs no code of the file's author and its numbers are used with care. It leaves out
classes that hold numbers as harmless as those of others, and such whose numbers scikit-learn uses as indices without
looking at them: a forged tree could end the process or read memory that is not its own. The first are named here; the
second are too, and each of them is looked at by :mod:`argosy.materializers.sklearn_family.checks` before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

TREE = "sklearn.tree._tree.Tree"
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
KD_TREE = "sklearn.neighbors._kd_tree.KDTree"
BALL_TREE = "sklearn.neighbors._ball_tree.BallTree"
CHECKED = frozenset({TREE, PREDICTOR, KD_TREE, BALL_TREE})
"""Trusted because each one is checked."""

_CLASSES = {
    "functools": "partial",
    "numpy": "dtype",
    "sklearn._loss.loss": "HalfTweedieLossIdentity",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern "
    "Product RBF RationalQuadratic Sum WhiteKernel",
    "sklearn.metrics._dist_metrics": "ChebyshevDistance ChebyshevDistance64 EuclideanDistance EuclideanDistance64 "
    "ManhattanDistance ManhattanDistance64",
    "sklearn.metrics._scorer": "_PassthroughScorer _PredictScorer _Scorer",
    "sklearn.model_selection._split": "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut "
    "LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold "
    "StratifiedShuffleSplit TimeSeriesSplit",
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.utils._bunch": "Bunch",
}
"""Of Python, or without anything that is used as an index."""
_FUNCTIONS = {
    "numpy": "max mean median min",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_regression r_regression",
    "sklearn.metrics._classification": "accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score "
    "f1_score fbeta_score hamming_loss jaccard_score log_loss matthews_corrcoef precision_score recall_score "
    "zero_one_loss",
    "sklearn.metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
    "sklearn.metrics._regression": "explained_variance_score max_error mean_absolute_error "
    "mean_absolute_percentage_error mean_gamma_deviance mean_poisson_deviance mean_squared_error "
    "mean_squared_log_error median_absolute_error r2_score root_mean_squared_error",
    "sklearn.utils.validation": "check_array",
}
"""They calculate with the arrays they are given, and do nothing else."""


def _names(by_module: dict[str, str]) -> Iterator[str]:
    return (f"{module}.{name}" for module, names in by_module.items() for name in names.split())


TRUSTED = CHECKED | {*_names(_CLASSES), *_names(_FUNCTIONS)}


NODES: dict[str, str] = {
    TREE: "TreeNode",
    "functools.partial": "PartialNode",
    "numpy.dtype": "DTypeNode",
    "sklearn.utils._bunch.Bunch": "DictNode",
    **dict.fromkeys(_names(_FUNCTIONS), "FunctionNode"),
}
"""What skops writes of those that are trusted here, where it is no ``ObjectNode``."""


def not_trusted(names: Iterable[str]) -> list[str]:
    """Return which of the types that skops asks about are not trusted here either."""
    return sorted(set(names) - TRUSTED)

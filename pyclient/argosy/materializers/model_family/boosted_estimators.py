"""Boosted trees: what the materializers of boosters, and of the scikit-learn wrappers around them, share.

Of a wrapper every attribute but the booster is in ``estimator.json``; its booster lies beside that, as one alone does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, type_name
from argosy.materializers.class_references import find_class, is_importable
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import write_document
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.nesting import CannotKeepError, NestingMaterializer
from argosy.materializers.previews.csv_table import table

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver

ESTIMATOR = "estimator.json"
_BOOSTER = "_Booster"
"""The attribute of a wrapper that is its booster; both libraries call it so."""
_MOST_FEATURES = 50


class BoostedTreesMaterializer(NestingMaterializer[Any], abstract=True):
    """Keeps the boosters of a library.

    Attributes:
        model: the file that every booster has.
    """

    model: ClassVar[str]

    def facts(self, booster: Any) -> dict[str, JSON]:
        """Return the numbers of features and of what was boosted."""
        raise NotImplementedError

    def gains(self, booster: Any) -> Mapping[str, float]:
        """Return how much each feature gains that any tree uses."""
        raise NotImplementedError

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the facts about a booster."""
        return self.facts(value)

    def visualize(self, value: Any) -> dict[str, bytes]:
        """Return which features gain most, best first; nothing where no tree uses any."""
        best = sorted(self.gains(value).items(), key=lambda pair: -pair[1])[:_MOST_FEATURES]
        rows = [(name, f"{gain:.6g}") for name, gain in best]
        return {"importance.csv": table(("feature", "gain"), rows)} if best else {}


class BoostedEstimatorMaterializer(NestingMaterializer[Any], abstract=True):
    """Keeps the scikit-learn wrappers of a library: their booster, parameters and fitted attributes.

    Attributes:
        boosters: keeps their boosters.
    """

    boosters: ClassVar[BoostedTreesMaterializer]

    def told(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return attributes as such that can be kept."""
        return attributes

    def remembered(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Undo :meth:`told`."""
        return attributes

    def save_nested(self, value: Any, files: FileSink, leaves: LeafSaver) -> None:
        """Write the booster of a fitted one, and all other attributes.

        Raises:
            CannotKeepError: its class could not be found again.
            MaterializerError: a parameter (a function, say) cannot be kept; names it.
        """
        cls = type(value)
        if not is_importable(cls):
            raise CannotKeepError(f"{type_name(cls)} cannot be imported by its name; define it at the top of a module")
        attributes = self.told({name: item for name, item in vars(value).items() if name != _BOOSTER})
        write_document(JsonEncoder(leaves).members(attributes), files, ESTIMATOR)
        booster = vars(value).get(_BOOSTER)
        if booster is not None:
            self.boosters.save_nested(booster, files, leaves)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> Any:
        """Make the estimator again, without running its constructor.

        Raises:
            MaterializerError: its class cannot be found here or is another one, or the files are malformed.
        """
        (base,) = self.types
        cls = find_class(leaves.data_type, leaves.hint)
        if not issubclass(cls, base):
            raise MaterializerError(f"{leaves.data_type!r} was saved as a {type_name(base)}, and is none here")
        attributes = JsonDecoder(leaves).decode(files.read(ESTIMATOR))
        if not isinstance(attributes, dict):
            raise MaterializerError(f"{ESTIMATOR} must be an object of attributes")
        estimator = cls.__new__(cls)
        vars(estimator).update(self.remembered(attributes))
        if self.boosters.model in files.paths:
            vars(estimator)[_BOOSTER] = self.boosters.load_nested(files, leaves)
        return estimator

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the class, and the facts about the booster of a fitted one."""
        booster = vars(value).get(_BOOSTER)
        facts: dict[str, JSON] = {} if booster is None else self.boosters.facts(booster)
        return {"estimator": type(value).__qualname__, **facts}

    def visualize(self, value: Any) -> dict[str, bytes]:
        """Return which features gain most, of a fitted one."""
        booster = vars(value).get(_BOOSTER)
        return {} if booster is None else self.boosters.visualize(booster)

"""scikit-learn estimators: format ``skops``, one file ``data.skops``, when all of it is trusted.

Trusted is what skops trusts, and what ``trust`` names beside it. A class of one's own
inside (a transformer of the project, say) is not; such a value is a pickle, under the pickle policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.sklearn_family.checks import check_trees, freeze_indices
from argosy.materializers.sklearn_family.schema import read_schema
from argosy.materializers.sklearn_family.trust import not_trusted
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.skops"


class SklearnMaterializer(BuiltinMaterializer[Any]):
    """Keeps estimators without pickle."""

    id = "argosy.sklearn"
    types = (object,)
    format = "skops"
    packages = ("scikit-learn", "skops")
    describes_pickles = True

    def save(self, value: Any, files: FileSink) -> None:
        """Write the estimator.

        Raises:
            CannotKeepError: skops is missing, cannot write it, or something in it would not be trusted at loading.
        """
        try:
            import skops.io
        except ImportError as error:
            raise CannotKeepError("keeping estimators needs skops: pip install 'argosy[sklearn]'") from error
        local = files.temporary_directory() / FILE
        try:
            skops.io.dump(value, local)
            untrusted = not_trusted(skops.io.get_untrusted_types(file=local))
        except Exception as error:  # skops runs the __getstate__ and __reduce__ of whatever is inside
            raise CannotKeepError(f"skops cannot write this {type_name(type(value))}: {error}") from error
        if untrusted:
            raise CannotKeepError(f"skops does not trust {_listed(untrusted)}")
        try:
            check_trees(value, len(read_schema(local).trees))
        except MaterializerError as error:
            raise CannotKeepError(str(error)) from error
        files.write_file(FILE, local)

    def load(self, files: FileSource, as_type: type[Any] | None) -> Any:
        """Read the estimator, after checking again that nothing in it is untrusted, and look at its trees.

        Raises:
            MaterializerError: skops is missing or cannot read it, or something in it is not trusted.
        """
        try:
            import skops.io
            from skops.io.exceptions import UntrustedTypesFoundException
        except ImportError as error:
            raise MaterializerError("loading the format skops needs skops: pip install 'argosy[sklearn]'") from error
        with local_copy(files, FILE) as local:
            try:
                schema = read_schema(local)  # before skops follows it
                estimator = skops.io.load(local, trusted=sorted(schema.trusted))
            except MaterializerError:
                raise
            except UntrustedTypesFoundException:
                untrusted = not_trusted(skops.io.get_untrusted_types(file=local))
                raise MaterializerError(
                    f"skops does not trust {_listed(untrusted)} in {FILE}; it was saved where it was trusted: install "
                    "the versions of argosy and skops it was saved with"
                ) from None
            except Exception as error:  # see save
                raise MaterializerError(f"skops cannot read {FILE}: {type(error).__name__}: {error}") from error
        check_trees(estimator, len(schema.trees))
        if schema.trees:
            freeze_indices(estimator)
        return estimator

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the class of the estimator."""
        return {"estimator": type(value).__qualname__}

    def visualize(self, value: Any) -> dict[str, bytes]:
        """Return the diagram scikit-learn draws of an estimator."""
        from sklearn.utils import estimator_html_repr

        return {"estimator.html": f'<meta charset="utf-8">{estimator_html_repr(value)}'.encode()}


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"

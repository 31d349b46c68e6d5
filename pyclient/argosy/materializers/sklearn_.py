"""scikit-learn estimators: format ``skops``, one file ``data.skops``, when skops trusts all of it.

A class of one's own inside (a transformer of the project, say) is not trusted; such a value is
a pickle, under the pickle policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.skops"


class SklearnMaterializer(BuiltinMaterializer[Any]):
    """Keeps estimators without pickle."""

    id = "argosy.sklearn"
    types = (object,)
    format = "skops"

    def save(self, value: Any, files: FileSink) -> None:
        """Write the estimator.

        Raises:
            CannotKeepError: skops is missing, cannot write it, or would not trust it at loading.
        """
        try:
            import skops.io
        except ImportError as error:
            raise CannotKeepError("keeping estimators needs skops: pip install 'argosy[sklearn]'") from error
        local = files.temporary_directory() / FILE
        try:
            skops.io.dump(value, local)
            untrusted = skops.io.get_untrusted_types(file=local)
        except Exception as error:  # skops runs the __getstate__ and __reduce__ of whatever is inside
            raise CannotKeepError(f"skops cannot write this {type_name(type(value))}: {error}") from error
        if untrusted:
            raise CannotKeepError(f"skops does not trust {_listed(untrusted)}")
        files.write_file(FILE, local)

    def load(self, files: FileSource, as_type: type[Any] | None) -> Any:
        """Read the estimator, after checking again that nothing in it is untrusted.

        Raises:
            MaterializerError: skops is missing, cannot read it, or does not trust it.
        """
        try:
            import skops.io
        except ImportError as error:
            raise MaterializerError("loading the format skops needs skops: pip install 'argosy[sklearn]'") from error
        with local_copy(files, FILE) as local:
            try:
                untrusted = skops.io.get_untrusted_types(file=local)
                if not untrusted:
                    return skops.io.load(local, trusted=[])
            except Exception as error:  # see save
                raise MaterializerError(f"skops cannot read {FILE}: {type(error).__name__}: {error}") from error
        raise MaterializerError(
            f"skops does not trust {_listed(untrusted)} in {FILE}; it was saved where it did: "
            f"install the version of skops it was saved with"
        )

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the class of the estimator."""
        return {"estimator": type(value).__qualname__}


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"

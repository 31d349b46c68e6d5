"""The last resort: cloudpickle, in ``data.pkl``.

Buffers of 1 MiB or more (arrays inside an object) are kept out of band, in files of their own,
so that neither side holds them twice.
"""

from __future__ import annotations

import pickle
import platform
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from argosy.errors import MaterializerError
from argosy.materializers.base import BuiltinMaterializer, type_name
from argosy.materializers.json_family.document import read_document, write_document
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import read_into

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.pkl"
ENVIRONMENT = "environment.json"
_OUT_OF_BAND_BYTES = 1 << 20


class PickleMaterializer(BuiltinMaterializer[Any]):
    """Keeps whatever cloudpickle can; whether it may is decided by the registry.

    Attributes:
        instead: what a user can do where no pickle is allowed; the error says it.
    """

    id = "argosy.cloudpickle"
    types = (object,)
    format = "cloudpickle"
    instead: ClassVar[str] = ""

    def reduce(self, part: Any) -> Any:
        """Return how a part of a value is pickled, as ``__reduce_ex__`` does; ``NotImplemented`` is as usual."""
        return NotImplemented

    def save(self, value: Any, files: FileSink) -> None:
        """Write the pickle, its large buffers and the Python version.

        Raises:
            CannotKeepError: the value cannot be pickled.
        """
        from argosy.materializers.pickler import dumps, version

        buffers: list[pickle.PickleBuffer] = []

        def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
            if buffer.raw().nbytes < _OUT_OF_BAND_BYTES:
                return True
            buffers.append(buffer)
            return False

        try:
            content = dumps(value, buffer_callback=keep_in_band, reduce=self.reduce)
        except Exception as error:  # __reduce__ is the user's code
            raise CannotKeepError(f"{type_name(type(value))} cannot be pickled: {error}") from error
        files.write(FILE, content)
        for index, buffer in enumerate(buffers):
            files.write(f"buffers/{index}", buffer.raw())
        environment = {"python": platform.python_version(), "cloudpickle": version}
        write_document({**environment, "buffers": len(buffers)}, files, ENVIRONMENT)

    def load(self, files: FileSource, as_type: type[Any] | None) -> Any:
        """Read the pickle; a pickle of another Python version is tried, with a warning.

        Raises:
            MaterializerError: it cannot be unpickled here.
        """
        environment = read_document(files, ENVIRONMENT)
        count = environment.get("buffers") if isinstance(environment, dict) else None
        if type(count) is not int:
            raise MaterializerError(f"{ENVIRONMENT} tells no number of buffers: {environment!r:.100}")
        written_by, here = str(environment.get("python")), platform.python_version()
        if written_by.split(".")[:2] != here.split(".")[:2]:
            warnings.warn(
                f"this pickle was written by Python {written_by} and is read by {here}; "
                f"functions and classes inside may not work",
                stacklevel=2,
            )
        buffers = []
        for index in range(count):
            path = f"buffers/{index}"
            buffer = bytearray(files.size(path))
            with files.open(path) as stream:
                read_into(stream, memoryview(buffer), path)
            buffers.append(buffer)
        content = files.read(FILE)
        try:
            return pickle.loads(content, buffers=buffers)  # noqa: S301 - allowed by the caller's policy
        except Exception as error:  # unpickling runs the user's code
            why = (
                "a class or function in it may have changed since it was saved"
                if written_by == here
                else f"it was written by Python {written_by} and is read by {here}"
            )
            raise MaterializerError(
                f"the pickle cannot be read here: {type(error).__name__}: {error} ({why}); load it where it was saved"
            ) from error

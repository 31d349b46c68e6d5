"""The tests a materializer has to pass, to be run over one's own; Argosy runs them over those that ship with it.

They need pytest and an operating system that forks; each class of them starts one process.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from argosy.errors import CorruptDataError, MaterializerError
from argosy.materializers.files import FileSink
from argosy.materializers.loaded_files import fresh_directory
from argosy.materializers.registry import MaterializerChoice, SavedValue, load_value, resolve, save_value
from argosy.testing.altered_files import AlteredFiles
from argosy.testing.laboratory import DRIFTED_VERSION, SLACK_BYTES, Laboratory
from argosy.testing.missing_package import comes_with_argosy

_MOST_FILES = 8
"""Of a value with more files, so many are altered."""


class MaterializerContract:
    """Proves a materializer: subclass it in a test module, say what to prove and with which values.

    ::

        from argosy.testing import MaterializerContract

        class TestImages(MaterializerContract):
            materializer = ImageMaterializer

            def values(self):
                return {"photo": Image.open("photo.png"), "one pixel": Image.new("RGB", (1, 1))}

            def large_value(self):
                return Image.new("RGB", (6000, 6000), "red")

    What is proved: each value comes back equal and of its type in another process; a large one is stored in about its
    size, and neither saving nor loading it takes 64 MiB more memory than itself; damaged, truncated and foreign files
    are errors and never values; a package that is missing is named with the command that installs it; another version
    of a package is warned about.

    The module of the class is imported once more, in the other process, where :meth:`values` makes the values
    again to compare with. Write the materializer in a module of its own, which that process can import.

    Attributes:
        materializer: what keeps the values; ``None`` when their types shall choose.
        needs: names of distributions without which it cannot load, beyond its ``packages``. What Argosy itself
            requires, such as numpy, is never missing, so nothing is proved of that.
        allow_pickle: whether the values may be pickled.
        opaque_files: patterns (``"content/*"``) of files of which any content is a value; only their digest
            protects them.
        most_stored: the most bytes that may be stored for each byte of the large value.
        is_stream: whether the large value is made and read as it goes, and so takes no memory of its own;
            :meth:`size_bytes` then tells the bytes that pass, and :meth:`read_whole` reads them.
    """

    materializer: ClassVar[MaterializerChoice | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    allow_pickle: ClassVar[bool] = False
    opaque_files: ClassVar[tuple[str, ...]] = ()
    most_stored: ClassVar[float] = 1.1
    is_stream: ClassVar[bool] = False

    def values(self) -> Mapping[str, Any]:
        """Return the values to prove it with, by a name of each; the same ones in every process."""
        raise NotImplementedError

    def large_value(self) -> Any:
        """Return a value of more than 64 MiB of memory, the same in every process; ``None`` leaves memory unproved."""
        return None

    def equal(self, loaded: Any, value: Any) -> bool:
        """Tell whether a loaded value is the one that was saved; by default arrays bit for bit, all else by ``==``."""
        if type(value).__module__ == "numpy":
            return bool(loaded.dtype == value.dtype and loaded.shape == value.shape and bytes(loaded) == bytes(value))
        return bool(loaded == value)

    def loaded_type(self, value: Any) -> type:
        """Return the type that a value comes back as: its own."""
        return type(value)

    def read_whole(self, loaded: Any) -> None:
        """Read what a loaded value only reads when it is used, such as a stream; by default nothing is left to read."""

    def size_bytes(self, value: Any) -> int | None:
        """Return the bytes of memory that the large value takes; ``None`` to measure it."""
        size = getattr(value, "nbytes", None)
        return size if isinstance(size, int) else None

    @property
    def folder(self) -> Path:
        """A new empty directory, for values that are files; removed when the process ends."""
        return fresh_directory()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test for each value."""
        if "value_name" not in metafunc.fixturenames:
            return
        where = type(self).__qualname__
        if type(self).values is MaterializerContract.values:
            pytest.fail(f"{where} must define values(self): return a dict of name -> value", pytrace=False)
        found: object = self.values()
        if not isinstance(found, Mapping):
            pytest.fail(f"{where}.values() must return a dict of name -> value, got {found!r:.200}", pytrace=False)
        if not found:
            pytest.fail(f"{where}.values() returns none; name at least one value to prove it with", pytrace=False)
        metafunc.parametrize("value_name", list(found))

    @pytest.fixture(scope="class")
    @classmethod
    def laboratory(cls, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
        """Return what another process found out about all values of the class."""
        contract, home = cls(), tmp_path_factory.mktemp("contract")
        return Laboratory.of(contract, home, contract._packages(needed=True), contract._packages(needed=False))

    def test_a_value_comes_back_equal_and_of_its_type_in_another_process(
        self, value_name: str, laboratory: Laboratory
    ) -> None:
        """Another process, which never saw the value, loads it."""
        assert laboratory.loaded[value_name] == "equal and of the same type"

    def test_its_facts_and_previews_can_be_stored(self, value_name: str, laboratory: Laboratory) -> None:
        """Saving warns of none of them."""
        assert laboratory.warned_of[value_name] == []

    def test_a_damaged_file_is_an_error_and_never_a_value(self, value_name: str) -> None:
        """Bytes that do not match their digest are noticed, because all are read."""
        saved, contents = self._keep(value_name)
        for path in list(contents)[:_MOST_FILES]:
            whole = contents[path]
            for what, damaged in {"a flipped bit": _flipped(whole), "a lost half": whole[: len(whole) // 2]}.items():
                if damaged != whole:
                    self._must_fail(saved, AlteredFiles({**contents, path: damaged}, contents), f"{path} with {what}")

    def test_a_file_of_other_content_is_an_error_and_never_a_value(self, value_name: str) -> None:
        """Bytes that match their digest and are none of the format are refused."""
        saved, contents = self._keep(value_name)
        for path in list(contents)[:_MOST_FILES]:
            if any(fnmatch.fnmatchcase(path, pattern) for pattern in self.opaque_files):
                continue
            whole = contents[path]
            others = {"nothing": b"", "its first half": whole[: len(whole) // 2], "a PNG": _PNG, "noise": _NOISE}
            for what, content in others.items():
                if content != whole:
                    other = {**contents, path: content}
                    self._must_fail(saved, AlteredFiles(other, other), f"{path} that holds {what}")

    def test_a_large_value_is_stored_in_about_its_size(self, laboratory: Laboratory) -> None:
        """Its files are not larger than ``most_stored`` times its memory."""
        large = laboratory.large_or_skip()
        assert large.stored_bytes <= self.most_stored * large.size_bytes + (1 << 20)

    def test_a_large_value_is_saved_with_little_more_memory_than_itself(self, laboratory: Laboratory) -> None:
        """The process that saves it grows by 64 MiB at most."""
        large = laboratory.large_or_skip()
        assert large.more_for_saving_bytes <= SLACK_BYTES

    def test_a_large_value_is_loaded_with_little_more_memory_than_itself(self, laboratory: Laboratory) -> None:
        """The process that loads it grows by the value and 64 MiB at most."""
        large = laboratory.large_or_skip()
        assert large.more_for_loading_bytes <= SLACK_BYTES

    def test_a_large_value_comes_back_equal_and_of_its_type(self, laboratory: Laboratory) -> None:
        """What is written in pieces is read in the same order."""
        assert laboratory.large_or_skip().loaded == "equal and of the same type"

    def test_a_missing_package_is_named_with_the_cure(self, laboratory: Laboratory) -> None:
        """Where a package is not installed, loading says which, and the command that installs it."""
        for package, outcome in laboratory.without.items():
            assert outcome.startswith("MaterializerError: "), outcome
            assert package in outcome, outcome
            assert re.search(r"pip install '[^']+'", outcome), outcome

    def test_another_version_of_a_package_is_warned_about(self, laboratory: Laboratory) -> None:
        """Loading what was saved with version 0.0.1 of a package warns once."""
        for package, caught in laboratory.drifted.items():
            told = [text for text in caught if f"was saved with {package} {DRIFTED_VERSION} and is loaded with" in text]
            assert len(told) == 1, f"loading with another version of {package} warns of {caught}"

    def _keep(self, value_name: str) -> tuple[SavedValue, dict[str, bytes]]:
        sink = FileSink()
        try:
            value = self.values()[value_name]
            saved = save_value(value, sink, materializer=self.materializer, allow_pickle=self.allow_pickle)
            return saved, {file.path: b"".join(bytes(chunk) for chunk in file.chunks()) for file in sink.files}
        finally:
            sink.close()

    def _packages(self, *, needed: bool) -> list[str]:
        """Return the distributions on whose version the values depend, or all that loading needs and may be missing."""
        if self.materializer is None:
            packages = self._keep(next(iter(self.values())))[0].packages
        else:
            packages = resolve(self.materializer).packages
        if not needed:
            return sorted(packages)
        return sorted(package for package in {*packages, *self.needs} if not comes_with_argosy(package))

    def _must_fail(self, saved: SavedValue, files: AlteredFiles, what: str) -> None:
        try:
            loaded = load_value(
                files,
                materializer=saved.materializer,
                data_type=saved.data_type,
                format=saved.format,
                allow_pickle=self.allow_pickle,
            )
            self.read_whole(loaded)
        except (MaterializerError, CorruptDataError):
            return
        except Exception as error:
            raise AssertionError(
                f"{what} raises {error!r}, which is no MaterializerError; look at what was read before it is used"
            ) from error
        pytest.fail(
            f"{what} was loaded as {loaded!r:.200}; let load raise MaterializerError for what save never writes, or "
            "name the file in opaque_files if any content of it is a value"
        )


_PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000")
_NOISE = bytes(range(255, 127, -1)) * 8


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([byte ^ 1 for byte in content[middle : middle + 1]]) + content[middle + 1 :]

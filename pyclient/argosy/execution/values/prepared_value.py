"""From a value to everything a request that creates a version needs, before anything is sent."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from argosy.errors import MaterializerError
from argosy.execution.values.preview_making import MOST_FILES, PreviewMaking, make_previews
from argosy.graph.source_location import caller_location
from argosy.graph.user_metadata import MAX_METADATA_BYTES, fact_text
from argosy.materializers.files import FileContent, FileSink
from argosy.materializers.nesting import SavedValue
from argosy.materializers.packages import FACT as PACKAGES
from argosy.materializers.packages import installed_versions
from argosy.materializers.registry import MaterializerChoice, extract_metadata, save_value
from argosy.transport.download.open_version import RESERVED_PREFIX
from argosy.v1.artifact_pb2 import ArtifactKind, ArtifactSpec

_SMALL_BYTES = 1 << 20
"""Of smaller values the previews are waited for at once: then they travel with the value, in one call."""
_MAX_FACT_BYTES = 64 << 10
"""More than this is no description; together with the user's own metadata it may not be more than the service takes."""

_warned_of_pickle: set[str] = set()


class PickleWarning(UserWarning):
    """A value is kept as a pickle, which only Python can read and which runs code when it is loaded."""


class DescriptionWarning(UserWarning):
    """Metadata or previews of a value could not be made; the value itself is kept."""


@dataclass(frozen=True)
class SaveOptions:
    """How a value is saved.

    Attributes:
        allow_pickle: whether it, or a part of it, may be pickled.
        materializer: keeps it instead of the one its type would choose.
        extract_metadata: whether facts about it are recorded.
        include_visualizations: whether previews are made.
    """

    allow_pickle: bool
    materializer: MaterializerChoice | None = None
    extract_metadata: bool = True
    include_visualizations: bool = True


class PreparedValue:
    """A value turned into files and a spec. Use it as a context manager: it may hold temporary files."""

    def __init__(self, spec: ArtifactSpec, sink: FileSink, making: PreviewMaking | None = None) -> None:
        """Take over what is given."""
        self.spec = spec
        self._sink = sink
        self._making = making
        self._previews: Sequence[FileContent] = ()

    @property
    def files(self) -> Sequence[FileContent]:
        """Its files without previews, which live as long as it is open."""
        return self._sink.files

    @property
    def most_files(self) -> int:
        """How many files it has at most, with previews."""
        return len(self.files) + (len(self._previews) if self._making is None else MOST_FILES)

    @property
    def previews_are_ready(self) -> bool:
        """Whether :meth:`previews` would answer at once."""
        return self._making is None or self._making.is_done

    def previews(self, most_files: int) -> Sequence[FileContent]:
        """Return the previews, waiting a little for them. What cannot be kept of them is warned about, once.

        Args:
            most_files: how many files a version may have, with previews.
        """
        making, self._making = self._making, None
        if making is None:
            return self._previews
        made, problem = making.collect()
        room = max(most_files - len(self.files), 0)
        if len(made) > room:
            problem = f"a version has at most {most_files} files, and the value has {len(self.files)} without previews"
        self._previews = made[:room]
        if problem is not None:
            what = "not all previews were made" if self._previews else "no preview was made"
            _warn(f"{what} of {self.spec.name!r}: {problem}")
        return self._previews

    def lose_previews(self, problem: str) -> None:
        """Warn that none of the previews could be stored."""
        self._previews = ()
        _warn(f"no preview was made of {self.spec.name!r}: {problem}")

    def __enter__(self) -> PreparedValue:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.close()


def prepare_value(
    value: object,
    name: str,
    options: SaveOptions,
    *,
    kind: ArtifactKind.ValueType = ArtifactKind.ARTIFACT_KIND_MANUAL,
    version: str = "",
    tags: Iterable[str] = (),
    aliases: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    unnamed: bool = False,
) -> PreparedValue:
    """Turn a value into files and a spec; large buffers are not copied.

    Facts and previews that cannot be made are warned about and left out; the user's own metadata wins.

    Args:
        value: anything.
        name: the artifact's name.
        options: how it is saved.
        kind: how the version comes to be.
        version: its label, empty for the next number.
        tags: its tags.
        aliases: aliases set to it.
        metadata: the user's own facts, JSON values.
        description: what it is, in words.
        unnamed: whether the name was made up.

    Raises:
        MaterializerError: it cannot be kept faithfully.
        PickleRefusedError: only pickle could keep it, and pickle is off.
        TypeError: the user's metadata is not JSON.
    """
    sink = FileSink()
    try:
        saved = save_value(value, sink, materializer=options.materializer, allow_pickle=options.allow_pickle)
        _refuse_reserved_paths(sink, saved.materializer)
        if saved.uses_pickle and options.materializer is None:
            _warn_of_pickle(saved)
        keeper = options.materializer or saved.described_by or saved.materializer
        users = {key: _json(key, fact) for key, fact in (metadata or {}).items()}
        users |= _packages(saved.packages, name, beside=users)
        facts = _facts(value, keeper, name, beside=users) if options.extract_metadata else {}
        size_bytes = sum(file.size_bytes for file in sink.files)
        taken = None if saved.described_by else _size_of(facts, size_bytes)
        making = make_previews(value, keeper, taken) if options.include_visualizations else None
        if making is not None and size_bytes < _SMALL_BYTES:
            making.wait()
        spec = ArtifactSpec(
            name=name,
            version=version,
            data_type=saved.data_type,
            format=saved.format,
            materializer=saved.materializer,
            kind=kind,
            metadata=facts | users,
            tags=tags,
            aliases=aliases,
            unnamed=unnamed,
            description=description,
        )
    except BaseException:
        sink.close()
        raise
    return PreparedValue(spec, sink, making)


def _size_of(facts: Mapping[str, str], size_bytes: int) -> int:
    """Return what a value takes, as its materializer tells: repetitions make its files far smaller."""
    told = facts.get("size_bytes", "0")
    return max(size_bytes, int(told) if told.isdigit() else 0)


def _refuse_reserved_paths(sink: FileSink, materializer: str) -> None:
    for file in sink.files:
        if f"{file.path}/".startswith(RESERVED_PREFIX):
            raise MaterializerError(
                f"{materializer}.save wrote {file.path!r}; what lies below {RESERVED_PREFIX!r} describes a value and "
                "is left out when it is loaded: choose another path"
            )


def _facts(value: object, keeper: MaterializerChoice, name: str, *, beside: Mapping[str, str]) -> dict[str, str]:
    try:
        found = {key: _json(key, fact) for key, fact in extract_metadata(value, keeper).items() if key not in beside}
        return _fitting(found, min(_MAX_FACT_BYTES, MAX_METADATA_BYTES - _size(beside)))
    except Exception as error:
        _warn(f"no metadata was extracted from {name!r}: {type(error).__name__}: {error}")
        return {}


def _packages(packages: Sequence[str], name: str, *, beside: Mapping[str, str]) -> dict[str, str]:
    """Return which libraries the bytes depend on, as metadata: where nothing depends on any, none."""
    if not packages:
        return {}
    found = {PACKAGES: fact_text(installed_versions(packages))}
    others = {key: text for key, text in beside.items() if key != PACKAGES}
    if _size(found) + _size(others) > MAX_METADATA_BYTES:
        _warn(f"the libraries that {name!r} depends on are not recorded: metadata= leaves no room for them")
        return {}
    return found


def _fitting(facts: dict[str, str], room: int) -> dict[str, str]:
    """Return facts the service will take; it would refuse the value for the others."""
    if "" in facts:
        raise ValueError("a key is empty")
    if _size(facts) > room:
        raise ValueError(f"{_size(facts)} bytes, at most {room} are allowed")
    return facts


def _size(facts: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(text.encode()) for key, text in facts.items())


def _warn_of_pickle(saved: SavedValue) -> None:
    if saved.data_type not in _warned_of_pickle:
        _warned_of_pickle.add(saved.data_type)
        why = f" ({saved.why_pickled})" if saved.why_pickled else ""
        _warn(
            f"{saved.data_type} is kept as a pickle{why}, which only Python can read and which runs code when it is "
            "loaded; to keep it in a neutral format subclass argosy.Materializer, to forbid pickles set "
            "ARGOSY_ALLOW_PICKLE=0",
            PickleWarning,
        )


def _json(key: str, fact: object) -> str:
    try:
        return fact_text(fact)
    except (TypeError, ValueError) as error:
        raise TypeError(f"metadata[{key!r}] is not a JSON value ({error})") from None


def _warn(message: str, category: type[Warning] = DescriptionWarning) -> None:
    """Warn at the user's line, which may be any number of our own frames away."""
    location = caller_location()
    warnings.warn_explicit(message, category, location.file, location.line)

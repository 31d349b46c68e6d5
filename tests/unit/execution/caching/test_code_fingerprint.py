from __future__ import annotations

import os
import subprocess
import sys
import threading
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy import public_names
from argosy.execution.caching.code_fingerprint import (
    CodeFingerprint,
    UncachedStepWarning,
    fingerprint_code,
    warn_if_uncached,
)
from argosy.graph.source_location import SourceLocation

Fingerprint = Callable[..., CodeFingerprint]

PLAIN = """
def fit(x, rate=0.1):
    return x * rate
"""


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(
            "# a comment\n\n\ndef fit(x, rate=0.1):\n    # another\n    return (x\n        * rate)\n", id="layout"
        ),
        pytest.param('def fit(x, rate=0.1):\n    """Says what it does."""\n    return x * rate\n', id="docs"),
        pytest.param(
            "def mark(f):\n    return f\n\n@mark\ndef fit(x, rate=0.1):\n    return x * rate\n", id="decorator"
        ),
        pytest.param("unused = 3\ndef fit(x, rate=0.1):\n    return x * rate\n", id="unread global"),
    ],
)
def test_edits_that_change_nothing_keep_the_fingerprint(fingerprint: Fingerprint, same: str) -> None:
    assert fingerprint(same) == fingerprint(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("def fit(x, rate=0.1):\n    return x + rate\n", id="operator"),
        pytest.param("def fit(x, rate=0.2):\n    return x * rate\n", id="default"),
        pytest.param("def fit(x, rate=0.1):\n    return x * rate * 1\n", id="constant"),
        pytest.param("def fit(x, rate: int = 0.1):\n    return x * rate\n", id="annotation"),
    ],
)
def test_edits_of_the_body_change_it(fingerprint: Fingerprint, other: str) -> None:
    assert fingerprint(other).digest != fingerprint(PLAIN).digest


def test_changed_decorator_of_argosy_keeps_it(fingerprint: Fingerprint) -> None:
    text = "from argosy.sdk.steps import step\n@step{}\ndef fit(x):\n    return x\n"
    assert fingerprint(text.format("(enable_cache=True)")) == fingerprint(text.format(""))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "2"),
        ("1", "1.0"),
        ("1", "True"),
        ("(1, 2)", "[1, 2]"),
        ("'a'", "b'a'"),
        ("{'a': 1}", "{'a': 2}"),
        ("{1, 2}", "{1, 3}"),
        ("frozenset({1})", "{1}"),
        ("0.0", "-0.0"),
        ("None", "'None'"),
        ("__import__('numpy').arange(3)", "__import__('numpy').arange(4)"),
        ("__import__('numpy').arange(3)", "__import__('numpy').arange(3.0)"),
        ("__import__('numpy').zeros((2, 3))", "__import__('numpy').zeros((3, 2))"),
        ("__import__('numpy').array([1, 'a'], dtype=object)", "__import__('numpy').array([1, 'b'], dtype=object)"),
        ("__import__('pandas').DataFrame({'a': [1]})", "__import__('pandas').DataFrame({'a': [2]})"),
        ("__import__('re').compile('a')", "__import__('re').compile('b')"),
        ("__import__('datetime').date(2020, 1, 1)", "__import__('datetime').date(2020, 1, 2)"),
        ("__import__('pathlib').Path('a')", "__import__('pathlib').Path('b')"),
        ("__import__('logging').getLogger('a')", "__import__('logging').getLogger('b')"),
        ("__import__('collections').OrderedDict(a=1)", "dict(a=1)"),
        ("__import__('types').SimpleNamespace(a=1)", "__import__('types').SimpleNamespace(a=2)"),
        ("__import__('math').sin", "__import__('math').cos"),
        ("__import__('math')", "__import__('cmath')"),
    ],
)
def test_value_of_a_global_counts_with_its_type(fingerprint: Fingerprint, one: str, other: str) -> None:
    text = "VALUE = {}\ndef fit(x):\n    return x, VALUE\n"
    before, again, after = fingerprint(text.format(one)), fingerprint(text.format(one)), fingerprint(text.format(other))
    assert before.reasons == after.reasons == ()
    assert before == again
    assert before.digest != after.digest


def test_global_is_a_part_of_its_own(fingerprint: Fingerprint) -> None:
    before = fingerprint("RATE = 1\ndef fit(x):\n    return x * RATE\n")
    after = fingerprint("RATE = 2\ndef fit(x):\n    return x * RATE\n")
    assert list(before.parts) == ["steps.RATE"]
    assert before.own == after.own
    assert before.parts != after.parts


def test_attribute_that_is_named_like_a_global_does_not_read_it(fingerprint: Fingerprint) -> None:
    found = fingerprint("import threading\ndata = threading.Lock()\ndef fit(x):\n    return x.data\n")
    assert dict(found.parts) == {}
    assert found.reasons == ()


def test_default_of_a_helper_counts_by_value(fingerprint: Fingerprint) -> None:
    text = "K = {}\ndef scale(x, k=K):\n    return x * k\ndef fit(x):\n    return scale(x)\n"
    assert fingerprint(text.format(1)).digest != fingerprint(text.format(2)).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("class C:\n    k = 1", "class C:\n    k = 2"),
        ("class C:\n    k: int = 1", "class C:\n    k: float = 1"),
        ("class C(list): pass", "class C(dict): pass"),
        ("import enum\nclass C(enum.Enum):\n    A = 1", "import enum\nclass C(enum.Enum):\n    A = 2"),
        (
            "import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 1",
            "import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 2",
        ),
        (
            "import dataclasses as d\n@d.dataclass\nclass C:\n    a: list = d.field(default_factory=list)",
            "import dataclasses as d\n@d.dataclass\nclass C:\n    a: list = d.field(default_factory=dict)",
        ),
        (
            "import pydantic\nclass C(pydantic.BaseModel):\n    a: int = 1",
            "import pydantic\nclass C(pydantic.BaseModel):\n    a: int = 2",
        ),
        (
            "import typing\nclass C(typing.NamedTuple):\n    a: int",
            "import typing\nclass C(typing.NamedTuple):\n    b: int",
        ),
        (
            "import typing\nclass C(typing.NamedTuple):\n    a: 'int'",
            "import typing\nclass C(typing.NamedTuple):\n    a: 'str'",
        ),
        (
            "import typing\nclass C(typing.TypedDict):\n    a: typing.List['int']",
            "import typing\nclass C(typing.TypedDict):\n    a: typing.List['str']",
        ),
    ],
)
def test_class_counts_by_what_it_defines(fingerprint: Fingerprint, one: str, other: str) -> None:
    text = "{}\ndef fit(x):\n    return C\n"
    before, again, after = fingerprint(text.format(one)), fingerprint(text.format(one)), fingerprint(text.format(other))
    assert before.reasons == after.reasons == ()
    assert before == again
    assert before.digest != after.digest


def test_using_what_was_fingerprinted_changes_nothing(fingerprint: Fingerprint) -> None:
    first = fingerprint(
        "import dataclasses, enum, functools\n"
        "class Kind(enum.Enum):\n    A = 1\n"
        "@dataclasses.dataclass\nclass C:\n    a: list = dataclasses.field(default_factory=list)\n"
        "@functools.lru_cache\ndef helper(x):\n    return x\n"
        "config = C()\n"
        "def fit(x):\n    return config, C(), Kind(1), helper(x)\n"
    )
    fit = sys.modules["steps"].fit
    assert fit(3)[0].a == []
    assert fingerprint_code(fit) == first


def test_reading_annotations_that_are_texts_changes_nothing(fingerprint: Fingerprint) -> None:
    first = fingerprint(
        "from __future__ import annotations\nimport typing\n"
        "class C(typing.NamedTuple):\n    a: int\n"
        "def fit(x):\n    return C(x)\n"
    )
    assert typing.get_type_hints(sys.modules["steps"].C) == {"a": int}
    assert fingerprint_code(sys.modules["steps"].fit) == first
    assert first.digest is not None


def test_docs_of_a_class_do_not_count(fingerprint: Fingerprint) -> None:
    text = 'class C:\n    """{}."""\n    def run(self):\n        """{}."""\ndef fit(x):\n    return C\n'
    assert fingerprint(text.replace("{}", "One")) == fingerprint(text.replace("{}", "Another"))


def test_closure_cell_is_a_part(fingerprint: Fingerprint) -> None:
    text = "def make(rate):\n    def fit(x):\n        return x * rate\n    return fit\nfit = make({})\n"
    before, after = fingerprint(text.format(1)), fingerprint(text.format(2))
    assert list(before.parts) == ["steps.make.<locals>.fit.<rate>"]
    assert before.own == after.own
    assert before.parts != after.parts


def test_rebound_name_of_a_library_changes_it(fingerprint: Fingerprint) -> None:
    text = "from os.path import {} as f\ndef fit(x):\n    return f(x)\n"
    assert fingerprint(text.format("join")).digest != fingerprint(text.format("split")).digest


def test_object_that_contains_itself_has_a_digest(fingerprint: Fingerprint) -> None:
    found = fingerprint("LOOP = [1]\nLOOP.append(LOOP)\ndef fit(x):\n    return LOOP\n")
    assert found.reasons == ()
    assert found.digest is not None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("__import__('threading').Lock()", "steps.VALUE: a _thread.lock has no digest"),
        ("[(i for i in [])]", "steps.VALUE: a builtins.generator has no digest"),
        ("list(range(1_000_001))", "steps.VALUE: it has more than 1,000,000 parts"),
    ],
)
def test_part_without_digest_means_uncached_and_is_named(fingerprint: Fingerprint, value: str, why: str) -> None:
    found = fingerprint(f"VALUE = {value}\ndef fit(x):\n    return VALUE\n")
    assert found.digest is None
    assert [reason[: len(why)] for reason in found.reasons] == [why]
    with pytest.warns(
        UncachedStepWarning, match=r"step 'fit' is not cached.*steps\.VALUE.*Pass it as an input"
    ) as warned:
        warn_if_uncached("fit", found, SourceLocation("steps.py", 3))
    assert [(warning.filename, warning.lineno) for warning in warned] == [("steps.py", 3)]


def test_complete_fingerprint_warns_about_nothing(fingerprint: Fingerprint) -> None:
    warn_if_uncached("fit", fingerprint(PLAIN), SourceLocation("steps.py", 3))


def test_import_that_fails_inside_means_uncached(fingerprint: Fingerprint) -> None:
    found = fingerprint("def fit(x):\n    import helpers\n", helpers="raise OSError('no disk')\n")
    assert found.reasons == ("steps.fit: import helpers: no disk",)
    assert found.digest is None


def test_file_edited_after_import_does_not_lend_its_text_to_the_old_code(
    fingerprint: Fingerprint, tmp_path: Path
) -> None:
    before = fingerprint(PLAIN)
    old: Any = sys.modules["steps"]
    (tmp_path / "steps.py").write_text(PLAIN.replace("*", "+"))
    os.utime(tmp_path / "steps.py", (1, 1))
    stale = fingerprint_code(old.fit)
    after = fingerprint(PLAIN.replace("*", "+"))
    assert len({before.own, stale.own, after.own}) == 3


def test_code_without_source_is_fingerprinted_by_its_code_object() -> None:
    def compiled(text: str) -> CodeFingerprint:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(text, "<nowhere>", "exec"), names)
        return fingerprint_code(names["fit"])

    one, moved, other = compiled(PLAIN), compiled(f"\n\n{PLAIN}"), compiled(PLAIN.replace("*", "+"))
    assert one == moved
    assert one.reasons == ()
    assert one.digest != other.digest


def test_lambda_is_fingerprinted(fingerprint: Fingerprint) -> None:
    one, other = fingerprint("fit = lambda x: x + 1\n"), fingerprint("fit = lambda x: x + 2\n")
    assert one.reasons == ()
    assert one.digest != other.digest


def test_two_lambdas_of_one_line_are_two_parts(fingerprint: Fingerprint) -> None:
    found = fingerprint("F = [lambda x: x, lambda x: -x]\ndef fit(x):\n    return F[0](x) + F[1](x)\n")
    assert list(found.parts) == ["steps.<lambda>", "steps.<lambda>#2", "steps.F"]


def test_installed_libraries_count_by_name_only(fingerprint: Fingerprint) -> None:
    found = fingerprint(
        "import numpy as np, json\nfrom sklearn.model_selection import train_test_split\n"
        "def fit(x):\n    return np.mean(json.loads(x)), train_test_split(x)\n"
    )
    assert dict(found.parts) == {}
    assert found.reasons == ()


def test_every_process_finds_the_same(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(
        "import dataclasses, enum\n"
        "NAMES = {'a', 'b', 'c', 'd', 'e'}\n"
        "class Kind(enum.Enum):\n    A = frozenset({'x', 'y', 'z'})\n"
        "@dataclasses.dataclass\nclass Config:\n    kind: Kind = Kind.A\n    extra: object = object()\n"
        "config = Config()\n"
        "def fit(x):\n    return [n for n in NAMES if n in {'p', 'q', 'r'}], config, Config\n"
        "from argosy.execution.caching.code_fingerprint import fingerprint_code\n"
        "if __name__ == '__main__':\n    print(fingerprint_code(fit))\n"
    )
    root = str(Path(argosy.__path__[0]).parent)
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
        command = [sys.executable, str(tmp_path / "steps.py")]
        outputs.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(outputs) == 1
    assert "digest=None" not in outputs.pop()


def test_fingerprint_does_not_change_what_it_reads() -> None:
    lock = threading.Lock()
    values = [3, 1, 2]

    def fit() -> object:
        return lock, values

    assert fingerprint_code(fit).digest is None
    assert values == [3, 1, 2]
    assert not lock.locked()


@pytest.mark.parametrize(
    "source",
    [
        "from argosy import Lineage\n\ndef fit(x):\n    return isinstance(x, Lineage)\n",
        "from argosy import Lineage\nKINDS = {'lineage': Lineage}\n\ndef fit(x):\n    return KINDS[x]\n",
        "from argosy import Lineage\n\nclass Mine(Lineage):\n    pass\n\ndef fit(x):\n    return Mine\n",
    ],
    ids=["read", "in a constant", "a base"],
)
def test_where_a_public_name_of_argosy_lies_is_no_part_of_what_reads_it(
    fingerprint: Fingerprint, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    before = fingerprint(source)
    monkeypatch.setitem(public_names.HOMES, "Lineage", "elsewhere")
    monkeypatch.setattr(argosy.Lineage, "__module__", "argosy.elsewhere")
    assert fingerprint(source) == before

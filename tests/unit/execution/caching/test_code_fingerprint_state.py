"""What functions, wrappers and materializers know counts as their code does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import argosy
from argosy.execution.caching.code_fingerprint import CodeFingerprint, fingerprint_code
from argosy.materializers.files import FileSink, FileSource

Fingerprint = Callable[..., CodeFingerprint]
USES_HELPER = "from helpers import scale\ndef fit(x):\n    return scale(x)\n"

KNOWN = {
    "attribute of a function": """
        def scale(x):
            return x * scale.factor
        scale.factor = {factor}
    """,
    "attribute of a wrapper": """
        import functools
        class Scaled:
            def __init__(self, function):
                functools.update_wrapper(self, function)
                self.itself = self
                self.factor = 1
            def __call__(self, x):
                return self.__wrapped__(x) * self.factor
        @Scaled
        def scale(x):
            return x
        scale.factor = {factor}
    """,
}


@pytest.mark.parametrize("helpers", KNOWN.values(), ids=KNOWN.keys())
def test_what_was_set_on_a_function_counts(fingerprint: Fingerprint, helpers: str) -> None:
    before = fingerprint(USES_HELPER, helpers=helpers.format(factor=2))
    same = fingerprint(USES_HELPER, helpers=helpers.format(factor=2))
    after = fingerprint(USES_HELPER, helpers=helpers.format(factor=3))
    assert before.reasons == ()
    assert before == same
    assert len({name for name in before.parts if before.parts[name] != after.parts[name]}) == 1


KEPT = """
    from http.cookies import Morsel
    import argosy
    class Model: ...
    class Keeper(argosy.Materializer[{types}]):
        types = ({types},)
        format = "txt"
        def save(self, value, files):
            files.write("a.txt", b"{content}")
        def load(self, files, as_type):
            return {types}()
"""


@pytest.mark.parametrize("types", ["Model", "Morsel"], ids=["of the project", "of a library"])
@pytest.mark.parametrize("annotated", ["x: {types}):", "x) -> list[{types}]:"], ids=["input", "output"])
def test_the_materializer_of_an_annotated_class_counts(fingerprint: Fingerprint, types: str, annotated: str) -> None:
    steps = f"from helpers import *\ndef fit({annotated.format(types=types)}\n    return x\n"

    def found(content: str) -> CodeFingerprint:
        return fingerprint(steps, helpers=KEPT.format(types=types, content=content))

    before, after = found("1"), found("2")
    assert {name for name in before.parts if before.parts[name] != after.parts[name]} == {"helpers.Keeper.save"}


class Weights: ...


class Quantized(argosy.Materializer[Weights]):
    types = (Weights,)
    format = "quantized"

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def save(self, value: Weights, files: FileSink) -> None:
        files.write("bits", bytes(self.bits))

    def load(self, files: FileSource, as_type: type[Weights] | None) -> Weights:
        return Weights()


def fit(x: int) -> int:
    return x


def test_a_materializer_that_is_given_counts_with_what_it_was_made_with() -> None:
    four, eight = fingerprint_code(fit, Quantized(4)), fingerprint_code(fit, Quantized(8))
    assert four == fingerprint_code(fit, Quantized(4))
    assert (four.own, four.digest == eight.digest) == (eight.own, False)

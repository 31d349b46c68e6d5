from __future__ import annotations

from collections.abc import Callable

import pytest

from argosy.execution.code_fingerprint import CodeFingerprint

Fingerprint = Callable[..., CodeFingerprint]

HELPER = "from helpers import scale\ndef fit(x):\n    return scale(x)\n"


def test_helper_of_the_project_is_a_part_with_its_own_digest(fingerprint: Fingerprint) -> None:
    before = fingerprint(HELPER, helpers="def scale(x):\n    return x * 2\n")
    after = fingerprint(HELPER, helpers="def scale(x):\n    return x * 3\n")
    assert list(before.parts) == ["helpers.scale"]
    assert before.own == after.own
    assert before.parts != after.parts
    assert before.digest != after.digest


WAYS = {
    "module attribute": """
        import helpers
        def fit(x):
            return helpers.scale(x)
    """,
    "in a comprehension": """
        import helpers as h
        def fit(x):
            return [h.scale(i) for i in x]
    """,
    "import inside": """
        def fit(x):
            from helpers import scale
            return scale(x)
    """,
    "module imported inside": """
        def fit(x):
            import helpers
            return helpers.scale(x)
    """,
    "in a dict": """
        from helpers import scale
        HOW = {'a': scale}
        def fit(x):
            return HOW['a'](x)
    """,
    "partial": """
        from functools import partial
        from helpers import scale
        f = partial(scale, 1)
        def fit(x):
            return f()
    """,
    "closure": """
        from helpers import scale
        def wrap(f):
            def fit(x):
                return f(x)
            return fit
        fit = wrap(scale)
    """,
    "wrapped in C": """
        from functools import lru_cache
        from helpers import scale
        c = lru_cache(scale)
        def fit(x):
            return c(x)
    """,
    "wrapped by a library": """
        from contextlib import contextmanager
        from helpers import scale
        c = contextmanager(scale)
        def fit(x):
            return c(x)
    """,
    "another step": """
        from argosy.sdk.steps import step
        from helpers import scale
        s = step(scale)
        def fit(x):
            return s(x)
    """,
    "two calls away": """
        import helpers
        def middle(x):
            return helpers.scale(x)
        def fit(x):
            return middle(x)
    """,
    "method": """
        import helpers
        class Fitter:
            def run(self, x):
                return helpers.scale(x)
        def fit(x):
            return Fitter().run(x)
    """,
    "inherited property": """
        import helpers
        class Base:
            @property
            def run(self):
                return helpers.scale(1)
        class Fitter(Base):
            pass
        def fit(x):
            return Fitter().run
    """,
    "class method": """
        import helpers
        class Fitter:
            @classmethod
            def run(cls, x):
                return helpers.scale(x)
        def fit(x):
            return Fitter.run(x)
    """,
    "named by an annotation": """
        import helpers
        class Data:
            def run(self):
                return helpers.scale(1)
        def fit(x: Data | None):
            return x.run()
    """,
    "single dispatch": """
        from functools import singledispatch
        from helpers import scale
        @singledispatch
        def general(x):
            return x
        general.register(int, scale)
        def fit(x):
            return general(x)
    """,
    "attribute by its text": """
        import helpers
        def fit(x):
            return getattr(helpers, 'scale')(x)
    """,
    "attribute by a computed text": """
        import helpers
        def fit(x):
            return getattr(helpers, 'sc' + x)(x)
    """,
    "module in a dict": """
        import helpers
        HOW = {'a': helpers}
        def fit(x):
            return HOW['a'].scale(x)
    """,
    "module in a class": """
        import helpers
        class How:
            how = helpers
        def fit(x):
            return How.how.scale(x)
    """,
    "module passed on": """
        import helpers
        def fit(x):
            return x(helpers)
    """,
    "object of a project class": """
        import helpers
        class Model:
            def run(self):
                return helpers.scale(1)
        model = Model()
        def fit(x):
            return model.run()
    """,
}
"""How a step can name ``helpers.scale``."""


@pytest.mark.parametrize("steps", WAYS.values(), ids=WAYS.keys())
def test_helper_is_found_wherever_it_is_named(fingerprint: Fingerprint, steps: str) -> None:
    before = fingerprint(steps, helpers="def scale(x):\n    return x * 2\n")
    after = fingerprint(steps, helpers="def scale(x):\n    return x * 3\n")
    assert before.reasons == ()
    assert {name for name in before.parts if before.parts[name] != after.parts[name]} == {"helpers.scale"}


def test_sub_module_of_a_package_is_followed(fingerprint: Fingerprint) -> None:
    steps = "import package.inner\ndef fit(x):\n    return package.inner.scale(x)\n"
    before = fingerprint(steps, package_in___init__="", package_in_inner="def scale(x):\n    return x * 2\n")
    after = fingerprint(steps, package_in___init__="", package_in_inner="def scale(x):\n    return x * 3\n")
    assert list(before.parts) == ["package.inner.scale"]
    assert before.digest != after.digest


def test_helper_that_is_not_named_does_not_count(fingerprint: Fingerprint) -> None:
    before = fingerprint(HELPER, helpers="def scale(x):\n    return x\ndef other():\n    return 1\n")
    after = fingerprint(HELPER, helpers="def scale(x):\n    return x\ndef other():\n    return 2\n")
    assert before == after


def test_attribute_by_its_text_brings_no_other_attribute(fingerprint: Fingerprint) -> None:
    steps = "import helpers\ndef fit(x):\n    return getattr(helpers, 'scale')(x)\n"
    before = fingerprint(steps, helpers="def scale(x):\n    return x\ndef other():\n    return 1\n")
    after = fingerprint(steps, helpers="def scale(x):\n    return x\ndef other():\n    return 2\n")
    assert before == after


def test_modules_that_import_each_other_are_followed_once(fingerprint: Fingerprint) -> None:
    steps = "import helpers\ndef fit(x):\n    return x(helpers)\n"
    before = fingerprint(steps, helpers="import steps\ndef scale(x):\n    return x * 2\n")
    after = fingerprint(steps, helpers="import steps\ndef scale(x):\n    return x * 3\n")
    assert before.digest != after.digest


def test_functions_that_call_each_other_are_followed_once(fingerprint: Fingerprint) -> None:
    found = fingerprint(
        "def even(n):\n    return n == 0 or fit(n - 1)\ndef fit(n):\n    return n != 0 and even(n - 1)\n"
    )
    assert list(found.parts) == ["steps.even"]

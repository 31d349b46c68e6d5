from __future__ import annotations

from collections.abc import Callable

import pytest

from argosy.execution.caching.code_fingerprint import CodeFingerprint

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


HANDED_ON = {
    "to a function": """
        import helpers
        def scale_by(module):
            return module.scale
        def fit(x):
            return helpers.name, scale_by(helpers)
    """,
    "to its own function": """
        import helpers
        def fit(x):
            return helpers.scale_of(helpers)
    """,
    "to an object": """
        import helpers
        class Model:
            def __init__(self, module):
                self.module = module
            def run(self):
                return self.module.scale
        def fit(x):
            return helpers.name, Model(helpers).run()
    """,
    "to getattr": """
        import helpers
        def fit(x):
            return helpers.name, getattr(helpers, "sca" + "le")
    """,
    "to a variable": """
        import helpers
        def fit(x):
            module = helpers
            return getattr(module, helpers.name)
    """,
    "as an import in the function": """
        def read(module):
            return module.scale
        def fit(x):
            import helpers as module
            return module.name, read(module)
    """,
    "as a module of a package": """
        import helpers.inner
        def read(module):
            return module.scale
        def fit(x):
            return helpers.inner.name, read(helpers.inner)
    """,
    "as an imported module of a package": """
        def read(module):
            return module.scale
        def fit(x):
            import helpers.inner
            return helpers.inner.name, read(helpers.inner)
    """,
    "to a function inside": """
        import helpers
        def fit(x):
            module = helpers
            def read():
                return vars(module)["scale"]
            return module.name, read()
    """,
    "by its dictionary": """
        import helpers
        def fit(x):
            return helpers.name, helpers.__dict__["scale"]
    """,
}
"""How ``fit`` can read one attribute of a module by its name and another one where nobody sees it."""


@pytest.mark.parametrize("steps", HANDED_ON.values(), ids=HANDED_ON.keys())
def test_module_that_is_handed_on_counts_with_all_it_has(fingerprint: Fingerprint, steps: str) -> None:
    def found(scale: int) -> CodeFingerprint:
        text = f"name = 'scale'\nscale = {scale}\ndef scale_of(module):\n    return module.scale\n"
        if "inner" in steps:
            return fingerprint(steps, helpers_in___init__="", helpers_in_inner=text)
        return fingerprint(steps, helpers=text)

    before, after = found(2), found(3)
    assert before.reasons == ()
    changed = {name.rpartition(".")[2] for name in before.parts if before.parts[name] != after.parts[name]}
    assert changed == {"scale"}


ATTRIBUTES_ONLY = {
    "of a package": "import helpers.inner\ndef fit(x):\n    return helpers.inner.scale(x)\n",
    "of an alias": "def fit(x):\n    import helpers.inner as inner\n    return inner.scale(x)\n",
    "of a name": "def fit(x):\n    from helpers import inner\n    return [inner.scale(item) for item in x]\n",
    "of a package imported inside": "def fit(x):\n    import helpers.inner\n    return helpers.inner.scale(x)\n",
    "of a variable of an inner function": """
        def fit(x):
            import helpers.inner as inner
            return lambda: inner.scale(x)
    """,
    "called at once": "def fit(x):\n    from helpers.inner import scale as s\n    return s(x)\n",
}


@pytest.mark.parametrize("steps", ATTRIBUTES_ONLY.values(), ids=ATTRIBUTES_ONLY.keys())
def test_module_of_which_attributes_are_read_counts_with_these(fingerprint: Fingerprint, steps: str) -> None:
    inner = "def scale(x):\n    return x\ndef other():\n    return 1\n"
    found = fingerprint(steps, helpers_in___init__="", helpers_in_inner=inner)
    assert list(found.parts) == ["helpers.inner.scale"]


def test_package_counts_beside_its_module_that_a_function_imports(fingerprint: Fingerprint) -> None:
    steps = "def fit(x):\n    import helpers.inner\n    return helpers.rate * helpers.inner.scale(x)\n"
    found = fingerprint(steps, helpers_in___init__="rate = 2\n", helpers_in_inner="def scale(x):\n    return x\n")
    assert list(found.parts) == ["helpers.inner.scale", "helpers.rate"]


def test_what_a_module_says_about_missing_attributes_counts(fingerprint: Fingerprint) -> None:
    steps = "import helpers\ndef fit(x):\n    return helpers.scale\n"
    before = fingerprint(steps, helpers="def __getattr__(name):\n    return 2\n")
    after = fingerprint(steps, helpers="def __getattr__(name):\n    return 3\n")
    assert before.digest != after.digest


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

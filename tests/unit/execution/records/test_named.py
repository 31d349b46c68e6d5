"""Records by name: a mapping that cannot be changed and explains a name it does not have."""

from __future__ import annotations

import pytest

from argosy.execution.records.named import named


def test_it_is_a_mapping_in_order() -> None:
    steps = named("run 'r'", "step", [("b", 1), ("a", 2)])
    assert (list(steps.items()), len(steps), "a" in steps, steps.get("c")) == ([("b", 1), ("a", 2)], 2, True, None)
    assert steps == {"a": 2, "b": 1}
    with pytest.raises(TypeError):
        steps["c"] = 3  # type: ignore[index]  # what is refused


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "run 'r' has no step 'x'; it has no steps"),
        (["fit", "load"], "run 'r' has no step 'x'; its steps are 'fit', 'load'"),
        ([str(i) for i in range(30)], f"its steps are {', '.join(repr(str(i)) for i in range(20))}, ..."),
    ],
)
def test_a_name_that_is_none_is_a_key_error_that_lists_the_names(names: list[str], text: str) -> None:
    with pytest.raises(KeyError) as caught:
        named("run 'r'", "step", [(name, 1) for name in names])["x"]
    assert str(caught.value).endswith(text)

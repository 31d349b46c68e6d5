"""A cache key may have more parts, and longer names of them, than a store takes."""

from __future__ import annotations

from argosy.execution.caching.told_parts import MOST_BYTES, MOST_CHARACTERS, MOST_PARTS, told_parts

OWN = {"code": "a", "parameter:rate": "b", "project": "c"}


def functions(count: int, digest: str = "f" * 64) -> dict[str, str]:
    return {f"code:helpers.f{number:05}": digest for number in range(count)}


def test_parts_that_are_not_too_many_are_told_as_they_are() -> None:
    parts = {**OWN, **functions(MOST_PARTS - len(OWN))}
    assert told_parts(parts) == parts


def test_functions_that_are_too_many_become_one_part() -> None:
    told = told_parts({**functions(MOST_PARTS), **OWN})
    assert len(told) == MOST_PARTS
    assert {name: told.get(name) for name in OWN} == OWN
    assert "code:helpers.f00000" in told
    assert "code:helpers.f00999" not in told


def test_one_part_for_many_tells_whether_any_of_them_changed() -> None:
    parts = {**functions(2 * MOST_PARTS), **OWN}
    last = {**parts, f"code:helpers.f{2 * MOST_PARTS - 1:05}": "changed"}
    assert told_parts(parts) == told_parts(dict(reversed(parts.items())))
    before, after = told_parts(parts), told_parts(last)
    assert {name for name in before if before[name] != after[name]} == {"more"}


def test_parts_of_too_many_bytes_become_one_part() -> None:
    told = told_parts({**{f"file:{number:03}{'é' * 240}": "f" * 64 for number in range(900)}, **OWN})
    assert {name: told.get(name) for name in OWN} == OWN
    assert sum(len(name.encode()) + len(text.encode()) for name, text in told.items()) <= MOST_BYTES + 64 + len("more")


def test_long_names_are_cut_and_stay_apart() -> None:
    one, other = told_parts({f"file:{'d/' * 200}one": "a", f"file:{'d/' * 200}other": "b"})
    assert (len(one), len(other)) == (MOST_CHARACTERS, MOST_CHARACTERS)
    assert one != other
    assert one.startswith("file:d/d/")


def test_characters_that_cannot_be_printed_are_spelt_out() -> None:
    assert told_parts({"file:a\nb": "a"}) == {r"file:a\nb": "a"}

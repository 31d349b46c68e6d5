"""The contract of materializers finds what it says it finds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_each_rule_is_broken_by_a_careless_materializer() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, str(HERE / "careless.py")], cwd=HERE.parents[2], capture_output=True, text=True, check=False
    )
    failed = set(re.findall(r"^FAILED .*?::test_(\w+)", done.stdout, re.M))
    assert failed == {
        "a_value_comes_back_equal_and_of_its_type_in_another_process",
        "its_facts_and_previews_can_be_stored",
        "a_damaged_file_is_an_error_and_never_a_value",
        "a_file_of_other_content_is_an_error_and_never_a_value",
        "a_large_value_is_stored_in_about_its_size",
        "a_large_value_is_saved_with_little_more_memory_than_itself",
        "a_large_value_is_loaded_with_little_more_memory_than_itself",
        "a_large_value_comes_back_equal_and_of_its_type",
        "a_missing_package_is_named_with_the_cure",
    }, done.stdout + done.stderr
    # Of drift Argosy warns, whatever the materializer does.
    passed = set(re.findall(r"^PASSED .*?::test_(\w+)", done.stdout, re.M))
    assert passed == {"another_version_of_a_package_is_warned_about"}


def test_a_contract_without_values_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "test_empty.py").write_text(
        "from argosy.testing import MaterializerContract\n\n"
        "class TestEmpty(MaterializerContract):\n    def values(self):\n        return {}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", "test_empty.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "TestEmpty.values() returns none; name at least one value to prove it with" in done.stdout
    assert "1 error in " in done.stdout


def test_a_right_materializer_passes_and_values_without_equality_are_told_what_they_lack() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
    ]
    done = subprocess.run(
        [*command, str(HERE / "careful.py")], cwd=HERE.parents[2], capture_output=True, text=True, check=False
    )
    failed = re.findall(r"^(?:FAILED|ERROR) .*?::(\w+)::test_(\w+)\[(\w+)\]", done.stdout, re.M)
    comes_back = "a_value_comes_back_equal_and_of_its_type_in_another_process"
    assert failed == [("TestLayersThatCannotBeCompared", comes_back, name) for name in ("two", "none")], done.stdout
    assert "Layer has no __eq__, so define one, or equal(self, loaded, value)" in done.stdout


def test_a_contract_that_defines_no_values_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "test_forgotten.py").write_text(
        "from argosy.testing import MaterializerContract\n\nclass TestForgotten(MaterializerContract):\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_forgotten.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = done.stdout.splitlines()
    assert "TestForgotten must define values(self): return a dict of name -> value" in told
    assert [line for line in told if "pluggy" in line] == []


def test_modules_are_found_where_pytest_imports_them_from_a_path_that_it_tells_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "kinds"
    folder.mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    (folder / "point.py").write_text(
        "import argosy\n\n"
        "class Point(complex):\n    pass\n\n"
        "class PointMaterializer(argosy.Materializer[Point]):\n"
        "    types, format = (Point,), 'point'\n\n"
        "    def save(self, value, files):\n        files.write('point.txt', f'{complex(value)}'.encode())\n\n"
        "    def load(self, files, as_type):\n        return Point(complex(files.read('point.txt').decode()))\n"
    )
    (folder / "test_point.py").write_text(
        "from argosy.testing import MaterializerContract\nfrom .point import Point, PointMaterializer\n\n"
        "class TestPoints(MaterializerContract):\n    materializer = PointMaterializer\n\n"
        "    def values(self):\n        return {'one': Point(1)}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "6 passed, 4 skipped" in done.stdout, done.stdout + done.stderr

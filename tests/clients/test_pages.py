"""What the pages of the repository show of Go and TypeScript compiles, as it stands, against the clients."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clients.conftest import Programs
from tests.clients.languages import GO, OTHERS, ROOT, TYPESCRIPT, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GO_PACKAGES = {
    "argosy": "example.com/argosy/clients/go",
    "npy": "example.com/argosy/clients/go/npy",
    "parquet": "example.com/argosy/clients/go/parquet",
    **{name: name for name in ("errors", "fmt", "io", "log", "os")},
}


def blocks(language: str, *fences: str) -> dict[str, str]:
    """The code of all pages in a language, by a name that tells where it stands."""
    if language not in OTHERS:
        pytest.skip(f"ARGOSY_TEST_CLIENTS leaves {language} out")
    found = {}
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(rf"^```(?:{'|'.join(fences)})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start(1)) + 1
            found[f"{page.stem}_{line}".replace("-", "_")] = match[1]
    assert found, f"no page shows {language}: this test has nothing to do"
    return found


def in_function(code: str) -> str:
    """A block as the body of a function that has a context and may return an error."""
    used = [path for name, path in GO_PACKAGES.items() if re.search(rf"\b{name}\.", code)]
    imports = "".join(f'\t"{path}"\n' for path in ["context", *used])
    return f"package page\n\nimport (\n{imports})\n\nfunc shown(ctx context.Context) error {{\n{code}\treturn nil\n}}\n"


def test_go_in_pages_compiles(tmp_path: Path) -> None:
    replaced = {}
    for name, code in blocks("go", "go").items():
        source = tmp_path / f"{name}.go"
        source.write_text(in_function(code))
        replaced[str(GO / "pages" / name / "page.go")] = str(source)  # there only for the compiler
    overlay = tmp_path / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replaced}))
    run(["go", "build", "-overlay", overlay, *(f"./pages/{Path(path).parent.name}" for path in replaced)], GO)


def test_typescript_in_pages_compiles(tmp_path: Path, programs: Programs) -> None:
    found = blocks("typescript", "ts", "typescript")
    programs("typescript")  # compiled, as a user has it
    for name, code in found.items():
        (tmp_path / f"{name}.ts").write_text(code)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/argosy-client").symlink_to(TYPESCRIPT)
    (tmp_path / "node_modules/@types").symlink_to(TYPESCRIPT / "node_modules/@types")
    options = {"extends": str(TYPESCRIPT / "tsconfig.json"), "compilerOptions": {"noEmit": True, "rootDir": "."}}
    (tmp_path / "tsconfig.json").write_text(json.dumps({**options, "include": ["*.ts"]}))
    run(["node", TYPESCRIPT / "node_modules/typescript/bin/tsc", "-p", tmp_path], TYPESCRIPT)

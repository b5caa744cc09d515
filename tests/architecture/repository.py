"""The repository as the architecture tests see it: its files, its packages, its tables."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "interlock"
TESTS: Final = ROOT / "tests"

# Floors 1-4 of docs/decisions/0003-floors.md.
PURE: Final = ("model", "wire", "intent", "policy", "access", "ledger", "gate")


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def modules(*folders: Path) -> Iterator[Path]:
    """Every Python file below these folders, in order."""
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


def named(path: Path) -> str:
    """A path as people write it, from the root."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> set[str]:
    """The first part of every absolute import in a file; a package that is only looked up counts too."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("find_spec", "import_module")):
            found |= {str(name.value).partition(".")[0] for name in node.args if isinstance(name, ast.Constant)}
    return found


def files_of_git() -> list[Path]:
    """What is committed, and what would be by `git add .`; skips the test in an export without history."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: there is no list of files")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def rows(document: Path) -> list[list[str]]:
    """The cells of every table row of a Markdown document, header and rule left out."""
    lines = document.read_text().splitlines()
    found = []
    for above, line in zip(["", *lines], lines, strict=False):
        rule = set(line) <= set("|-: ") and "-" in line
        if line.startswith("|") and not rule and above.startswith("|"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found

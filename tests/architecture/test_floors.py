"""The contracts of pyproject.toml catch what they are for: each is broken on purpose in a small tree of its own.

That the real tree keeps them is checked by `lint-imports` itself, in the `floors` group of `python3 dev.py lint`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, project

# Floors on which several packages stand side by side are written `a | b`.
LAYERS = next(c for c in project()["tool"]["importlinter"]["contracts"] if c["type"] == "layers")["layers"]
PACKAGES = [*(name.strip() for layer in LAYERS for name in layer.split("|")), "intent/sql"]

PLANTED = [
    ("model/a.py", "import interlock.policy", "A floor imports any floor below"),
    ("policy/a.py", "import interlock.ledger", "A floor imports any floor below"),
    ("gateways/a.py", "import interlock.store", "A floor imports any floor below"),
    ("connectors/a.py", "import interlock.store", "A floor imports any floor below"),
    ("gate/a.py", "import interlock.gateways", "A floor imports any floor below"),
    ("utils/__init__.py", "", "A floor imports any floor below"),
    ("gate/a.py", "import asyncio", "Floors 1-4 do no input or output"),
    ("intent/sql/a.py", "from time import monotonic", "Floors 1-4 do no input or output"),
    ("ledger/a.py", "import sqlite3", "Floors 1-4 do no input or output"),
    ("model/a.py", "import cryptography", "model imports nothing but the standard library and msgspec"),
    ("gateways/a.py", "import postgast", "The SQL parser is imported by intent.sql alone"),
    ("gate/a.py", "from cedarpy import is_authorized", "Cedar is imported by policy alone"),
    ("connectors/a.py", "import cedarpy", "Cedar is imported by policy alone"),
    ("app/a.py", "import joserfc.jwt", "SCRAM and JOSE are imported by access alone"),
]


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, program, "--no-cache", "--no-logo"],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """The packages of the real tree, all empty, under the real contracts."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for package in ["", *PACKAGES]:
        folder = tmp_path / "src" / "interlock" / package
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    return tmp_path


def test_a_tree_without_violations_passes(small_tree: Path) -> None:
    done = lint_imports(small_tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_a_planted_violation_is_caught(small_tree: Path, file: str, line: str, contract: str) -> None:
    planted = small_tree / "src" / "interlock" / file
    planted.parent.mkdir(exist_ok=True)
    (planted.parent / "__init__.py").touch()
    planted.write_text(line + "\n")
    done = lint_imports(small_tree)
    broken = [text for text in done.stdout.splitlines() if text.endswith("BROKEN")]
    assert done.returncode != 0
    assert any(text.startswith(contract) for text in broken), done.stdout

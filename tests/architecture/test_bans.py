"""ruff's bans catch what they are for: each is broken on purpose, in text that is never written to the tree.

That the real tree keeps them is checked by `ruff check` itself, in the `lint` group of `python3 dev.py lint`.
"""

import subprocess
import sys

import pytest

from tests.architecture.repository import ROOT

PLANTED = [
    ("tests/test_a.py", "from unittest import mock\n\nmock.Mock()", "TID251"),
    ("tests/test_a.py", "import unittest.mock\n\nunittest.mock.Mock()", "TID251"),
    ("src/interlock/app/a.py", "from dataclasses import replace\n\nreplace(1)", "TID251"),
    ("src/interlock/app/a.py", "import asyncio\n\n\nasync def f():\n    asyncio.create_task(f())", "TID251"),
    ("src/interlock/app/a.py", "import asyncio\n\n\nasync def f():\n    asyncio.ensure_future(f())", "TID251"),
    ("src/interlock/app/a.py", "from datetime import datetime\n\ndatetime.now()", "TID251"),
    ("src/interlock/app/a.py", "from uuid import uuid4\n\nuuid4()", "TID251"),
    ("src/interlock/app/a.py", "try:\n    f()\nexcept Exception:\n    pass", "BLE001"),
    ("src/interlock/app/a.py", "print(1)", "T201"),
    ("src/interlock/app/a.py", "def f() -> int:\n    return 1", "D100"),
]


@pytest.mark.parametrize(("file", "text", "rule"), PLANTED)
def test_a_planted_violation_is_caught(file: str, text: str, rule: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "--stdin-filename", file]
    done = subprocess.run([*command, "-"], input=text, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert f" {rule} " in done.stdout

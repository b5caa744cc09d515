"""What is compiled means the same as the Python it was made from (ADR 0011)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMPILED = ROOT / "build" / "compiled" / "src"
MEANINGS = ["tests/intent", "tests/corpus/test_evasions.py", "tests/corpus/test_traffic.py", "tests/fuzz"]


@pytest.mark.nightly
def test_the_same_tests_pass_compiled() -> None:
    made = subprocess.run([sys.executable, "tools/compiled.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    environment = {**os.environ, "PYTHONPATH": str(COMPILED)}
    look = "import interlock.intent.sql.tree as one; print(one.__file__)"
    shown = subprocess.run([sys.executable, "-c", look], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith(str(COMPILED))
    assert shown.stdout.strip().endswith(".so")
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "not alone and not nightly", *MEANINGS]
    done = subprocess.run(pytest_, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]

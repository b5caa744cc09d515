"""The search guided by coverage starts, counts our own functions and finds nothing in its first inputs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT


@pytest.mark.parametrize("target", ["intent_sql", "wire_postgres"])
def test_a_target_runs_under_atheris(target: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86-64 alone: nothing is fuzzed here")
    # libFuzzer looks at the peak of memory, which a program inherits from whoever started it: here a whole test run.
    options = [
        "-rss_limit_mb=0",
        "-runs=300",
        "-seed=1",
        "-max_len=512",
        f"-artifact_prefix={tmp_path}/",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", f"tests.fuzz.{target}", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cov: " in done.stderr  # it found branches of ours to count

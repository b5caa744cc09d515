"""What is installed in earnest: compiled where the machine can, plain Python where it cannot (ADR 0011)."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def built(folder: Path, **environment: str) -> Path:
    """A wheel of this tree, from a copy of it: a build leaves files beside the sources."""
    copied = folder / "tree"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and name.startswith(("src/", "policies/", "setup.py", "pyproject", "README", "LIC")):
            (copied / name).parent.mkdir(parents=True, exist_ok=True)
            (copied / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    ready = {name: value for name, value in os.environ.items() if name != "INTERLOCK_COMPILED"} | environment
    done = subprocess.run(command, cwd=copied, env=ready, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def version(wheel: Path, folder: Path) -> str:
    """What the program in it says of itself, run from where it is unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    program = "import interlock, sys; from interlock.cli.main import main; print(interlock.__file__); sys.exit(main())"
    command = [sys.executable, "-c", program, "--version"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    place, said = done.stdout.split(maxsplit=1)
    assert place.startswith(str(folder)), done.stdout
    return said.strip()


def test_a_machine_without_a_compiler_installs_plain_python(tmp_path: Path) -> None:
    wheel = built(tmp_path, PATH=str(tmp_path))
    assert wheel.name.endswith("-none-any.whl")
    assert "compiled" not in version(wheel, tmp_path / "unpacked")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert any(name.endswith(".cedarschema") for name in names)
    assert any("policies/production/" in name for name in names)


@pytest.mark.nightly
def test_a_machine_with_a_compiler_installs_compiled_code(tmp_path: Path) -> None:
    wheel = built(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        native = [name for name in archive.namelist() if name.startswith("interlock/") and name.endswith(".so")]
    assert any(name.startswith("interlock/intent/sql/understand.") for name in native), native
    assert version(wheel, tmp_path / "unpacked").endswith("(compiled)")

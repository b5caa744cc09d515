"""Make build/compiled: a copy of the sources with its busiest package compiled, never older than they are (ADR 0011).

A copy, and not a file beside each source: what is edited must be what runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "compiled"
STAMP = PLACE / "sources"
COPIED = ("setup.py", "pyproject.toml", "README.md", "LICENSE")


def main() -> None:
    """Exits with 1 where there is no C compiler, or where mypyc refuses the code."""
    wanted = _digest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        sys.exit("compiling needs a C compiler and Python's headers; on Debian: apt-get install gcc python3-dev")
    _copy()
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace", f"-j{os.cpu_count() or 1}"],
        cwd=PLACE, env={**os.environ, "INTERLOCK_COMPILED": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stdout + done.stderr).splitlines()
        sys.exit("\n".join(line for line in said if "warning" not in line)[-4000:])
    STAMP.write_text(wanted)


def _copy() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree(ROOT / "src", PLACE / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(ROOT / "policies", PLACE / "policies")
    for name in COPIED:
        shutil.copy(ROOT / name, PLACE)


def _digest() -> str:
    files = [*sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "policies").rglob("*")), ROOT / "setup.py"]
    found = hashlib.sha256(f"{sys.version}\0{sys.executable}".encode())
    for path in filter(Path.is_file, files):
        found.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()

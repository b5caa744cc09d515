"""Builds Interlock. What is installed in earnest has its busiest package compiled (ADR 0011); a working copy never."""

import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/interlock/intent/sql")
# Classes that msgspec or enum put together by themselves, and names that ctypes declares: these stay Python.
PLAIN = frozenset({"catalog/snapshot.py", "catalog/rows.py", "parser.py", "statement.py"})

# So that small functions are put in where they are called, across files: a twentieth of the time.
_WHOLE = ["-fno-semantic-interposition", "-flto=auto"]


def wanted() -> bool:
    """INTERLOCK_COMPILED says 1 or 0. Where it says nothing a wheel is compiled if this machine can; what is edited in
    place is not, since the file that runs must be the file that was edited."""
    said = os.environ.get("INTERLOCK_COMPILED")
    if said is not None:
        return said == "1"
    if "bdist_wheel" not in sys.argv:
        return False
    missing = _missing()
    if missing:
        sys.stderr.write(
            f"Interlock is built as plain Python, which reads statements at a third of the speed: {missing}\n"
        )
    return not missing


def _missing() -> str:
    """What compiling needs and this machine lacks; empty where nothing is missing."""
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        return "there is no C compiler"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "Python's headers are missing (Debian: python3-dev)"
    return "" if find_spec("mypyc") else "mypy is not installed"


def compiled() -> list[Extension]:
    """What turns a text into effects, as C; nothing where it stays Python."""
    if not wanted():
        return []
    from mypyc.build import mypycify

    found = (path for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py")
    chosen = [str(path) for path in found if path.relative_to(SOURCE).as_posix() not in PLAIN]
    made = list(mypycify(chosen, opt_level="2", debug_level="0", multi_file=True))
    for extension in made:
        extension.extra_compile_args += _WHOLE
        extension.extra_link_args += _WHOLE
    return made


setup(ext_modules=compiled())

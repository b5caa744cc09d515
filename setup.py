"""Builds Interlock: as plain Python, or with INTERLOCK_COMPILED=1 with its busiest package compiled (ADR 0011)."""

import os
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/interlock/intent/sql")
# Classes that msgspec or enum put together by themselves, and names that ctypes declares: these stay Python.
PLAIN = frozenset({"catalog/snapshot.py", "catalog/rows.py", "parser.py", "statement.py"})

# So that small functions are put in where they are called, across files: a twentieth of the time.
_WHOLE = ["-fno-semantic-interposition", "-flto=auto"]


def compiled() -> list[Extension]:
    """What turns a text into effects, as C; nothing where plain Python will do, which needs no C compiler."""
    if os.environ.get("INTERLOCK_COMPILED") != "1":
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

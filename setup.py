"""Builds Interlock: as plain Python, or with INTERLOCK_COMPILED=1 with its busiest package compiled (ADR 0011)."""

import os
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/interlock/intent/sql")
# Classes that msgspec or enum put together by themselves, and names that ctypes declares: these stay Python.
PLAIN = frozenset({"__init__.py", "catalog.py", "catalog_rows.py", "consequences.py", "parser.py", "statement.py"})


def compiled() -> list[Extension]:
    """What turns a text into effects, as C; nothing where plain Python will do, which needs no C compiler."""
    if os.environ.get("INTERLOCK_COMPILED") != "1":
        return []
    from mypyc.build import mypycify

    chosen = [str(path) for path in sorted(SOURCE.glob("*.py")) if path.name not in PLAIN]
    return list(mypycify(chosen, opt_level="2", debug_level="0", multi_file=True))


setup(ext_modules=compiled())

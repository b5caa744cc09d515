"""Searches guided by coverage, with atheris: `python -m tests.fuzz.<target>`, and how in docs/fuzzing.md."""

import gc
import sys
from collections.abc import Callable
from types import FunctionType


def search(one_input: Callable[[bytes], None], mutate: Callable[[bytes, int, int], bytes], *folders: str) -> None:
    """Fuzz until told to stop. Only Interlock's own functions are counted: coverage is of it, and costs nobody else."""
    import atheris

    for found in gc.get_objects():
        if isinstance(found, FunctionType) and str(found.__module__).startswith("interlock."):
            atheris.instrument_func(found)
    atheris.Setup([*sys.argv, *folders], one_input, custom_mutator=mutate)
    atheris.Fuzz()

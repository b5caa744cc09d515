"""A module of the gate with one line broken on purpose: some scene must notice."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType


def broken(real: ModuleType, *changes: tuple[str, str]) -> ModuleType:
    """A copy of `real` in which each text that is named is replaced by another."""
    file = Path(str(real.__file__))
    source = file.with_name(f"{file.name.partition('.')[0]}.py").read_text()  # also where the module is compiled
    for old, new in changes:
        assert source.count(old) == 1, "the gate's source has changed: mend the breakage"
        source = source.replace(old, new)
    module = ModuleType(f"{real.__name__}_broken")
    sys.modules[module.__name__] = module
    exec(compile(source, "broken.py", "exec"), module.__dict__)
    return module


def is_noticed(module: ModuleType, scenes: Iterable[Callable[[ModuleType], None]]) -> bool:
    """Whether a scene cannot be played with it."""
    return any(_spoiled(scene, module) for scene in scenes)


def _spoiled(scene: Callable[[ModuleType], None], module: ModuleType) -> bool:
    try:
        scene(module)
    except (AssertionError, AttributeError):
        return True
    return False

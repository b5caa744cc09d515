"""The gate as it is plays every scene; each deliberate breakage of the order spoils at least one (house.md)."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from interlock.gate import admit
from tests.gate.scenes import SCENES
from tests.gate.stage import Scene

SOURCE = Path(str(admit.__file__)).read_text()

# What is broken, and how: each pair of texts is replaced in the gate's source.
BREAKAGES = {
    "record after send": (
        "        while not await self._write_down(judged, enforce):\n"
        "            judged = await self._judge(asks, enforce, port)  # somebody else used up the approval\n"
        '        self.mark("decided")\n',
        "",
    ),
    "treat hold as allow": ("elif decision.allowed:", "elif decision.verdict is not Verdict.DENY:"),
    "ignore an unmet obligation": ("    if not unmet or not decision.allowed:", "    if True:"),
    "drop the failure record": (
        "        self.journal.note([ended])",
        "        pass",
    ),
    "forget that a refusal fells its group": ("if ask.group == fallen:", "if False:"),
    "block what is only observed": ("            if not enforce:\n", "            if False:\n"),
    "narrow what is only observed": ("port.send(ask, replace(decision, obligations=()))", "port.send(ask, decision)"),
    "relax everything": ("if self.stance.relaxed_reads and all(", "if self.stance.relaxed_reads or all("),
    "relax labelled reads": ('        and not (effect.object.labels - {"catalog"})\n', ""),
    "relax writes": ("        effect.verb is Verb.READ\n        and ", "        "),
    "do not wait for the ledger": (
        "            await self.journal.append(entries)",
        "            self.journal.note(entries)",
    ),
    "swallow a broken ledger": (
        "        while not await self._write_down(judged, enforce):\n",
        "        try:\n            await self._write_down(judged, enforce)\n"
        "        except Exception:\n            pass\n"
        "        while False:\n",
    ),
    "judge one at a time": (
        "        judged = await self._judge(asks, enforce, port)\n        self.mark",
        "        for one in asks[:-1]:\n            await self.admit([one], port)\n"
        "        judged = await self._judge(asks[-1:], enforce, port)\n        self.mark",
    ),
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_gate_plays(scene: Scene) -> None:
    scene(admit)


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_breakage_is_noticed(breakage: str) -> None:
    broken = _broken(*BREAKAGES[breakage])
    assert any(_spoiled(scene, broken) for scene in SCENES), f"no scene notices: {breakage}"


def _broken(old: str, new: str) -> ModuleType:
    assert SOURCE.count(old) == 1, "the gate's source has changed: mend the breakage"
    module = ModuleType("interlock.gate.broken")
    source = SOURCE.replace(old, new)
    if "await self._write_down(judged, enforce)" not in source:  # record after send
        source = source.replace(
            "                port.refuse(ask, decision)\n",
            "                port.refuse(ask, decision)\n        await self._write_down(judged, enforce)\n",
        )
    sys.modules[module.__name__] = module
    exec(compile(source, "broken.py", "exec"), module.__dict__)
    return module


def _spoiled(scene: Scene, broken: ModuleType) -> bool:
    try:
        scene(broken)
    except AssertionError:
        return True
    return False

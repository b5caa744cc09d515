"""The gate as it is plays every scene; each deliberate breakage of the order spoils at least one (house.md)."""

import pytest

from interlock.gate import admit
from tests.gate.breaking import broken, is_noticed
from tests.gate.scenes import SCENES
from tests.gate.stage import Scene

# What is broken, and how: of each pair of texts the first is replaced by the second in the gate's source.
BREAKAGES = {
    "record after send": [
        (
            "        while not await self._write_down(judged, enforce):\n"
            "            judged = await self._judge(asks, enforce, port)  # somebody else used up the approval\n"
            '        self.mark("decided")\n',
            "",
        ),
        (
            "                port.refuse(ask, decision)\n",
            "                port.refuse(ask, decision)\n        await self._write_down(judged, enforce)\n",
        ),
    ],
    "treat hold as allow": [
        ("elif decision.allowed:", "elif decision.verdict is not Verdict.DENY:"),
    ],
    "ignore an unmet obligation": [
        ("    if not unmet or not decision.allowed:", "    if True:"),
    ],
    "drop the failure record": [
        (
            "        self.journal.note([ended])",
            "        pass",
        ),
    ],
    "forget that a refusal fells its group": [
        ("if ask.group == fallen:", "if False:"),
    ],
    "block what is only observed": [
        ("            if not enforce:\n", "            if False:\n"),
    ],
    "narrow what is only observed": [
        ("port.send(ask, replace(decision, obligations=()))", "port.send(ask, decision)"),
    ],
    "relax everything": [
        ("if self.stance.relaxed_reads and all(", "if self.stance.relaxed_reads or all("),
    ],
    "relax labelled reads": [
        ("        and effect.object.labels <= _UNLABELLED\n", ""),
    ],
    "relax writes": [
        ("        effect.verb is Verb.READ\n        and ", "        "),
    ],
    "do not wait for the ledger": [
        (
            "            await self.journal.append(entries)",
            "            self.journal.note(entries)",
        ),
    ],
    "swallow a broken ledger": [
        (
            "        while not await self._write_down(judged, enforce):\n",
            "        try:\n            await self._write_down(judged, enforce)\n"
            "        except Exception:\n            pass\n"
            "        while False:\n",
        ),
    ],
    "judge one at a time": [
        (
            "        judged = await self._judge(asks, enforce, port)\n        self.mark",
            "        for one in asks[:-1]:\n            await self.admit([one], port)\n"
            "        judged = await self._judge(asks[-1:], enforce, port)\n        self.mark",
        ),
    ],
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_gate_plays(scene: Scene) -> None:
    scene(admit)


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_breakage_is_noticed(breakage: str) -> None:
    assert is_noticed(broken(admit, *BREAKAGES[breakage]), SCENES), f"no scene notices: {breakage}"

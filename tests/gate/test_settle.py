"""The gate's second moment plays every scene; each deliberate breakage of its order spoils at least one (house.md)."""

import importlib
from collections.abc import Callable
from types import ModuleType

import pytest

from interlock import impact
from interlock.model import Basis, Impact, Measure, Verdict
from tests.gate.breaking import broken, is_noticed
from tests.gate.settling import audit, counted, play, write
from tests.gate.stage import DENY, HOLD, allow

REAL = importlib.import_module("interlock.gate.settle")


def a_unit_is_counted_and_judged_and_written_down_before_it_lands(gate: ModuleType) -> None:
    assert play(gate, counted(3)) == [
        "measure",
        "decide delete public.orders",
        "durable: allow unit at 3 rows",
        "land",
    ]


def one_that_touched_too_much_is_undone(gate: ModuleType) -> None:
    assert play(gate, counted(100_000)) == [
        "measure",
        "decide delete public.orders",
        "durable: deny unit at 100000 rows",
        "undo: no",
    ]


def a_hold_is_undone_too(gate: ModuleType) -> None:
    assert play(gate, counted(3), decisions={"a": HOLD})[2:] == ["durable: hold unit at 3 rows", "undo: no"]


def rows_that_nobody_counted_never_land(gate: ModuleType) -> None:
    assert play(gate, counted(None))[-1] == "undo: no"


def an_estimate_never_lands(gate: ModuleType) -> None:
    assert play(gate, counted(3, basis=Basis.ESTIMATED))[-1] == "undo: not-measured"
    assert play(gate, impact.Counted(impact=Impact(rows=0)))[-1] == "undo: not-measured"


def a_problem_with_the_count_undoes(gate: ModuleType) -> None:
    problem = impact.Counted(impact=counted(3).impact, problem=impact.ran_out("too much", "less"))
    assert play(gate, problem)[2:] == ["durable: deny unit at 3 rows", "undo: not-measured"]


def what_failed_by_itself_is_not_judged(gate: ModuleType) -> None:
    assert play(gate, None) == ["measure"]


def nothing_lands_when_counting_fails(gate: ModuleType) -> None:
    assert play(gate, counted(3), uncounted=True) == ["measure", "counting broken"]


def nothing_lands_when_the_ledger_fails(gate: ModuleType) -> None:
    assert play(gate, counted(3), broken=True) == ["measure", "decide delete public.orders", "ledger broken"]


def commands_that_land_together_are_judged_together(gate: ModuleType) -> None:
    said = play(gate, counted(3), write("a"), write("b"), audit("c"))
    assert said[1:] == ["decide delete public.orders, create public.audit", "durable: allow unit at 3 rows", "land"]


def a_unit_that_goes_on_is_judged_so_far(gate: ModuleType) -> None:
    assert play(gate, counted(3), lands=False)[2:] == ["durable: allow unit at 3 rows so far", "go on"]
    assert play(gate, counted(2_000), lands=False)[2:] == ["durable: deny unit at 2000 rows so far", "undo: no"]


def a_promise_that_one_of_them_cannot_keep_undoes(gate: ModuleType) -> None:
    kept = play(gate, counted(3), decisions={"a": allow(Measure())})
    assert kept[-1] == "land"
    broken = play(gate, counted(3), write("b", offers=False), write("a"), decisions={"a": allow(Measure())})
    assert broken[-1] == "undo: unmet-promise"


def a_denial_stays_one_however_small(gate: ModuleType) -> None:
    assert play(gate, counted(0), decisions={"a": DENY})[-1] == "undo: no"


SCENES = [made for made in list(globals().values()) if getattr(made, "__module__", "") == __name__]

# What is broken, and how: of each pair of texts the first is replaced by the second in the source.
BREAKAGES = {
    "land before the record": [
        (
            "    while not await _write_down(gate, settled):\n"
            "        settled = await _judge(gate, unit, counted)  # somebody else used up the approval\n",
            "",
        ),
        ("        unit.undo(settled)\n", "        unit.undo(settled)\n    await _write_down(gate, settled)\n"),
    ],
    "do not wait for the ledger": [
        (
            "    await gate.journal.append([record])\n",
            "    gate.journal.note([record])\n",
        ),
    ],
    "treat hold as allow": [
        (
            "    if settled.decision.allowed:",
            "    if settled.decision.verdict is not Verdict.DENY:",
        ),
    ],
    "skip undo": [
        ("        unit.undo(settled)", "        unit.land(settled)"),
    ],
    "skip the second decision": [
        (
            "    decision = within_offers(gate.judge.decide(case), case)\n",
            "    decision = Decision(verdict=Verdict.ALLOW, reasons=(), obligations=(), policy_version='')\n",
        ),
    ],
    "land when measuring failed": [
        (
            "    counted = await unit.measure()\n",
            "    try:\n        counted = await unit.measure()\n"
            "    except Exception:\n        counted = Counted(impact=Impact(basis=Basis.MEASURED, rows=0))\n",
        ),
        ("import UNCOUNTED, ", "import UNCOUNTED, Impact, "),
    ],
    "take an estimate for a count": [
        ("    if problem is None and counted.impact.basis is not Basis.MEASURED:\n", "    if False:\n"),
    ],
    "overlook a problem": [
        ("    problem = counted.problem or", "    problem = None or"),
    ],
    "judge what failed": [
        ("    if counted is None:\n        return\n", ""),
    ],
    "judge the last command alone": [
        ("merged([each.intent for each in ran])", "ran[-1].intent"),
    ],
    "ignore an unmet obligation": [
        ("within_offers(gate.judge.decide(case), case)", "gate.judge.decide(case)"),
    ],
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_gate_settles(scene: Callable[[ModuleType], None]) -> None:
    scene(REAL)


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_breakage_is_noticed(breakage: str) -> None:
    assert is_noticed(broken(REAL, *BREAKAGES[breakage]), SCENES), f"no scene notices: {breakage}"


def test_verdicts_are_all_of_them() -> None:
    """A new verdict needs a scene here."""
    assert set(Verdict) == {Verdict.ALLOW, Verdict.HOLD, Verdict.DENY}

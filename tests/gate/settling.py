"""A unit on the gate's stage: it is counted, judged again, and lands or is undone; all into one transcript."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from msgspec.structs import replace

from interlock.gate import Ask, Gate, Settled, settle
from interlock.impact import Counted
from interlock.model import (
    UNSEEN,
    Basis,
    Case,
    Content,
    Decision,
    Effect,
    Ground,
    Impact,
    Lease,
    Measure,
    Object,
    ObjectKind,
    Reach,
    Touched,
    Transaction,
    Verb,
)
from tests.gate.stage import ALLOW, DENY, LedgerBroken, Stage, ask

AUDIT = Object(kind=ObjectKind.TABLE, path=("shop", "public", "audit"))
MOST = 1_000


class CountingBroken(Exception):
    """The target does not say what it counted."""


def counted(rows: int | None, *, basis: Basis = Basis.MEASURED, touched: Sequence[Touched] = ()) -> Counted:
    """So many rows."""
    return Counted(impact=Impact(basis=basis, rows=rows, touched=tuple(touched)), transaction=Transaction(id="712"))


@dataclass
class Unit:
    """A unit of these commands, counted as said; `said` is the stage's transcript."""

    ran: Sequence[Ask]
    said: list[str]
    count: Counted | None
    lands: bool = True
    broken: bool = False
    unit: str = "unit"
    leases: Sequence[Lease] = ()

    async def ground(self, ask: Ask) -> Ground | None:
        return None

    async def content(self) -> Content:
        return UNSEEN

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        return None

    async def measure(self) -> Counted | None:
        self.said.append("measure")
        if self.broken:
            raise CountingBroken
        return self.count

    async def take_back(self) -> bool:
        return False

    def again(self) -> None:
        self.said.append("again")

    def land(self, settled: Settled) -> None:
        self.said.append("land" if settled.lands else "go on")

    def undo(self, settled: Settled) -> None:
        self.said.append(f"undo: {settled.decision.reasons[0].policy}")


@dataclass
class Counting(Stage):
    """A judge who looks at numbers: more than MOST rows, or rows nobody counted, are denied."""

    cases: list[Case] = field(default_factory=list)

    def decide(self, case: Case) -> Decision:
        self.cases.append(case)
        effects = [f"{effect.verb.value} {effect.object}" for effect in case.intent.effects]
        self.said.append(f"decide {', '.join(effects)}")
        small = case.impact.rows is not None and case.impact.rows <= MOST
        known = self.decisions.get(case.command.id, ALLOW)
        return (known if small else DENY) if known.allowed else known


def play(
    module: ModuleType,
    count: Counted | None,
    *asks: Ask,
    decisions: dict[str, Decision] | None = None,
    lands: bool = True,
    broken: bool = False,
    uncounted: bool = False,
) -> list[str]:
    """Settle a unit through `settle` of `module`; the transcript, with what ended it."""
    stage = Counting(decisions=decisions or {}, broken=broken)
    gate = Gate(judge=stage, journal=stage, scribe=stage, now=lambda: 0, new_id=lambda: "id")
    ran = asks or (write("a"),)
    unit = Unit(ran=ran, said=stage.said, count=count, lands=lands, broken=uncounted)
    try:
        asyncio.run(module.settle(gate, unit))
    except LedgerBroken:
        stage.said.append("ledger broken")
    except CountingBroken:
        stage.said.append("counting broken")
    return stage.said


def write(name: str, *, offers: bool = True) -> Ask:
    """A write that was let pass because it would be measured."""
    return ask(name, Verb.DELETE, offers=frozenset({Measure}) if offers else frozenset())


def audit(name: str) -> Ask:
    """A write to another table."""
    made = write(name)
    effect = Effect(verb=Verb.CREATE, object=AUDIT, reach=Reach.ONE)
    return replace(made, intent=replace(made.intent, effects=(effect,)))


REAL = settle

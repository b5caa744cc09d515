"""The second moment: measure, decide again, write down, land or undo."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from interlock.access.leases import beyond
from interlock.access.runbooks import too_many
from interlock.gate.admit import Gate, with_steps, within_offers
from interlock.gate.lifting import spans
from interlock.gate.port import Ask
from interlock.gate.runbooks import OUT_OF_RANGE
from interlock.impact import Counted, merged
from interlock.model import UNCOUNTED, Basis, Case, Content, Decision, Ground, Lease, Reason, Verdict


class Settled(Struct, frozen=True, kw_only=True):
    """The second judgement of a unit: what was counted, the case it makes, and the decision on it.

    `lands` is False for a unit that goes on: only its answers so far wait for this.
    """

    unit: str
    ran: tuple[Ask, ...]
    lands: bool
    counted: Counted
    case: Case
    decision: Decision


class Settling(Protocol):
    """A surface's way to count a unit, to let it land, and to undo it."""

    @property
    def unit(self) -> str:
        """Which unit it is."""

    @property
    def ran(self) -> Sequence[Ask]:
        """Its commands that may have written, in order; at least one."""

    @property
    def leases(self) -> Sequence[Lease]:
        """The approvals that its commands were let pass with."""

    @property
    def lands(self) -> bool:
        """Whether its end is asked for, or only its answers so far."""

    async def measure(self) -> Counted | None:
        """What it has touched; None where it failed by itself, and so cannot land."""

    async def ground(self, ask: Ask) -> Ground | None:
        """What its command's meaning rests on, asked inside it; None where nobody can say."""

    async def content(self) -> Content:
        """Which rows it took."""

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        """The lease as people decided it, once it was taken back: nobody is waited for while a transaction is open."""

    async def take_back(self) -> bool:
        """Roll it back while people are asked; False where it could not run again by itself."""

    def again(self) -> None:
        """Run it once more, and settle it then."""

    def land(self, settled: Settled) -> None:
        """Let it land (or go on), and release its answers."""

    def undo(self, settled: Settled) -> None:
        """Roll it back, and tell the caller what was undone, why, what to do instead and how to ask."""


async def settle(gate: Gate, unit: Settling) -> None:
    """Judge a unit on what it really touched. If counting or writing fails, nothing lands, and the exception ends
    the session."""
    counted = await unit.measure()
    if counted is None:
        return
    settled = await _judge(gate, unit, counted)
    gate.mark("measured")
    while not await _write_down(gate, settled):
        settled = await _judge(gate, unit, counted)  # somebody else used up the approval
    gate.mark("settled")
    waited = await _waited(gate, unit, settled)
    if waited is None:
        return  # it runs once more, and is settled then
    settled = waited
    if settled.decision.allowed:
        unit.land(settled)
    else:
        unit.undo(settled)


async def _waited(gate: Gate, unit: Settling, settled: Settled) -> Settled | None:
    """What is to become of it once people were waited for, where they are: None where they said yes, and it runs again
    and is counted again."""
    decision, lifting = settled.decision, gate.lifting
    asked = decision.lease if decision.verdict is Verdict.HOLD else None
    if lifting is None or asked is None or not (asked.pending and lifting.terms.patience):
        return settled
    if not await unit.take_back():
        return settled
    lease = await unit.wait(lifting.leases.decided(asked), lifting.terms.patience) or asked
    if lease.live(gate.now()):
        unit.again()
        return None
    return replace(settled, decision=replace(decision, lease=lease))


async def _judge(gate: Gate, unit: Settling, counted: Counted) -> Settled:
    ran = tuple(unit.ran)
    usage = UNCOUNTED if gate.metering is None else await gate.metering.measured(unit.unit, counted.impact)
    case = Case(
        command=ran[-1].command,
        intent=merged([each.intent for each in ran]),
        offers=frozenset.intersection(*(each.offers for each in ran)),
        at=gate.now(),
        impact=counted.impact,
        usage=usage,
        leases=tuple(lease for lease in unit.leases if lease.runbook or beyond(counted.impact, lease.ceiling) is None),
    )
    if gate.lifting is not None:
        case = gate.lifting.under(case)
    decision = within_offers(gate.judge.decide(case), case)
    problem = counted.problem or _not_signed(unit, counted)
    if problem is None and counted.impact.basis is not Basis.MEASURED:
        problem = _UNMEASURED
    if problem is not None:
        decision = replace(decision, verdict=Verdict.DENY, reasons=(problem, *decision.reasons), obligations=())
    if decision.verdict is Verdict.HOLD and gate.lifting is not None:
        asking = replace(ran[-1], alone=ran[-1].alone and len(ran) == 1 and unit.lands, explicit=True)
        case, decision = await gate.lifting.lift(asking, case, decision, unit)
        decision = within_offers(decision, case)
    if gate.lifting is not None:
        decision = gate.lifting.leased(case, decision)
    return Settled(unit=unit.unit, ran=ran, lands=unit.lands, counted=counted, case=case, decision=decision)


def _not_signed(unit: Settling, counted: Counted) -> Reason | None:
    """A runbook was signed for so many rows, whoever else would allow more."""
    found = (too_many(lease, counted.impact) for lease in unit.leases if lease.runbook)
    wrong = next((said for said in found if said is not None), None)
    return None if wrong is None else replace(_UNMEASURED, policy=OUT_OF_RANGE, message=wrong, instead=None)


async def _write_down(gate: Gate, settled: Settled) -> bool:
    """False, and nothing is written, where the approval was used up, or the lease ended, meanwhile."""
    case, decision = settled.case, settled.decision
    record = gate.scribe.settlement(
        case,
        decision,
        id=gate.new_id(),
        unit=settled.unit,
        transaction=settled.counted.transaction,
        lands=settled.lands,
    )
    if gate.metering is not None:
        record = with_steps(record, gate.metering.judged(settled.unit, decision))
    under = spans(case) if decision.allowed else frozenset[str]()
    if gate.lifting is not None and (under or decision.lease is not None):
        entries = [record, *gate.lifting.entries(case, decision)]
        return await gate.lifting.leases.append(entries, gate.lifting.ends(case, decision), under)
    await gate.journal.append([record])
    return True


_UNMEASURED = Reason(
    policy="not-measured",
    title="What was not counted to its end does not land",
    severity="high",
    message="the effect could not be counted",
    instead="try again; if it stays so, run `interlock doctor`",
)

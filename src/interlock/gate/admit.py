"""The order of things: decide, write down, act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct, field, structs
from msgspec.structs import replace

from interlock.access.budgets import Step, steps_bytes
from interlock.gate.lifting import Lifting, spans
from interlock.gate.metering import Metering
from interlock.gate.port import Ask, Journal, Judge, Port, Scribe
from interlock.ledger.leaf import Entry
from interlock.model import (
    UNCOUNTED,
    Case,
    Decision,
    End,
    Outcome,
    Reason,
    Session,
    Status,
    Verb,
    Verdict,
)

_UNLABELLED: Final = frozenset({"catalog"})  # what everybody may know of the structure


def _unmarked(place: str) -> None:
    """Nobody watches."""


@dataclass(slots=True, kw_only=True)
class Stance:
    """How a target is guarded now; a reload changes it under running sessions.

    With `enforce` False decisions are made and recorded, and nothing is blocked or narrowed. With
    `relaxed_reads` a batch of reads of unlabelled things does not wait for the disk: its records are durable a
    moment later.
    """

    enforce: bool = True
    relaxed_reads: bool = False


class Gate(Struct, frozen=True, kw_only=True):
    """One engine for every surface.

    `now` gives microseconds since the epoch, UTC; `new_id` a fresh record id. `mark` is told where in the order the
    gate stands; crash tests end the process there. Without `lifting` a hold stays one, and nobody is asked; without
    `metering` nothing is counted.
    """

    judge: Judge
    journal: Journal
    scribe: Scribe
    now: Callable[[], int]
    new_id: Callable[[], str]
    stance: Stance = field(default_factory=Stance)
    mark: Callable[[str], None] = field(default=_unmarked)
    lifting: Lifting | None = None
    metering: Metering | None = None

    async def admit(self, asks: Sequence[Ask], port: Port) -> None:
        """Judge commands that arrived together; wait once for the ledger; then let each pass or refuse it.

        If writing fails nothing has been sent, and the exception ends the session.
        """
        enforce = self.stance.enforce
        judged = await self._judge(asks, enforce, port)
        self.mark("judged")
        while not await self._write_down(judged, enforce):
            judged = await self._judge(asks, enforce, port)  # somebody else used up the approval
        self.mark("decided")
        for case, decision, ask in judged:
            if not enforce:
                port.send(ask, replace(decision, obligations=()))
            elif decision.allowed:
                port.send(ask, decision)
            else:
                self.ended(case.command.unit, Outcome(command=case.command.id, status=Status.REFUSED))
                port.refuse(ask, decision)

    def ended(self, unit: str, outcome: Outcome) -> None:
        """Write down what became of one command; rides the next group commit."""
        entry = self.scribe.outcome(outcome, id=self.new_id(), at=self.now(), unit=unit)
        ended = with_steps(entry, self.metering.ended(outcome) if self.metering is not None else ())
        self.journal.note([ended])

    def settled(self, outcome: Outcome) -> None:
        """Write down what became of a unit and so of every command in it; rides the next group commit."""
        entry = self.scribe.unit_outcome(outcome, id=self.new_id(), at=self.now())
        settled = with_steps(entry, self.metering.settled(outcome) if self.metering is not None else ())
        self.journal.note([settled])

    def over(self, session: Session) -> None:
        """A session has ended: what it reserved and never ran is given back."""
        if self.metering is not None:
            self.metering.over(session)

    def alert(self, alert: str, session: Session, unit: str, detail: Mapping[str, int | str]) -> None:
        """Write down that something was not as it had been seen; rides the next group commit."""
        entry = self.scribe.alert(alert, id=self.new_id(), at=self.now(), session=session, unit=unit, detail=detail)
        self.journal.note([entry])

    async def _judge(self, asks: Sequence[Ask], enforce: bool, port: Port) -> list[tuple[Case, Decision, Ask]]:
        judged: list[tuple[Case, Decision, Ask]] = []
        fallen: int | None = None
        metering = self.metering if self.metering is not None and self.metering.counts else None
        for ask in asks:
            if ask.group == fallen:
                continue
            usage = UNCOUNTED if metering is None else await metering.draw(ask)
            case = Case(command=ask.command, intent=ask.intent, offers=ask.offers, at=self.now(), usage=usage)
            if self.lifting is not None:
                case = self.lifting.under(case)
            decision = self.judge.decide(case)
            if enforce and metering is not None:
                case, decision = await metering.promised(self.judge, case, decision)
            decision = within_offers(decision, case)
            if enforce and decision.verdict is Verdict.HOLD and self.lifting is not None:
                first = replace(ask, alone=ask.alone and not any(case.intent.effects for case, _, _ in judged))
                case, decision = await self.lifting.lift(first, case, decision, port)
                decision = within_offers(decision, case)
            if enforce and self.lifting is not None:
                decision = self.lifting.leased(case, decision)
            judged.append((case, decision, ask))
            if enforce and not decision.allowed:
                fallen = ask.group
        return judged

    async def _write_down(self, judged: Sequence[tuple[Case, Decision, Ask]], enforce: bool) -> bool:
        """False, and nothing is written, where an approval among them was used up meanwhile."""
        entries: list[Entry] = [self._entry(c, d, enforce) for c, d, _ in judged]
        under = {lease for case, decision, _ in judged if decision.allowed and case.leases for lease in spans(case)}
        if self.lifting is not None and (under or any(decision.lease is not None for _, decision, _ in judged)):
            ends: dict[str, tuple[End, str]] = {}
            for case, decision, _ in judged:
                entries += self.lifting.entries(case, decision)
                ends |= self.lifting.ends(case, decision)
            return await self.lifting.leases.append(entries, ends, under)
        if self.stance.relaxed_reads and all(_harmless(case, decision) for case, decision, _ in judged):
            await self.journal.append_relaxed(entries)
        elif entries:
            await self.journal.append(entries)
        return True

    def _entry(self, case: Case, decision: Decision, enforce: bool) -> Entry:
        entry = self.scribe.decision(case, decision, enforced=enforce)
        return with_steps(entry, self.metering.decided(case, decision, enforced=enforce) if self.metering else ())


def with_steps(entry: Entry, steps: Sequence[Step]) -> Entry:
    """What is used up is written down with the record of it, in one transaction."""
    return structs.replace(entry, budget=steps_bytes(steps)) if steps else entry


def within_offers(decision: Decision, case: Case) -> Decision:
    """A promise the gateway cannot keep is a denial, whoever forgot to check it."""
    if not decision.obligations:
        return decision
    unmet = [o for o in decision.obligations if type(o) not in case.offers]
    if not unmet or not decision.allowed:
        return decision
    names = ", ".join(sorted(type(o).__name__.lower() for o in unmet))
    reason = Reason(
        policy="unmet-promise",
        title="The gateway cannot keep what the policy asks for",
        severity="high",
        message=f"the policy lets this pass only with `{names}`, which this gateway cannot do",
    )
    return replace(decision, verdict=Verdict.DENY, reasons=(*decision.reasons, reason), obligations=())


def _harmless(case: Case, decision: Decision) -> bool:
    """Allowed, and nothing but reads of what carries no label: what relaxed durability may cover (threats.md 20)."""
    return decision.allowed and all(
        effect.verb is Verb.READ
        and effect.fields is not None
        and effect.object.labels <= _UNLABELLED
        and not any(field.labels for field in effect.fields)
        for effect in case.intent.effects
    )

"""A gate on a stage: every actor writes what happens into one transcript."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from interlock.gate import Ask, admit
from interlock.ledger.leaf import Entry, Kind
from interlock.model import (
    Case,
    Command,
    Confine,
    Decision,
    Effect,
    Intent,
    Object,
    ObjectKind,
    Obligation,
    Outcome,
    Principal,
    PrincipalKind,
    Reach,
    Reason,
    Session,
    Status,
    Target,
    Transaction,
    Verb,
    Verdict,
)

ORDERS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "orders"))
SECRETS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "secrets"), labels=frozenset({"pii"}))
ANA = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="config")
SESSION = Session(
    id="session",
    principal=ANA,
    target=Target(name="shop", kind="postgresql", environment="prod"),
    gateway="gateway",
    surface="postgresql",
    purpose=None,
    opened_at=0,
)


def intent(verb: Verb, thing: Object = ORDERS) -> Intent:
    """One effect."""
    effect = Effect(verb=verb, object=thing, reach=Reach.ONE)
    return Intent(effects=(effect,), returns=(), findings=(), understood=True, shape="shape", fingerprint="f")


def ask(
    name: str,
    verb: Verb = Verb.READ,
    *,
    thing: Object = ORDERS,
    group: int = 1,
    offers: frozenset[type[Obligation]] = frozenset({Confine}),
) -> Ask:
    """A command that waits for its decision."""
    command = Command(id=name, session=SESSION, language="sql", text=name, unit=f"unit of {name}", received_at=0)
    return Ask(command=command, intent=intent(verb, thing), group=group, offers=offers)


ALLOW = Decision(verdict=Verdict.ALLOW, reasons=(), obligations=(), policy_version="v")
_NO = (Reason(policy="no", title="No", severity="high", message="no"),)
DENY = Decision(verdict=Verdict.DENY, reasons=_NO, obligations=(), policy_version="v")
HOLD = Decision(verdict=Verdict.HOLD, reasons=_NO, obligations=(), policy_version="v")


def allow(*obligations: Obligation) -> Decision:
    """Allowed, if these are kept."""
    return Decision(verdict=Verdict.ALLOW, reasons=(), obligations=obligations, policy_version="v")


class LedgerBroken(Exception):
    """The disk is gone."""


def _entry(kind: Kind, text: str) -> Entry:
    return Entry(kind=kind, id=text, head=b"", tail=b"")


@dataclass
class Stage:
    """Judge, scribe, journal and port in one: `said` is the transcript."""

    decisions: dict[str, Decision]
    broken: bool = False
    said: list[str] = field(default_factory=list)

    # judge
    def decide(self, case: Case) -> Decision:
        self.said.append(f"decide {case.command.id}")
        return self.decisions.get(case.command.id, ALLOW)

    # scribe
    def decision(self, case: Case, decision: Decision, *, enforced: bool) -> Entry:
        loud = "" if enforced else " (observed)"
        return _entry(Kind.DECISION, f"{decision.verdict.value} {case.command.id}{loud}")

    def settlement(
        self, case: Case, decision: Decision, *, id: str, unit: str, transaction: Transaction, lands: bool
    ) -> Entry:
        goes_on = "" if lands else " so far"
        return _entry(Kind.SETTLEMENT, f"{decision.verdict.value} {unit} at {case.impact.rows} rows{goes_on}")

    def alert(
        self, alert: str, *, id: str, at: int, session: Session, unit: str, detail: Mapping[str, int | str]
    ) -> Entry:
        return _entry(Kind.ALERT, f"alert {alert} {unit}")

    def outcome(self, outcome: Outcome, *, id: str, at: int, unit: str) -> Entry:
        return _entry(Kind.OUTCOME, f"{outcome.command} {outcome.status.value}")

    def unit_outcome(self, outcome: Outcome, *, id: str, at: int) -> Entry:
        return _entry(Kind.OUTCOME, f"unit {outcome.command} {outcome.status.value}")

    # journal
    async def append(self, entries: Sequence[Entry]) -> None:
        if self.broken:
            raise LedgerBroken
        await asyncio.sleep(0)  # a wait in which whatever was sent too early would show
        self.said.append("durable: " + ", ".join(entry.id for entry in entries))

    async def append_relaxed(self, entries: Sequence[Entry]) -> None:
        self.said.append("soon durable: " + ", ".join(entry.id for entry in entries))

    def note(self, entries: Sequence[Entry]) -> None:
        self.said.append("noted: " + ", ".join(entry.id for entry in entries))

    # port
    def send(self, ask: Ask, decision: Decision) -> None:
        kept = f" with {len(decision.obligations)} obligations" if decision.obligations else ""
        self.said.append(f"send {ask.command.id}{kept}")

    def refuse(self, ask: Ask, decision: Decision) -> None:
        self.said.append(f"refuse {ask.command.id}: {decision.reasons[-1].policy}")


Scene = Callable[[ModuleType], None]


def play(
    module: ModuleType,
    *asks: Ask,
    decisions: dict[str, Decision] | None = None,
    broken: bool = False,
    enforce: bool = True,
    relaxed: bool = False,
    ended: Status | None = None,
) -> list[str]:
    """Admit these asks through the gate of `module`; the transcript, with `ledger broken` where that ended it."""
    stage = Stage(decisions=decisions or {}, broken=broken)
    gate = module.Gate(
        judge=stage,
        journal=stage,
        scribe=stage,
        now=lambda: 0,
        new_id=lambda: "id",
        stance=module.Stance(enforce=enforce, relaxed_reads=relaxed),
    )
    try:
        asyncio.run(gate.admit(asks, stage))
    except LedgerBroken:
        stage.said.append("ledger broken")
    if ended is not None:
        for each in asks:
            gate.ended(each.command.unit, Outcome(command=each.command.id, status=ended))
    return stage.said


REAL = admit

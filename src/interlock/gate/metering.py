"""What commands use up: reserved when they are judged, settled with their outcome (threats.md 19)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from msgspec.structs import replace

from interlock.access.amounts import (
    CELLS,
    cells_read,
    is_work,
    may_write,
    rows_changed,
    rows_changed_at_most,
    rows_read,
    violated,
)
from interlock.access.budgets import FOREVER, Account, Count, Reserve, Settle, Step
from interlock.access.leases import person
from interlock.gate.port import Ask, Judge
from interlock.model import (
    UNCOUNTED,
    Case,
    Decision,
    Impact,
    Intent,
    Limit,
    Measure,
    Outcome,
    Reason,
    Session,
    Status,
    Usage,
    Verb,
    Verdict,
)

# By verb (and `reveal`): the counts that policies in force look at.
Counted = Mapping[str, frozenset[str]]
UNSETTLED: Final = "budget-unsettled"
_ROUNDS: Final = 4
_REVEALING: Final = frozenset({Verb.READ, Verb.EXPORT, Verb.CHANGE, Verb.DELETE})
_SESSION: Final = "session"
_ROOT: Final = "recent"


class Counters(Protocol):
    """Whoever owns the counters of all workers. Raises OurFault where there is nobody any more."""

    async def draw(self, steps: Sequence[Reserve], counts: Sequence[Count], *, at: int) -> list[int | None]:
        """Reserve, and say what everybody else has used by then, in the order of `counts`: one step for all."""

    def tell(self, steps: Sequence[Step]) -> None:
        """What is reserved and was used, before the records that say so are handed over."""


@dataclass(slots=True, kw_only=True)
class _Draw:
    """What one command reserved. `ran` is what it has used, once it ran in a unit that is still open."""

    session: Session
    unit: str
    keys: tuple[str, ...]
    intent: Intent
    amounts: dict[str, int | None]
    prepares: bool
    measured: bool = False
    ran: dict[str, int | None] | None = None


@dataclass(slots=True)
class _Wanted:
    """What is counted under the policies in force: by verb, for whom, and of what."""

    counted: Counted
    scopes: tuple[str, ...] = ()
    metrics: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = frozenset[str]().union(*self.counted.values())
        self.metrics = frozenset(name.rpartition(".")[2] for name in names)
        self.scopes = tuple(sorted({_scope(name) for name in names} - {_SESSION}))

    def names(self, intent: Intent) -> list[str]:
        """The counts that a policy may look at when it judges this."""
        verbs = {effect.verb.value for effect in intent.effects}
        if not intent.understood:
            verbs.add(Verb.EXECUTE.value)
        if any(effect.verb in _REVEALING for effect in intent.effects):
            verbs.add("reveal")
        return sorted(frozenset[str]().union(*(self.counted.get(verb, frozenset()) for verb in verbs)))


@dataclass(slots=True, kw_only=True)
class Metering:
    """Counts for the commands of one worker. Where no policy in force reads a count, nothing is counted.

    `counted` says which do; `now` gives microseconds since the epoch, UTC. What happens in one session alone is counted
    here, everything else by `counters`.
    """

    counters: Counters
    counted: Callable[[], Counted]
    now: Callable[[], int]
    _wanted: _Wanted = field(default_factory=lambda: _Wanted({}))
    _draws: dict[str, _Draw] = field(default_factory=dict)
    _units: dict[str, dict[str, None]] = field(default_factory=dict)
    _sessions: dict[str, Account] = field(default_factory=dict)

    # -- when a command is judged ------------------------------------------------------------------

    @property
    def counts(self) -> bool:
        """Whether any policy in force reads a count."""
        return bool(self._current().metrics)

    async def draw(self, ask: Ask) -> Usage:
        """What is known of the counts that policies may ask for; what the command may do at most is reserved."""
        wanted = self._current()
        command, intent = ask.command, ask.intent
        if not wanted.metrics or not is_work(intent):
            return UNCOUNTED
        amounts: dict[str, int | None] = {"commands": 0 if ask.prepares else 1}
        amounts["rowsChanged"] = rows_changed_at_most(intent)
        draw = _Draw(
            session=command.session,
            unit=command.unit,
            keys=tuple(_key(scope, command.session) for scope in wanted.scopes),
            intent=intent,
            amounts=amounts,
            prepares=ask.prepares,
        )
        self._draws[command.id] = draw
        return await self._usage({command.id: draw})

    async def promised(self, judge: Judge, case: Case, decision: Decision) -> tuple[Case, Decision]:
        """The case and its decision once the rows that it may read are reserved: others may have been faster."""
        draw = self._draws.get(case.command.id)
        if draw is None or not any(name.endswith(".rowsRead") for name in self._wanted.names(case.intent)):
            return case, decision
        for _ in range(_ROUNDS):
            limit = _limit(decision)
            if not decision.allowed or limit is None or limit <= (draw.amounts.get("rowsRead") or 0):
                return case, decision
            draw.amounts["rowsRead"] = limit
            case = replace(case, usage=await self._usage({case.command.id: draw}))
            decision = judge.decide(case)
        return case, replace(decision, verdict=Verdict.DENY, reasons=(*decision.reasons, _MOVED), obligations=())

    def decided(self, case: Case, decision: Decision, *, enforced: bool) -> list[Step]:
        """The steps that go with the record of a decision."""
        command = case.command.id
        draw = self._draws.get(command)
        if draw is None:
            return []
        denied = {"denials": 1} if decision.verdict is Verdict.DENY else {}
        if enforced and not decision.allowed:
            del self._draws[command]
            return self._told(self._settle(command, draw, {"commands": draw.amounts["commands"], **denied}))
        draw.measured = enforced and any(isinstance(obligation, Measure) for obligation in decision.obligations)
        if draw.measured and draw.amounts["rowsChanged"] is None:
            draw.amounts["rowsChanged"] = 0  # counted, and reserved then, before it lands
        if not may_write(case.intent) or case.intent.returns != ():
            draw.amounts["rowsRead"] = _limit(decision) if enforced else None
        self._units.setdefault(draw.unit, {})[command] = None
        steps = self._settle(f"{command} denied", draw, denied) if denied else []
        return self._told([*steps, *self._reserve(command, draw)])

    # -- when a unit was counted -------------------------------------------------------------------

    async def measured(self, unit: str, impact: Impact) -> Usage:
        """The counts with what a unit has really changed reserved, in place of what its commands might have."""
        draws = {command: self._draws[command] for command in self._units.get(unit, ())}
        for nth, draw in enumerate(draws.values()):
            draw.measured = True
            draw.amounts["rowsChanged"] = 0 if nth else impact.rows
            if draw.ran is not None:
                draw.ran["rowsChanged"] = draw.amounts["rowsChanged"]
        return await self._usage(draws) if draws else UNCOUNTED

    def judged(self, unit: str, decision: Decision) -> list[Step]:
        """The steps that go with the record of a second decision."""
        steps: list[Step] = []
        for command in self._units.get(unit, ()):
            draw = self._draws[command]
            if decision.verdict is Verdict.DENY and not steps:
                steps += self._settle(f"{command} denied", draw, {"denials": 1})
            steps += self._reserve(command, draw)
        return self._told(steps)

    # -- when it is over ---------------------------------------------------------------------------

    def ended(self, outcome: Outcome) -> list[Step]:
        """The steps that go with the outcome of one command."""
        draw = self._draws.get(outcome.command)
        if draw is None:
            return []
        used = _used(draw, outcome)
        if not self._wanted.metrics.isdisjoint(CELLS):
            used |= cells_read(draw.intent, used.get("rowsRead", 0))
        if outcome.status is Status.RAN:
            draw.ran = draw.amounts = used
            return self._told(self._reserve(outcome.command, draw))
        self._forget(outcome.command, draw)
        return self._told(self._settle(outcome.command, draw, used))

    def settled(self, outcome: Outcome) -> list[Step]:
        """The steps that go with the outcome of a unit, named by `outcome.command`: of all commands that ran in it."""
        steps: list[Step] = []
        undone = outcome.status in (Status.UNDONE, Status.FAILED, Status.REFUSED)
        told = {"violations": violated(outcome.error)}  # by its end as a whole: a constraint that was put off
        for command in [*self._units.get(outcome.command, ())]:
            draw = self._draws[command]
            if draw.ran is not None:
                self._forget(command, draw)
                steps += self._settle(command, draw, draw.ran | {"rowsChanged": 0} | told if undone else draw.ran)
                told = {}
        return self._told(steps)

    def over(self, session: Session) -> None:
        """A session has ended. What is still reserved in it never ran: all that did has its outcome."""
        for command, draw in [*self._draws.items()]:
            if draw.session is session:
                self._forget(command, draw)
                self._told(self._settle(command, draw, {}))
        self._sessions.pop(session.id, None)

    # -- within ------------------------------------------------------------------------------------

    def _current(self) -> _Wanted:
        counted = self.counted()
        if self._wanted.counted is not counted:
            self._wanted = _Wanted(counted)
        return self._wanted

    def _forget(self, command: str, draw: _Draw) -> None:
        del self._draws[command]
        if (unit := self._units.get(draw.unit)) is not None:
            unit.pop(command, None)
            if not unit:
                del self._units[draw.unit]

    async def _usage(self, draws: Mapping[str, _Draw]) -> Usage:
        """One question for all: what was used beside these commands, and what they use themselves."""
        session = next(iter(draws.values())).session
        names = sorted({name for draw in draws.values() for name in self._wanted.names(draw.intent)})
        at = self.now()
        far = [name for name in names if _scope(name) != _SESSION]
        before: dict[str, int | None] = {}
        if far:
            counts = [_count(name, session) for name in far]
            steps = [step for command, draw in draws.items() for step in self._steps(command, draw)]
            before = dict(zip(far, await self.counters.draw(steps, counts, at=at), strict=True))
        account = self._session(session)
        for command, draw in draws.items():
            account.reserve(command, draw.amounts)
        for name in names:
            if _scope(name) == _SESSION:
                before[name] = account.used(name.rpartition(".")[2], "ever", at, beside=draws)
        return Usage(counts=tuple(sorted(_known(before, [draw.amounts for draw in draws.values()]))))

    def _steps(self, command: str, draw: _Draw) -> list[Reserve]:
        """What it reserves with others; that it has no bound is only told once it may run."""
        amounts: dict[str, int | None] = {m: a for m, a in self._counted(draw.amounts).items() if a is not None}
        return [Reserve(id=command, keys=draw.keys, amounts=amounts)] if draw.keys else []

    def _reserve(self, command: str, draw: _Draw) -> list[Step]:
        self._session(draw.session).reserve(command, draw.amounts)
        return [Reserve(id=command, keys=draw.keys, amounts=self._counted(draw.amounts))] if draw.keys else []

    def _settle(self, command: str, draw: _Draw, amounts: Mapping[str, int | None]) -> list[Step]:
        at = self.now()
        self._session(draw.session).settle(command, dict(amounts), at)
        return [Settle(id=command, keys=draw.keys, amounts=self._counted(amounts), at=at)] if draw.keys else []

    def _told(self, steps: list[Step]) -> list[Step]:
        if steps:
            self.counters.tell(steps)
        return steps

    def _counted(self, amounts: Mapping[str, int | None]) -> dict[str, int | None]:
        return {metric: amount for metric, amount in amounts.items() if metric in self._wanted.metrics}

    def _session(self, session: Session) -> Account:
        return self._sessions.setdefault(session.id, Account(FOREVER))


def _used(draw: _Draw, outcome: Outcome) -> dict[str, int | None]:
    """What a command has used, as far as its outcome tells; where nobody saw the end, all that it had reserved."""
    reserved = draw.amounts
    if draw.prepares:
        return {"commands": 0}
    used: dict[str, int | None] = {"commands": reserved["commands"], "bytesRead": outcome.bytes}
    match outcome.status:
        case Status.RAN | Status.LANDED:
            changed = reserved["rowsChanged"] if draw.measured else rows_changed(draw.intent, outcome.rows)
            return used | {"rowsChanged": changed, "rowsRead": rows_read(draw.intent, outcome.rows)}
        case Status.UNKNOWN:
            return used | {"rowsChanged": reserved["rowsChanged"], "rowsRead": reserved.get("rowsRead", 0)}
        case _:
            read = rows_read(draw.intent, outcome.rows or 0)
            return used | {"rowsChanged": 0, "rowsRead": read, "violations": violated(outcome.error)}


def _known(before: Mapping[str, int | None], own: Sequence[Mapping[str, int | None]]) -> Iterable[tuple[str, int]]:
    """Counts whose every part is known, with what the commands themselves are to change."""
    for name, count in before.items():
        metric = name.rpartition(".")[2]
        parts = [amounts.get(metric) for amounts in own] if metric in ("commands", "rowsChanged") else []
        known = [part for part in parts if part is not None]
        if count is not None and len(known) == len(parts):
            yield name, count + sum(known)


def _limit(decision: Decision) -> int | None:
    return min([obligation.rows for obligation in decision.obligations if isinstance(obligation, Limit)], default=None)


def _scope(name: str) -> str:
    """`recent.here` of `recent.here.hour.rowsRead`, `recent` of `recent.hour.rowsRead`, `session` of the rest."""
    when = name.rpartition(".")[0]
    return when if when == _SESSION else when.rpartition(".")[0]


def _count(name: str, session: Session) -> Count:
    when, _, metric = name.rpartition(".")
    return Count(key=_key(_scope(name), session), metric=metric, window=when.rpartition(".")[2])


def _key(scope: str, session: Session) -> str:
    """Whose account it is. Names that differ in spelling or issuer are one person, as where people approve."""
    root = person(session.principal.root.id)
    match scope:
        case "recent":
            parts = ["root", root]
        case "recent.here":
            parts = ["here", root, session.target.name]
        case _:
            parts = ["own", *(f"{actor.kind} {person(actor.id)}" for actor in session.principal.chain())]
    return "\x1f".join(parts)


_MOVED: Final = Reason(
    policy=UNSETTLED,
    title="What may still be read keeps changing",
    severity="medium",
    message=f"others use the same budget: after {_ROUNDS} rounds it was still not clear how much is left",
    instead="try again",
)

"""The gate's second moment on this wire: count in the open transaction, then COMMIT and release, or ROLLBACK."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace  # noqa: TID251 (what is due changes: no struct)
from functools import partial
from typing import Final

from msgspec import Struct

from interlock.gate import Ask, Gate, Settled, settle
from interlock.gateways.postgres.answering import denial
from interlock.gateways.postgres.answering.due import Due
from interlock.gateways.postgres.answering.rows import first_values
from interlock.gateways.postgres.landing.rerunning import Rerun
from interlock.gateways.postgres.planning.reading import Reader
from interlock.gateways.postgres.sending.queue import Settle
from interlock.gateways.postgres.target import owned
from interlock.impact import Counted, postgres as count, ran_out
from interlock.model import UNSEEN, Content, Ground, Impact, Intent, Lease, Reason, Verb
from interlock.wire.postgres.messages import Part, build_bind, build_close, build_execute

_COUNT: Final = {False: owned.run("il_count"), True: owned.run("il_count_all")}


class Counting(Struct, frozen=True, kw_only=True):
    """Messages that count a unit, what is owed for them, and where the answers gather."""

    data: bytes
    dues: tuple[Due, ...]
    counts: tuple[list[bytes], ...]


def counting(intents: Sequence[Intent], *, lands: bool) -> Counting:
    """Before a unit lands its deferred constraints and triggers are forced first; where code runs, twice, since what
    they run may put off more (threats.md 3)."""
    code = any(effect.verb is Verb.EXECUTE for intent in intents for effect in intent.effects)
    forced = (2 if code else 1) if lands else 0
    once = _COUNT[count.needs_catalogue(intents)]
    data, dues, counts = b"", list[Due](), list[list[bytes]]()
    for _ in range(max(forced, 1)):
        pieces: list[bytes] = []
        counts.append(pieces)
        if lands:
            data += owned.IMMEDIATE
            dues += owned.run_dues()
        data += once
        dues += owned.count_dues(pieces.append)
    return Counting(data=data, dues=tuple(dues), counts=tuple(counts))


class Settler:
    """Settles the units of one session."""

    def __init__(self, *, gate: Gate, stage: "Stage") -> None:
        self._gate = gate
        self._stage = stage

    async def __call__(self, item: Settle) -> None:
        """Judge a unit on what it has touched; what was asked for is on its way already."""
        rerun = self._stage.rerun
        if rerun is not None:
            rerun.bench.attend(True)
        await settle(self._gate, _Unit(item=item, gate=self._gate, stage=self._stage))
        if rerun is not None:
            rerun.bench.attend(False)


class Stage(Struct, frozen=True, kw_only=True):
    """A session, as far as settling needs it: `idle` waits for everything that is owed, `failed` tells whether the
    target refused something of it, `overflowed` whether more was answered than is held back; `release` and `withhold`
    deal with what is held; `blame` hears whose COMMIT was refused; `rerun` takes a unit back and runs it again."""

    idle: Callable[[], Awaitable[None]]
    failed: Callable[[], bool]
    overflowed: Callable[[], bool]
    reader: Reader
    ground: Callable[[Ask], Awaitable[Ground | None]]
    release: Callable[[bool], None]
    withhold: Callable[[], None]
    undo: Callable[[Settle, bytes], None]
    look_again: Callable[[Settle, bytes, Sequence[Due]], None]
    blame: Callable[[str], None]
    rerun: Rerun | None = None


class _Unit(Struct, frozen=True, kw_only=True):
    """One unit under judgement."""

    item: Settle
    gate: Gate
    stage: Stage

    @property
    def unit(self) -> str:
        return self.item.unit.id

    @property
    def ran(self) -> Sequence[Ask]:
        return [*self.item.unit.ran.values()]

    @property
    def lands(self) -> bool:
        return self.item.lands

    @property
    def leases(self) -> Sequence[Lease]:
        return self.item.unit.leases

    async def ground(self, ask: Ask) -> Ground | None:
        return await self.stage.ground(ask)

    async def content(self) -> Content:
        if self.stage.failed():
            return UNSEEN
        found = self._counted()
        return await self.stage.reader.content(found.impact, found.transaction.id)

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        return None if self.stage.rerun is None else await self.stage.rerun.wait(decided, patience)

    async def take_back(self) -> bool:
        return self.stage.rerun is not None and await self.stage.rerun.take_back(self.item)

    def again(self) -> None:
        assert self.stage.rerun is not None
        asked = counting([ask.intent for ask in self.ran], lands=True)
        counted = replace(self.item, counts=asked.counts)
        self.stage.rerun.begin(self.item, counted, asked.data, asked.dues)

    async def measure(self) -> Counted | None:
        await self.stage.idle()
        if self.stage.failed():
            return None
        answers = [_texts(pieces) for pieces in self.item.counts]
        try:
            found = self._counted()
        except ValueError:
            return Counted(impact=Impact())
        return Counted(impact=found.impact, transaction=found.transaction, problem=self._problem(answers))

    def _counted(self) -> Counted:
        intents = [ask.intent for ask in self.ran]
        return count.counted(_texts(self.item.counts[-1]), intents, self.stage.reader.catalog)

    def _problem(self, answers: Sequence[Sequence[str]]) -> Reason | None:
        if self.stage.overflowed():
            return _TOO_MUCH
        return _PUTS_OFF if sorted(answers[0]) != sorted(answers[-1]) else None

    def land(self, settled: Settled) -> None:
        own = self.lands and not self.item.unit.explicit
        self.stage.release(own)
        if self.lands:
            self._look_again(settled)

    def undo(self, settled: Settled) -> None:
        self.stage.withhold()
        cancelled = self.stage.rerun is not None and self.stage.rerun.give_up(self.item.unit)
        self.stage.undo(self.item, denial.undone(settled, cancelled=cancelled))
        if self.lands and self.item.unit.explicit:
            self.stage.blame(self.unit)

    def _look_again(self, settled: Settled) -> None:
        """What lands is compared with what was judged: work at COMMIT that hid from the count is an alert."""
        lines, _ = count.counts(_texts(self.item.counts[-1]))
        judged = {line.oid: line.rows for line in lines if line.kind in ("r", "m")}
        if not judged:
            return
        oids = "{" + ",".join(map(str, judged)) + "}"
        data = build_bind("il_recount", "il_recount", [oids.encode()]) + build_execute("il_recount")
        pieces: list[bytes] = []
        done = partial(self._compare, settled, judged, pieces)
        self.stage.look_again(
            self.item, data + build_close(Part.PORTAL, "il_recount"), owned.run_dues(pieces.append, done=done)
        )

    def _compare(self, settled: Settled, judged: dict[int, tuple[int, int, int]], pieces: list[bytes]) -> None:
        landed = count.recounts(_texts(pieces))
        more = {f"relation {oid}": sum(landed.get(oid, rows)) - sum(rows) for oid, rows in judged.items()}
        differing = {name: rows for name, rows in more.items() if rows}
        if differing:
            self.gate.alert("landed-more", settled.case.command.session, self.unit, differing)


def _texts(pieces: Sequence[bytes]) -> list[str]:
    return [value for value in first_values(b"".join(pieces)) if value is not None]


_TOO_MUCH: Final = ran_out(
    "its answer is larger than what is held back while it is counted",
    "return fewer rows or columns, or write in smaller steps",
)
_PUTS_OFF: Final = ran_out(
    "its triggers keep putting work off to the COMMIT, where nobody could count it",
    "take SET CONSTRAINTS out of the code that it runs",
)

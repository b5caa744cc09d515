"""What is reserved and settled for a command, step by step, with counters that answer at once."""

import asyncio
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from interlock.access.budgets import Count, Reserve, Settle, Spent, Step
from interlock.app.serve.counters import Counters
from interlock.gate.metering import Metering
from interlock.model import Case, Decision, Impact, Intent, Limit, Measure, Outcome, Reach, Status, Usage, Verb
from tests.gate.stage import ALLOW, DENY, HOLD, SESSION, allow, ask, intent

ROWS, DENIALS, READ, OWN = (
    "recent.hour.rowsChanged",
    "recent.hour.denials",
    "recent.hour.rowsRead",
    "session.rowsChanged",
)
VIOLATIONS = "recent.hour.violations"
WRITES = {"delete": frozenset({ROWS, DENIALS, OWN}), "read": frozenset({DENIALS})}
READS = {"read": frozenset({READ})}


class Here:
    """The supervisor's counters, without a wire; `heard` counts what was asked and told."""

    def __init__(self, spent: Iterable[Spent] = ()) -> None:
        self.counters = Counters(spent)
        self.heard = 0

    async def draw(self, steps: Sequence[Reserve], counts: Sequence[Count], *, at: int) -> list[int | None]:
        self.heard += 1
        return self.counters.draw(1, steps, counts, at)

    def tell(self, steps: Sequence[Step]) -> None:
        self.heard += 1
        self.counters.follow(1, steps)


class Promising:
    """A judge that lets portions of rows pass."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def decide(self, case: Case) -> Decision:
        return allow(Limit(rows=self.rows))

    def ways(self, case: Case, decision: Decision) -> tuple[frozenset[str], ...]:
        return ()


def metering(here: Here, counted: dict[str, frozenset[str]] = WRITES) -> Metering:
    return Metering(counters=here, counted=lambda: counted, now=lambda: 0)


def draw(meter: Metering, name: str, verb: Verb = Verb.DELETE) -> dict[str, int]:
    """The counts that the command is judged on."""
    return dict(asyncio.run(meter.draw(ask(name, verb))).counts)


def decide(meter: Metering, name: str, decision: Decision, verb: Verb = Verb.DELETE) -> list[Step]:
    one = ask(name, verb)
    return meter.decided(Case(command=one.command, intent=one.intent, offers=one.offers, at=0), decision, enforced=True)


def end(meter: Metering, name: str, status: Status, rows: int | None = None) -> list[Step]:
    return meter.ended(Outcome(command=name, status=status, rows=rows, bytes=0))


def test_a_command_counts_itself_and_what_runs_beside_it() -> None:
    meter = metering(Here())
    assert draw(meter, "a") == {ROWS: 1, DENIALS: 0, OWN: 1}
    decide(meter, "a", ALLOW)
    assert draw(meter, "b") == {ROWS: 2, DENIALS: 0, OWN: 2}
    end(meter, "a", Status.LANDED, 0)
    assert draw(meter, "b") == {ROWS: 1, DENIALS: 0, OWN: 1}


def test_a_violated_constraint_counts_whenever_the_target_tells_it() -> None:
    meter = metering(Here(), {"delete": frozenset({VIOLATIONS})})
    for name, error in (("a", "23505"), ("b", "22012"), ("c", "44000"), ("d", None)):
        draw(meter, name)
        decide(meter, name, ALLOW)
        meter.ended(Outcome(command=name, status=Status.FAILED, error=error))
    assert draw(meter, "e") == {VIOLATIONS: 2}
    decide(meter, "e", ALLOW)
    end(meter, "e", Status.RAN, 1)
    draw(meter, "f")
    decide(meter, "f", ALLOW)
    end(meter, "f", Status.RAN, 1)
    meter.settled(Outcome(command=ask("e").command.unit, status=Status.UNDONE, error="23503"))  # at its COMMIT, once
    assert draw(meter, "g") == {VIOLATIONS: 3}


def test_a_denial_counts_and_a_hold_does_not() -> None:
    meter = metering(Here())
    draw(meter, "a")
    (step,) = decide(meter, "a", DENY)
    assert isinstance(step, Settle)
    assert step.amounts == {"denials": 1}
    draw(meter, "b")
    decide(meter, "b", HOLD)
    assert draw(meter, "c") == {ROWS: 1, DENIALS: 1, OWN: 1}
    draw(meter, "d", Verb.READ)
    assert end(meter, "a", Status.REFUSED) == []


def test_an_end_that_nobody_saw_keeps_all_of_it() -> None:
    meter = metering(Here())
    for name, status, kept in (("a", Status.UNKNOWN, 1), ("b", Status.FAILED, 0), ("c", Status.UNDONE, 0)):
        before = draw(meter, name)[ROWS]
        decide(meter, name, ALLOW)
        end(meter, name, status)
        assert draw(meter, "next")[ROWS] == before + kept
        meter.over(SESSION)


def test_what_ran_is_given_back_when_its_unit_is_undone() -> None:
    for status, kept in ((Status.LANDED, 1), (Status.UNDONE, 0), (Status.UNKNOWN, 1)):
        meter = metering(Here())
        draw(meter, "a")
        decide(meter, "a", ALLOW)
        end(meter, "a", Status.RAN, 1)
        assert draw(meter, "b")[ROWS] == 2
        meter.settled(Outcome(command="unit of a", status=status))
        assert draw(meter, "b")[ROWS] == 1 + kept


def test_a_write_without_a_bound_leaves_the_sum_unknown_until_it_is_measured() -> None:
    meter = metering(Here())
    wide = replace(ask("a", Verb.DELETE), intent=unbounded())
    assert ROWS not in dict(asyncio.run(meter.draw(wide)).counts)
    case = Case(command=wide.command, intent=wide.intent, offers=wide.offers, at=0)
    meter.decided(case, allow(Measure()), enforced=True)
    assert draw(meter, "b")[ROWS] == 1
    usage: Usage = asyncio.run(meter.measured("unit of a", Impact(rows=40)))
    assert dict(usage.counts)[ROWS] == 41
    meter.judged("unit of a", ALLOW)
    end(meter, "a", Status.LANDED, 3)
    assert draw(meter, "b")[ROWS] == 41


def test_one_that_runs_without_bound_or_count_is_not_known_to_others() -> None:
    meter = metering(Here())
    wide = replace(ask("a", Verb.DELETE), intent=unbounded())
    asyncio.run(meter.draw(wide))
    meter.decided(Case(command=wide.command, intent=wide.intent, offers=wide.offers, at=0), ALLOW, enforced=True)
    assert ROWS not in draw(meter, "b")
    end(meter, "a", Status.LANDED, 3)
    assert ROWS not in draw(meter, "b")


def test_rows_to_be_read_are_reserved_by_what_is_promised() -> None:
    meter = metering(Here(), READS)
    one = ask("a", Verb.READ)
    judge = Promising(100)
    case = Case(command=one.command, intent=one.intent, offers=one.offers, at=0, usage=asyncio.run(meter.draw(one)))
    case, decision = asyncio.run(meter.promised(judge, case, judge.decide(case)))
    meter.decided(case, decision, enforced=True)
    assert draw(meter, "b", Verb.READ) == {READ: 100}


def test_what_never_ran_is_given_back_with_its_session() -> None:
    meter = metering(Here())
    draw(meter, "a")
    draw(meter, "b")
    decide(meter, "b", ALLOW)
    meter.over(SESSION)
    assert draw(meter, "c") == {ROWS: 1, DENIALS: 0, OWN: 1}


def test_a_lost_worker_leaves_what_it_had_reserved_used_up() -> None:
    here = Here()
    meter = metering(here)
    draw(meter, "a")
    here.counters.lost(1, 0)
    assert draw(metering(here), "b")[ROWS] == 2


def test_where_no_policy_counts_nobody_is_asked() -> None:
    here = Here()
    meter = metering(here, {verb: frozenset() for verb in ("read", "delete")})
    assert draw(meter, "a") == {}
    assert decide(meter, "a", DENY) == []
    assert end(meter, "a", Status.LANDED, 1) == []
    assert here.heard == 0


def unbounded() -> Intent:
    """A delete whose rows its text does not bound."""
    one = intent(Verb.DELETE)
    return replace(one, effects=tuple(replace(effect, reach=Reach.SOME) for effect in one.effects))

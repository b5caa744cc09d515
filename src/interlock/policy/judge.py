"""Case -> Decision: the strictest answer over all effects and all accountable actors, remembered."""

from itertools import combinations
from typing import Final

from interlock.model import (
    UNCOUNTED,
    UNKNOWN_IMPACT,
    Case,
    Decision,
    Intent,
    Obligation,
    OneCommand,
    Reason,
    Session,
    Verdict,
)
from interlock.policy import words
from interlock.policy.bundle import Bundle
from interlock.policy.canary import sing
from interlock.policy.engine import Engine
from interlock.policy.facts import facts_of
from interlock.policy.hearing import Hearing
from interlock.policy.memo import Memo
from interlock.policy.nearmiss import NearMisses
from interlock.policy.question import Question, apart, questions
from interlock.policy.rule import steps
from interlock.policy.schema import VERBS
from interlock.policy.signature import Signature, signature
from interlock.policy.usage import Sides, counts_read
from interlock.policy.world import Uid

# 256 questions take about 20 ms; what people and drivers write asks a tenth of that.
MOST_QUESTIONS: Final = 256
MOST_LIFTS: Final = 4  # that one command is held by: their combinations are tried
NOTHING_GRANTED: Final[frozenset[str]] = frozenset()


class Judge:
    """Decides cases by one bundle. Raises OurFault when the engine does not deny what it must.

    `decide` is a function of the case alone: it has no clock, and what it remembers changes nothing but its speed.
    """

    def __init__(self, bundle: Bundle, *, remembered: int = 8_192) -> None:
        self.bundle = bundle
        live = tuple(rule for rule in bundle.rules if not rule.shadow)
        sing(live)
        self._rules = {rule.id: rule for rule in bundle.rules}
        self._mentioned = frozenset[tuple[str, str]]().union(*(rule.entities for rule in bundle.rules))
        self._live = Engine(live)
        self._near = NearMisses(live)
        self._sides = Sides.in_rules(live)
        self._counting = frozenset(rule.id for rule in live if counts_read(rule))
        self.counts = {
            verb: frozenset[str]().union(*(counts_read(rule) for rule in live if verb in rule.verbs)) for verb in VERBS
        }
        self._shadow = Engine(bundle.rules) if len(live) < len(bundle.rules) else None
        self._by_identity: Memo[tuple[object, ...], tuple[Intent, Session, Decision]] = Memo(remembered)
        self._by_signature: Memo[Signature, Decision] = Memo(remembered)

    def decide(self, case: Case) -> Decision:
        """The decision on one case. Equal cases get equal decisions; from the second on it costs microseconds."""
        if case.asked is not None or any(isinstance(lease.scope, OneCommand) for lease in case.leases):
            return self.decide_anew(case)  # good for once: nothing to remember
        if case.leases or case.impact is not UNKNOWN_IMPACT or case.usage is not UNCOUNTED:
            return self._recall(case)
        # Analysers intern intents and a conversation keeps its session: identity is the cheapest key. The entry
        # holds both, so that neither address can come to mean something else.
        intent, session = case.intent, case.command.session
        key = (id(intent), id(session), case.offers)
        held = self._by_identity.get(key)
        if held is not None:
            return held[2]
        decision = self._recall(case)
        self._by_identity.put(key, (intent, session, decision))
        return decision

    def decide_anew(self, case: Case, granted: frozenset[str] = NOTHING_GRANTED) -> Decision:
        """The decision without remembering it. `granted` is what holds besides the leases of the case, in steps:
        {"approval:dba-leads:1", "approval:dba-leads:2"}."""
        return self._decide(case, self._live, granted | _lifts(case))

    def ways(self, case: Case, decision: Decision) -> tuple[frozenset[str], ...]:
        """Sets of approvals, each of which alone lifts this hold and none of which could be smaller; the smallest
        first. Empty where no approval would."""
        named = {lift.strip() for reason in decision.reasons for lift in (reason.lift or "").split(",")}
        approvals = sorted(lift for lift in named if lift.startswith("approval:"))[:MOST_LIFTS]
        found: list[frozenset[str]] = []
        for size in range(1, len(approvals) + 1):
            for chosen in map(frozenset, combinations(approvals, size)):
                if any(way <= chosen for way in found):
                    continue
                granted = NOTHING_GRANTED.union(*map(steps, chosen))
                if self.decide_anew(case, granted).allowed:
                    found.append(chosen)
        return tuple(found)

    def permits(self, case: Case, granted: frozenset[str]) -> tuple[tuple[Question, tuple[str, ...]], ...]:
        """What of a case is permitted, object by object, with the ids of all policies that permit it."""
        return tuple(self._hearing(case, apart(case), self._live, granted | _lifts(case)).permits())

    def names(self, uid: Uid) -> bool:
        """Whether a policy names this entity: what none of them names, they tell apart by its labels alone."""
        return uid in self._mentioned

    def shadow(self, case: Case) -> Decision | None:
        """What would be decided if shadow policies counted; None when the bundle has none. For after the answer."""
        return self._decide(case, self._shadow, _lifts(case)) if self._shadow else None

    def _recall(self, case: Case) -> Decision:
        key = signature(case, self._sides)
        decision = self._by_signature.get(key)
        if decision is None:
            decision = self.decide_anew(case)
            if decision.allowed or self._counting.isdisjoint(reason.policy for reason in decision.reasons):
                self._by_signature.put(key, decision)  # a refusal by counts says the numbers: each says its own
        return decision

    def _decide(self, case: Case, engine: Engine, granted: frozenset[str]) -> Decision:
        asked = questions(case, self._mentioned)
        if len(asked) > MOST_QUESTIONS:
            return self._decision(Verdict.DENY, (words.too_many(len(asked), MOST_QUESTIONS),), ())
        return self._decision(*self._hearing(case, asked, engine, granted).verdict())

    def _hearing(self, case: Case, asked: tuple[Question, ...], engine: Engine, granted: frozenset[str]) -> Hearing:
        return Hearing(
            case=case,
            asked=asked,
            engine=engine,
            rules=self._rules,
            near=self._near,
            granted=granted,
            facts=facts_of(case),
        )

    def _decision(self, verdict: Verdict, reasons: tuple[Reason, ...], obligations: tuple[Obligation, ...]) -> Decision:
        return Decision(verdict=verdict, reasons=reasons, obligations=obligations, policy_version=self.bundle.digest)


def _lifts(case: Case) -> frozenset[str]:
    """What the leases of a case amount to: the gate has verified that they are live, bound to it or cover it, and not
    given by its requester. Whether one may be lent is judged as if it were."""
    asked = () if case.asked is None else (case.asked,)
    return NOTHING_GRANTED.union(*(lease.lifts() for lease in (*case.leases, *asked)))

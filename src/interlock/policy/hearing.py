"""One case heard: promises are gathered until nothing more is asked for, then every question gets its ruling."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from interlock.model import Case, Mask, Obligation, Reason, Verdict
from interlock.policy import words
from interlock.policy.engine import Answer, Engine
from interlock.policy.nearmiss import NearMisses
from interlock.policy.plan import NOTHING_PROMISED, PROMISED_BY, RAW, Plan
from interlock.policy.question import Question
from interlock.policy.rule import Rule, steps
from interlock.policy.tree import Tree

MOST_ROUNDS: Final = 4


class Promised(Struct, frozen=True, kw_only=True):
    """The promises made so far: one plan for the command, and for each class of columns the form it is shown in."""

    plan: Plan = NOTHING_PROMISED
    forms: tuple[tuple[frozenset[str], str], ...] = ()

    def for_question(self, question: Question) -> Plan:
        """The plan as this question sees it."""
        return replace(self.plan, form=dict(self.forms).get(question.resource.given, RAW)) if self.forms else self.plan

    def stricter(self, question: Question, wanted: Plan) -> "Promised":
        """With what a policy wants for this question promised as well."""
        both = self.for_question(question).stricter(wanted)
        forms = dict(self.forms)
        if both.form != RAW:
            forms[question.resource.given] = both.form
        plan = self.plan.stricter(replace(wanted, form=RAW))
        return Promised(plan=plan, forms=tuple(sorted(forms.items(), key=lambda item: sorted(item[0]))))

    def obligations(self) -> tuple[Obligation, ...]:
        """What the gateway has to honour."""
        return (*(Mask(labels=labels, form=form) for labels, form in self.forms), *self.plan.obligations())


class _Ruling(Struct, frozen=True, kw_only=True):
    """The verdict on one question; `reasons` are the judge's own, `rules` the policies that decided."""

    verdict: Verdict
    question: Question
    rules: tuple[Rule, ...] = ()
    reasons: tuple[Reason, ...] = ()


class Hearing(Struct, frozen=True, kw_only=True):
    """What is needed to hear one case. `granted` are the lifts that hold, in steps."""

    case: Case
    asked: tuple[Question, ...]
    engine: Engine
    rules: dict[str, Rule]
    near: NearMisses
    granted: frozenset[str]
    facts: Tree

    def verdict(self) -> tuple[Verdict, tuple[Reason, ...], tuple[Obligation, ...]]:
        """The strictest verdict over all questions, with its reasons, and what is promised if it is not a denial."""
        heard = self._answers()
        if heard is None:
            return Verdict.DENY, (words.unsettled(self.asked, MOST_ROUNDS),), ()
        return self._conclude(*heard)

    def permits(self) -> Iterator[tuple[Question, tuple[str, ...]]]:
        """Each question that is permitted, with the ids of all policies that permit it."""
        answers, _ = self._answers() or ([], Promised())
        for question, answer in zip(self.asked, answers, strict=False):
            if answer.allowed and answer.error is None:
                yield question, answer.ids

    def _answers(self) -> tuple[list[Answer], Promised] | None:
        """The answers once nothing more is promised; None where policies never stop asking."""
        promised = Promised()
        for _ in range(MOST_ROUNDS):
            answers = [self._ask(question, promised, self.granted) for question in self.asked]
            wanted = self._gather(answers, promised)
            if wanted == promised:
                return answers, promised
            promised = wanted
        return None

    def _ask(self, question: Question, promised: Promised, granted: frozenset[str]) -> Answer:
        return self.engine.ask(question, self.facts, promised.for_question(question), granted)

    def _gather(self, answers: list[Answer], promised: Promised) -> Promised:
        for question, answer in zip(self.asked, answers, strict=True):
            for rule in self._fired(answer):
                if rule.promise is not None and not self._missing(rule):
                    promised = promised.stricter(question, rule.promise)
        return promised

    def _conclude(
        self, answers: list[Answer], promised: Promised
    ) -> tuple[Verdict, tuple[Reason, ...], tuple[Obligation, ...]]:
        rulings = [self._rule(q, answer, promised) for q, answer in zip(self.asked, answers, strict=True)]
        for verdict in (Verdict.DENY, Verdict.HOLD):
            if decisive := [ruling for ruling in rulings if ruling.verdict is verdict]:
                obligations = promised.obligations() if verdict is Verdict.HOLD else ()
                return verdict, words.in_order(self._reasons(verdict, decisive)), obligations
        return Verdict.ALLOW, words.in_order(self._reasons(Verdict.ALLOW, rulings)), promised.obligations()

    def _rule(self, question: Question, answer: Answer, promised: Promised) -> _Ruling:
        if answer.error is not None:
            return _Ruling(verdict=Verdict.DENY, question=question, reasons=(words.erred(question, answer.error),))
        rules = tuple(self.rules[name] for name in answer.ids)
        if question.puzzle and not (answer.allowed and any(rule.permits_unknown for rule in rules)):
            reason = words.not_understood(question.findings)
            return _Ruling(verdict=Verdict.DENY, question=question, reasons=(reason,))
        if answer.allowed:
            return _Ruling(verdict=Verdict.ALLOW, question=question, rules=rules)
        if not rules:
            return _Ruling(verdict=Verdict.DENY, question=question, reasons=(self._default(question, promised),))
        return self._held(question, rules, promised)

    def _held(self, question: Question, rules: tuple[Rule, ...], promised: Promised) -> _Ruling:
        """Forbids fired. Assume all that would lift them and ask again: nobody approves or rewrites in vain."""
        lifts = frozenset[str]().union(*(steps(lift) for rule in rules for lift in rule.lifts))
        hoped = promised
        for rule in rules:
            hoped = hoped.stricter(question, rule.promise or NOTHING_PROMISED)
        outside = all(rule.lifts for rule in rules)
        assumed = self._ask(question, promised if outside else hoped, self.granted | lifts)
        if assumed.allowed and outside:
            return _Ruling(verdict=Verdict.HOLD, question=question, rules=rules)
        beyond: tuple[Reason, ...] = ()
        if assumed.error is not None:
            beyond = (words.erred(question, assumed.error),)
        elif not assumed.allowed and not assumed.ids:
            beyond = (self._default(question, promised),)
        return _Ruling(verdict=Verdict.DENY, question=question, rules=rules, reasons=beyond)

    def _default(self, question: Question, promised: Promised) -> Reason:
        plan = promised.for_question(question)
        return words.not_permitted(question, self.near.explain(self.engine, question, self.facts, plan))

    def _reasons(self, verdict: Verdict, rulings: list[_Ruling]) -> Iterator[Reason]:
        """One reason for each policy, naming everything it was decisive for."""
        about: dict[str, list[Question]] = {}
        for ruling in rulings:
            yield from ruling.reasons
            for rule in ruling.rules:
                about.setdefault(rule.id, []).append(ruling.question)
        for name, questions in about.items():
            yield from self._reasons_of(verdict, self.rules[name], tuple(questions))

    def _reasons_of(self, verdict: Verdict, rule: Rule, questions: tuple[Question, ...]) -> Iterator[Reason]:
        if not rule.forbids:
            yield words.permitted(rule, questions)
            return
        yield words.forbidden(rule, questions, self.case, liftable=verdict is Verdict.HOLD)
        if verdict is Verdict.DENY and (missing := self._missing(rule)):
            yield words.unmet(rule, questions, missing, writing=bool(self.facts["writes"]))

    def _missing(self, rule: Rule) -> frozenset[str]:
        """The promises of a rule that cannot be made: not offered, or confinement of what is meant to write."""
        offered = {PROMISED_BY[kind] for kind in self.case.offers}
        if self.facts["writes"]:
            offered.discard("readOnly")
        return (rule.promise.kinds() if rule.promise else frozenset()) - offered

    def _fired(self, answer: Answer) -> tuple[Rule, ...]:
        return tuple(rule for name in answer.ids if (rule := self.rules[name]).forbids)

"""Reasons for people and agents: what was blocked, why with the facts a policy looked at, what to do instead."""

from collections.abc import Iterable, Iterator
from typing import Final

from interlock.model import Basis, Case, Finding, Reach, Reason, Verb
from interlock.policy.plan import NOTHING_PROMISED, Plan
from interlock.policy.question import Question, sensitive
from interlock.policy.rule import RESERVED, SEVERITIES, Rule
from interlock.policy.usage import COUNTS, METRICS, counts_read, limits

_MUST: Final = {
    "measured": ("must be measured before it lands", "measure"),
    "readOnly": ("must run where nothing can be written", "confine a command"),
    "maxRows": ("must be limited to {rows} rows", "limit rows"),
    "fuseRows": ("must be expected to take at most {fuse} rows", "ask what a command is expected to take"),
    "form": ("must be shown as `{form}` instead of in the clear", "mask values"),
}
_INSTEAD: Final = {
    "measured": "name the rows by a unique key, one statement for each, so that the effect is known to be small",
    "readOnly": "separate the reading from the writing and run each by itself",
    "maxRows": "ask the operator for a gateway that can limit rows",
    "fuseRows": "write it as a SELECT, INSERT, UPDATE, DELETE or MERGE of its own",
    "form": "leave these columns out of the statement",
}


def forbidden(rule: Rule, questions: tuple[Question, ...], case: Case, *, liftable: bool) -> Reason:
    """The reason that a forbid held for these questions; `liftable` only where lifting it would be enough."""
    return Reason(
        policy=rule.id,
        title=rule.title,
        severity=rule.severity,
        message=f"{_subject(questions)}{_because(rule, questions, case)}",
        lift=", ".join(rule.lifts) if liftable and rule.lifts else None,
        instead=rule.instead,
    )


def permitted(rule: Rule, questions: tuple[Question, ...]) -> Reason:
    """The reason that a permit held."""
    return Reason(policy=rule.id, title=rule.title, severity=rule.severity, message=_subject(questions))


def unmet(rule: Rule, questions: tuple[Question, ...], missing: frozenset[str], *, writing: bool) -> Reason:
    """The reason that a promise, which would have lifted `rule`, cannot be made for this command here."""
    plan = rule.promise or NOTHING_PROMISED
    kinds = sorted(missing)
    must = " and ".join(_must(kind, plan) for kind in kinds)
    if writing and kinds == ["readOnly"]:
        cannot = "a command that also writes cannot be confined"
    else:
        cannot = f"this gateway cannot {' or '.join(_MUST[kind][1] for kind in kinds)} here"
    return Reason(
        policy="unmet-promise",
        title="The gateway cannot promise what a policy asks for",
        severity=rule.severity,
        message=f"{_subject(questions)} {must} (policy `{rule.id}`), and {cannot}",
        instead=rule.instead or _INSTEAD[kinds[0]],
    )


_REACHES: Final = {
    Reach.ONE: "it reaches one row at most",
    Reach.SOME: "it reaches the rows it names",
    Reach.ALL: "it reaches every row",
    Reach.UNKNOWN: "how many rows it reaches is not known",
}
_ROWS: Final = frozenset({Verb.READ, Verb.EXPORT, Verb.CREATE, Verb.CHANGE, Verb.DELETE})
# Code reaches whom it runs for, structure and rights reach parts of what holds them: neither has rows.
_RUNS: Final = {**_REACHES, Reach.ALL: "it will run for everyone", Reach.UNKNOWN: "what it does is not known"}
_HOLDS: Final = {
    Reach.ONE: "it reaches one part of it",
    Reach.SOME: "it reaches some parts of it",
    Reach.ALL: "it reaches all of it",
    Reach.UNKNOWN: "how much of it it reaches is not known",
}


def unsettled(questions: tuple[Question, ...], rounds: int) -> Reason:
    """The reason that policies kept asking for more promises."""
    return Reason(
        policy="unmet-promise",
        title="The policies do not agree on what must be promised",
        severity="high",
        message=f"{_subject(questions)}: still asking for more after {rounds} rounds",
        instead="ask the policy's owner to run `interlock policy test`",
    )


def too_many(asked: int, most: int) -> Reason:
    """The reason that a command touches more than can be judged in time."""
    return Reason(
        policy="not-understood",
        title="Too much at once",
        severity="high",
        message=f"this command raises {asked:,} questions, and at most {most:,} are judged at once",
        instead="split it into statements that touch fewer objects",
    )


def erred(question: Question, error: str) -> Reason:
    """The reason that Cedar could not answer. Its text stays out: it may quote what the caller sent."""
    return Reason(
        policy="engine-error",
        title="The policy engine could not decide",
        severity="critical",
        message=f"{_subject((question,))}: evaluation failed, so nothing is let through ({_first_line(error)})",
        instead="report this to the operator with the decision id",
    )


def not_understood(findings: Iterable[Finding]) -> Reason:
    """The reason that nobody knows what the command would do."""
    said = "; ".join(dict.fromkeys(finding.message for finding in findings))
    return Reason(
        policy="not-understood",
        title="What is not understood does not run",
        severity="high",
        message=f"nobody can say what this would execute{': ' if said else ''}{said}",
        instead="write it in a form that is understood, or split it into simpler statements",
    )


def not_permitted(question: Question, near: str | None) -> Reason:
    """The reason that nothing permits; `near` says what the closest permits would have needed."""
    return Reason(
        policy="default-deny",
        title="Nothing permits this",
        severity="medium",
        message=f"no policy permits {_subject((question,))} for {question.actor.kind} `{question.actor.id}`"
        + (f"; {near}" if near else ""),
        instead="ask for the access, or use an account that has it",
    )


def in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Without repetitions, the most severe first; among equals what the judge says by itself comes first."""
    return tuple(sorted(dict.fromkeys(reasons), key=_rank))


def _rank(reason: Reason) -> tuple[int, bool, str, str]:
    return (SEVERITIES.index(reason.severity), reason.policy not in RESERVED, reason.policy, reason.message)


def _subject(questions: tuple[Question, ...]) -> str:
    parts: dict[str, None] = {}
    for question in questions:
        of = " columns of" if question.own or question.verb == "reveal" else ""
        kind = f" {'+'.join(sorted(question.own))}" if question.own else ""
        parts[f"{question.verb}{kind}{of or ' on'} {question.shown()}"] = None
    names = list(parts)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _because(rule: Rule, questions: tuple[Question, ...], case: Case) -> str:
    said = tuple(dict.fromkeys(part for question in questions for part in _facts(rule, question, case)))
    return f": {'; '.join(said)}" if said else ""


def _facts(rule: Rule, question: Question, case: Case) -> Iterator[str]:
    """The facts of a question that this rule looked at, in words."""
    looked = {path[0] for path in rule.reads}
    if "findings" in looked:
        yield from (finding.message for finding in question.findings if finding.code.value in rule.compares)
    if "reach" in looked:
        verb = question.verb
        yield (_RUNS if verb == Verb.EXECUTE else _REACHES if verb in _ROWS else _HOLDS)[question.reach]
    if "fields" in looked and (labels := sensitive(question.labels)):
        yield f"touches {', '.join(labels)} columns"
    if "impact" in looked:
        yield from _rows(case, question)
    yield from _counts(rule, case)
    if "chain" in looked:
        yield "driven by " + " for ".join(f"{a.kind} `{a.id}`" for a in case.command.session.principal.chain())
    elif rule.tree["principal"] != {"op": "All"}:
        yield f"asked by {question.actor.kind} `{question.actor.id}`"


def _counts(rule: Rule, case: Case) -> Iterator[str]:
    """What was used up, and how much may be."""
    known = dict(case.usage.counts)
    for name in sorted(counts_read(rule)):
        most = " and ".join(f"{constant:,}" for constant in limits(rule.tree, name))
        limit = f" (the limit is {most})" if most else ""
        if name not in known:
            yield f"{COUNTS[name]}: not known{limit}"
        elif name.endswith(_AS_IT_WAS):
            yield f"{known[name]:,} {COUNTS[name]}, before this command{limit}"
        else:
            yield f"{known[name]:,} {COUNTS[name]}, this command included{limit}"


def _rows(case: Case, question: Question) -> Iterator[str]:
    """The total, which is the same for every effect and so said once, and what of it belongs to this one, if any."""
    impact = case.impact
    if impact.rows is None:
        yield "rows not measured"
        return
    word = "measured" if impact.basis is Basis.MEASURED else "estimated, not measured"
    yield f"{impact.rows:,} rows {word}"
    if question.here and question.here != impact.rows:
        yield f"{question.verb} {question.here:,} of {question.shown()}"


# The counts in which a command does not stand while it is judged.
_AS_IT_WAS: Final = tuple(f".{metric}" for metric in METRICS if metric not in ("commands", "rowsChanged"))


def _must(kind: str, plan: Plan) -> str:
    rows, fuse = (f"{most:,}" if most is not None else "" for most in (plan.max_rows, plan.fuse_rows))
    return _MUST[kind][0].format(rows=rows, fuse=fuse, form=plan.form)


def _first_line(error: str) -> str:
    return error.splitlines()[0][:120] if error else "no decision"

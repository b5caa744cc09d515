"""What would happen to a statement, and why, without running anything."""

from collections.abc import Iterable, Mapping
from dataclasses import replace  # noqa: TID251 (mypyc compiles Scope)
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from interlock.app.config import Config
from interlock.gateways.postgres.arriving.pins import split_path
from interlock.gateways.postgres.planning.flows import offered
from interlock.gateways.postgres.target.resolving import ask_server
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.limits import Limits
from interlock.intent.sql.resolver import RESOLVABLE, Resolved, is_opaque, left_out
from interlock.intent.sql.statement import Flow, Statement
from interlock.intent.sql.understand import Scope, understand
from interlock.model import (
    CallerFault,
    Case,
    Command,
    Decision,
    Effect,
    Finding,
    Measure,
    Obligation,
    Principal,
    Session,
    Verdict,
)
from interlock.policy.judge import Judge

SURFACE: Final = "postgresql"
MEASURED: Final = "measure"  # beside the verdicts of the model: nobody can say before it was counted
_NOT_ASKED: Final = "not asked: only what reads or writes rows can be"
_STRICTNESS: Final = {Verdict.ALLOW: 0, Verdict.HOLD: 1, Verdict.DENY: 2}


class Explanation(Struct, frozen=True, kw_only=True):
    """One statement of a text, and the decision it would get."""

    statement: Statement
    decision: Decision


class Explainer:
    """Explains for one principal on one target, by a catalogue. `user` is the gateway's login on the target."""

    def __init__(
        self, *, judge: Judge, session: Session, catalog: Catalog, user: str, limits: Limits, path: tuple[str, ...]
    ) -> None:
        self._judge = judge
        self._session = session
        self._limits = limits
        self._scope = Scope(
            catalog=catalog, target=session.target.name, search_path=path, user=user, prepared={}, cursors={}
        )

    def explain(self, text: str) -> list[Explanation]:
        """Every statement of a text in order; behind each, what it prepares, declares or sets the path to is known."""
        scope, rest = self._scope, text
        explained: list[Explanation] = []
        while rest:
            statements, behind = understand(rest, scope, self._limits), ""
            for at, statement in enumerate(statements):
                explained.append(Explanation(statement=statement, decision=self._decide(statement)))
                changed = _behind(scope, statement, self._scope.search_path)
                known, scope = scope is changed, changed
                if not known and at < len(statements) - 1:
                    behind = rest[statement.span[1] :]
                    break
            rest = behind
        return explained

    def _decide(self, statement: Statement) -> Decision:
        command = Command(
            id="explain", session=self._session, language=SURFACE, text=statement.text, unit="explain", received_at=0
        )
        return self._judge.decide(Case(command=command, intent=statement.intent, offers=offered(statement), at=0))


async def resolve(explained: list[Explanation], url: str, path: str) -> list[str]:
    """What the server at `url` says of each statement beyond its effects, in words. Raises TargetUnreachable."""
    asked = [each for each in explained if each.statement.node in RESOLVABLE]
    answers = iter(await ask_server(url, [each.statement.text for each in asked], path))
    return [_compared(each, next(answers)) if each in asked else _NOT_ASKED for each in explained]


def _compared(each: Explanation, answer: Resolved | str) -> str:
    if isinstance(answer, str):
        return f"it does not take this: {answer}"
    missing = left_out(each.statement.intent.effects, answer)
    if missing and is_opaque(each.statement):
        return f"it {', '.join(missing)}; the effects do not claim to be all"
    if missing:
        return f"it {', '.join(missing)}, which no effect says: is the catalogue as old as the server's?"
    return "nothing that the effects leave out"


def session_for(config: Config, principal: Principal, target: str, purpose: str | None) -> Session:
    """A session as it would be opened. Raises CallerFault for a target that is not configured."""
    known = config.target(target)
    if known is None:
        raise CallerFault(f"there is no target `{target}`; there are: {', '.join(config.targets)}")
    return Session(
        id="explain",
        principal=principal,
        target=known,
        gateway=config.gateway.id,
        surface=SURFACE,
        purpose=purpose,
        opened_at=0,
    )


def verdict(explained: list[Explanation]) -> Verdict:
    """The verdict of a whole text: the strictest of its statements. An empty text does nothing.

    What is let pass only to be counted is not allowed yet: its effect decides, and nothing runs here.
    """
    verdicts = [Verdict.HOLD if is_measured(each.decision) else each.decision.verdict for each in explained]
    return max(verdicts, key=_STRICTNESS.__getitem__, default=Verdict.ALLOW)


def is_measured(decision: Decision) -> bool:
    """Whether it runs, is counted, and lands only if its effect may."""
    return decision.allowed and any(isinstance(obligation, Measure) for obligation in decision.obligations)


def word(explained: list[Explanation]) -> str:
    """`allow`, `measure`, `hold` or `deny`: the strictest of the statements. `measure` where only counting decides."""
    strictest = verdict(explained)
    held = any(each.decision.verdict is Verdict.HOLD for each in explained)
    return MEASURED if strictest is Verdict.HOLD and not held else strictest.value


def as_json(explained: list[Explanation]) -> dict[str, object]:
    """The fields of `interlock explain --json` and `--batch`; lists run over all statements, without repeats."""
    intents = [each.statement.intent for each in explained]
    decisions = [each.decision for each in explained]
    return {
        "verdict": word(explained),
        "understood": all(intent.understood for intent in intents),
        "effects": _unique(_effect(effect) for intent in intents for effect in intent.effects),
        "findings": _unique(_finding(finding) for intent in intents for finding in intent.all_findings()),
        "reasons": _unique(
            {
                "policy": reason.policy,
                "title": reason.title,
                "severity": reason.severity,
                "message": reason.message,
                "lift": reason.lift,
                "instead": reason.instead,
            }
            for decision in decisions
            for reason in decision.reasons
        ),
        "obligations": _unique(_obligation(o) for decision in decisions for o in decision.obligations),
    }


def _behind(scope: Scope, statement: Statement, opened: tuple[str, ...]) -> Scope:
    """The scope of what follows a statement; `opened` is the path that a reset returns to."""
    name = statement.name
    if statement.flow in (Flow.SET, Flow.RESET, Flow.DISCARD) and name in (None, "search_path"):
        path = opened if statement.value is None or statement.flow is not Flow.SET else split_path(statement.value)
        return scope if path == scope.search_path else replace(scope, search_path=path)
    if name is None:
        return scope
    if statement.flow is Flow.PREPARE:
        return replace(scope, prepared=_added(scope.prepared, name, statement))
    if statement.flow is Flow.DECLARE:
        return replace(scope, cursors=_added(scope.cursors, name, statement))
    return scope


def _added(names: Mapping[str, Statement], name: str, statement: Statement) -> Mapping[str, Statement]:
    return names if name in names else {**names, name: statement}


def _effect(effect: Effect) -> dict[str, object]:
    fields = None if effect.fields is None else [field.name for field in effect.fields]
    labels = effect.object.labels.union(*(field.labels for field in effect.fields or ()))
    return {
        "verb": effect.verb.value,
        "kind": effect.object.kind.value,
        "object": str(effect.object),
        "known": effect.object.known,
        "reach": effect.reach.value,
        "fields": fields,
        "labels": sorted(labels),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {"code": finding.code.value, "message": finding.message, "span": finding.span}


def _obligation(obligation: Obligation) -> dict[str, object]:
    settings = asdict(obligation).items()
    shown = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in settings}
    return {"kind": type(obligation).__name__.lower(), **shown}


def _unique(items: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    kept: list[dict[str, object]] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept

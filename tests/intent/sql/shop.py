"""The shop's catalogue as the tests know it, and how a statement's meaning is written down in the corpus."""

from pathlib import Path

from interlock.intent.sql import Catalog, Flow, LabelBook, Scope, Statement, understand
from interlock.model import Effect, FindingCode

HERE = Path(__file__).parent
SCHEMA = HERE / "shop.sql"
SNAPSHOT = HERE / "shop.catalog.json"

LABELS = LabelBook(
    {
        "public.customers.email": frozenset({"pii"}),
        "public.customers.ssn": frozenset({"pii", "secret"}),
        "public.payments": frozenset({"money"}),
        "public.payments.card_number": frozenset({"card"}),
        "public.events.payload": frozenset({"telemetry"}),
    }
)
CATALOG = Catalog.from_json(SNAPSHOT.read_bytes(), labels=LABELS)


def scope(
    *,
    path: tuple[str, ...] = ("public",),
    prepared: dict[str, Statement] | None = None,
    cursors: dict[str, Statement] | None = None,
) -> Scope:
    return Scope(
        catalog=CATALOG, target="shop", search_path=path, user="app", prepared=prepared or {}, cursors=cursors or {}
    )


def meaning(text: str) -> Statement:
    """The one statement of `text`."""
    (statement,) = understand(text, scope())
    return statement


def written(statement: Statement) -> list[str]:
    """The lines that the corpus has for a statement."""
    lines = [_effect(effect) for effect in statement.intent.effects]
    lines += [f"! {finding.code}" for finding in statement.intent.findings]
    if statement.flow is not Flow.PLAIN:
        named = "" if statement.name is None else f" {statement.name}"
        lines.append(f"flow {statement.flow}{named}" + ("" if statement.value is None else f" = {statement.value}"))
    flags = {
        "writes": statement.writes,
        "ddl": statement.ddl,
        "local": statement.local,
        "chain": statement.chain,
        "held": statement.held,
        "outside transactions": not statement.transactional,
        "not understood": not statement.intent.understood,
    }
    lines += [name for name, on in flags.items() if on]
    return lines


def _effect(effect: Effect) -> str:
    known = "" if effect.object.known else " unknown"
    labels = "".join(f" #{label}" for label in sorted(effect.object.labels))
    if effect.fields is None:
        fields = " (*)"
    else:
        fields = f" ({' '.join(f.name + '*' * bool(f.labels) for f in effect.fields)})" if effect.fields else ""
    codes = "".join(f" !{code}" for code in dict.fromkeys(finding.code for finding in effect.findings))
    return f"{effect.verb} {effect.object.kind}{known} {effect.object} {effect.reach}{labels}{fields}{codes}"


def over_limit(text: str) -> bool:
    """Whether a text is refused for what it would cost."""
    return any(finding.code is FindingCode.OVER_LIMIT for finding in meaning(text).intent.findings)

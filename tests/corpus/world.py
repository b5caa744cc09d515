"""The shop of world.sql as the corpora know it: its catalogue, its labels, those who ask, and the production pack."""

from pathlib import Path
from typing import Final

import psycopg

from interlock.app.bundles import named_pack, read_pack
from interlock.app.explaining import Explainer, Explanation
from interlock.intent.sql import DEFAULT_LIMITS, QUERIES, Catalog, LabelBook
from interlock.model import Principal, PrincipalKind, Session, Target
from interlock.policy import Bundle, Judge

HERE: Final = Path(__file__).parent
SCHEMA: Final = HERE / "world.sql"
SNAPSHOT: Final = HERE / "world.catalog.json"

LABELS: Final = LabelBook(
    {
        "public.customers.email": frozenset({"pii"}),
        "public.customers.phone": frozenset({"pii"}),
        "public.customers.ssn": frozenset({"pii", "secret"}),
        "public.payments.card_number": frozenset({"pci"}),
        "public.sessions.token": frozenset({"secret"}),
        "public.staff.salary": frozenset({"financial"}),
        "public.secrets_vault": frozenset({"secret"}),
        "hr.reviews": frozenset({"pii"}),
    }
)
PERSON: Final = Principal(id="eve", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"engineers"}))
AGENT: Final = Principal(
    id="bot", kind=PrincipalKind.AGENT, issuer="config", groups=frozenset({"engineers"}), on_behalf_of=PERSON
)


def catalog() -> Catalog:
    """The committed snapshot, made from PostgreSQL 18."""
    return Catalog.from_json(SNAPSHOT.read_bytes(), labels=LABELS)


def catalog_of(connection: psycopg.Connection) -> Catalog:
    """The catalogue of a server that has loaded world.sql."""
    rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    return Catalog.build(target="shop", database="shop", rows=rows, labels=LABELS)


def explainer(who: Principal, known: Catalog, *, pack: str = "production", environment: str = "prod") -> Explainer:
    """Judges texts for one principal as the gateway would on a target that has loaded world.sql."""
    session = Session(
        id="corpus",
        principal=who,
        target=Target(name="shop", kind="postgresql", environment=environment),
        gateway="corpus",
        surface="postgresql",
        purpose=None,
        opened_at=0,
    )
    return Explainer(
        judge=Judge(Bundle.load(read_pack(named_pack(pack)))),
        session=session,
        catalog=known,
        user="app_user",
        limits=DEFAULT_LIMITS,
        path=("$user", "public", "pg_temp"),
    )


def why(explained: list[Explanation]) -> str:
    """The decisions of a text in one line, for a failing test to show."""
    return "; ".join(
        f"{each.decision.verdict.value} by {', '.join(reason.policy for reason in each.decision.reasons)}"
        for each in explained
    )

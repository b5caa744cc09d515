"""Values that tests write down, and a clock and ids that count."""

from collections.abc import Callable
from itertools import count

from interlock.ledger.leaf import Entry
from interlock.ledger.outcomes import outcome_entry
from interlock.ledger.scribe import Scribe
from interlock.model import (
    Case,
    Command,
    Decision,
    Effect,
    Field,
    Intent,
    Limit,
    Object,
    ObjectKind,
    Outcome,
    Principal,
    PrincipalKind,
    Reach,
    Reason,
    Session,
    Status,
    Target,
    Verb,
    Verdict,
)

ANA = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"analysts"}))
AGENT = Principal(id="agent-7", kind=PrincipalKind.AGENT, issuer="https://idp.example", on_behalf_of=ANA)
SHOP = Target(name="shop", kind="postgresql", environment="production")
SESSION = Session(
    id="session-1",
    principal=AGENT,
    target=SHOP,
    gateway="gw.test",
    surface="postgresql",
    purpose="weekly report",
    opened_at=1,
)
ORDERS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "orders"), labels=frozenset({"finance"}))
READ_ORDERS = Intent(
    effects=(
        Effect(
            verb=Verb.READ,
            object=ORDERS,
            reach=Reach.SOME,
            fields=(Field(name="id"), Field(name="email", labels=frozenset({"pii"}))),
        ),
    ),
    returns=None,
    findings=(),
    understood=True,
    shape="SELECT id, email FROM public.orders WHERE phone = $1",
    fingerprint="0123456789abcdef",
)
ALLOW = Decision(
    verdict=Verdict.ALLOW,
    reasons=(Reason(policy="agents-read", title="Agents read", severity="low", message="agents read within limits"),),
    obligations=(Limit(rows=1000),),
    policy_version="sha256:" + "ab" * 32,
)
DENY = Decision(
    verdict=Verdict.DENY,
    reasons=(Reason(policy="no-bulk", title="No bulk", severity="high", message="a delete without where"),),
    obligations=(),
    policy_version="sha256:" + "ab" * 32,
)


def counting_ids(prefix: str = "id") -> Callable[[], str]:
    """`id-1`, `id-2`, ..."""
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def counting_clock() -> Callable[[], int]:
    """A microsecond later each time."""
    moments = count(1_700_000_000_000_000)
    return lambda: next(moments)


def counting_entropy() -> Callable[[int], bytes]:
    """Bytes that never repeat within a run, and are the same in every run."""
    words = count(1)
    return lambda size: b"".join(next(words).to_bytes(4, "big") for _ in range(size // 4))


def case(
    command: str,
    *,
    text: str = "SELECT id, email FROM orders WHERE phone = '555-0100'",
    unit: str | None = None,
    intent: Intent = READ_ORDERS,
    session: Session = SESSION,
    arguments: tuple[bytes | None, ...] = (),
) -> Case:
    """A case of one command; it is its own unit unless `unit` says otherwise."""
    asked = Command(
        id=command,
        session=session,
        language="sql",
        text=text,
        unit=unit or f"unit-{command}",
        received_at=1,
        arguments=arguments,
    )
    return Case(command=asked, intent=intent, offers=frozenset(), at=1_700_000_000_000_000)


def decided(command: str, *, unit: str | None = None, text: str = "SELECT 1") -> Entry:
    """An allowed decision."""
    return Scribe(counting_entropy()).decision(case(command, unit=unit, text=text), ALLOW)


def ended(command: str, status: Status = Status.LANDED, *, unit: str | None = None) -> Entry:
    """The outcome of a command."""
    outcome = Outcome(command=command, status=status, rows=1, milliseconds=0.25)
    return outcome_entry(outcome, id=f"end-of-{command}", at=1_700_000_000_000_001, unit=unit or f"unit-{command}")

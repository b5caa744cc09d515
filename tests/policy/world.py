"""A small world to judge in: one target, a few principals, and cases made in one line."""

from collections.abc import Mapping

from interlock.app.bundles import named_pack, read_pack
from interlock.model import (
    UNCOUNTED,
    UNKNOWN_IMPACT,
    Case,
    Command,
    Confine,
    Effect,
    Field,
    Finding,
    FindingCode,
    Impact,
    Intent,
    Limit,
    Mask,
    Measure,
    Object,
    ObjectKind,
    Obligation,
    Principal,
    PrincipalKind,
    Reach,
    Session,
    Target,
    Usage,
    Verb,
)
from interlock.policy import Bundle, Judge

SHOP = Target(name="shop", kind="postgresql", environment="prod")
TODAY: frozenset[type[Obligation]] = frozenset({Confine, Limit})
EVERYTHING: frozenset[type[Obligation]] = frozenset({Confine, Limit, Mask, Measure})

EVE = Principal(id="eve", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"engineers"}))
DAN = Principal(id="dan", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"dba"}))
ZED = Principal(id="zed", kind=PrincipalKind.PERSON, issuer="config")
BOT = Principal(id="bot", kind=PrincipalKind.AGENT, issuer="config", on_behalf_of=EVE)

ORDERS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "orders"))
CUSTOMERS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "customers"))
LOST = Object(kind=ObjectKind.TABLE, path=("shop", "public", "lost"), known=False)
EMAIL = Field(name="email", labels=frozenset({"pii"}))
ID = Field(name="id")

PERMIT_ALL = '@id("all") @title("everything") permit (principal, action, resource);'


def table(name: str, *labels: str, known: bool = True) -> Object:
    return Object(kind=ObjectKind.TABLE, path=("shop", "public", name), labels=frozenset(labels), known=known)


def finding(code: FindingCode, message: str = "seen") -> Finding:
    return Finding(code=code, message=message)


def effect(
    verb: Verb,
    thing: Object = ORDERS,
    reach: Reach = Reach.SOME,
    *findings: Finding,
    fields: tuple[Field, ...] | None = (),
) -> Effect:
    return Effect(verb=verb, object=thing, reach=reach, fields=fields, findings=findings)


def session(who: Principal, *, target: Target = SHOP, purpose: str | None = None) -> Session:
    return Session(
        id="s", principal=who, target=target, gateway="here", surface="postgres", purpose=purpose, opened_at=0
    )


def case(
    who: Principal,
    *effects: Effect,
    findings: tuple[Finding, ...] = (),
    understood: bool = True,
    offers: frozenset[type[Obligation]] = TODAY,
    impact: Impact = UNKNOWN_IMPACT,
    target: Target = SHOP,
    purpose: str | None = None,
    usage: Usage = UNCOUNTED,
) -> Case:
    command = Command(
        id="c",
        session=session(who, target=target, purpose=purpose),
        language="sql",
        text="",
        unit="u",
        received_at=0,
    )
    intent = Intent(effects=effects, returns=None, findings=findings, understood=understood, shape="", fingerprint="")
    return Case(command=command, intent=intent, offers=offers, at=0, impact=impact, usage=usage)


def judge_of(*policies: str) -> Judge:
    return Judge(Bundle.load({"test.cedar": "\n".join(policies)}))


def pack(name: str) -> Mapping[str, str]:
    return read_pack(named_pack(name))


def policies_of(decision_reasons: object) -> list[str]:
    assert isinstance(decision_reasons, tuple)
    return [reason.policy for reason in decision_reasons]

"""Leases for tests: asked for by carl's agent, to be approved by others."""

from interlock.access.binding import commitment
from interlock.model import Approver, Impact, Lease, OneCommand, Principal, PrincipalKind, Span, Verb

SALT = "ab" * 32
DIGEST = "cd" * 32
CARL = Principal(id="carl", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"dba-leads"}))
ROBOT = Principal(id="robot", kind=PrincipalKind.AGENT, issuer="config", on_behalf_of=CARL)
MINUTE = 60_000_000


def person(name: str, *groups: str, issuer: str = "config") -> Principal:
    return Principal(id=name, kind=PrincipalKind.PERSON, issuer=issuer, groups=frozenset(groups))


DORA, DAN, OWEN = person("dora", "dba-leads"), person("dan", "dba-leads", "owners"), person("owen", "owners")


def request(*ways: str, name: str = "request-1", impact: Impact | None = None) -> Lease:
    """Asked for at 0, open for a minute; each way is a list of lifts divided by spaces."""
    return Lease(
        id=name,
        principal=ROBOT,
        target="shop",
        scope=OneCommand(
            salt=SALT,
            binding=commitment(SALT, DIGEST),
            fingerprint="f",
            command="decision-1",
            ways=tuple(frozenset(way.split()) for way in ways or ("approval:dba-leads:2",)),
        ),
        purpose=None,
        asked_at=0,
        ends_at=MINUTE,
        policy_version="sha256:v",
        ceiling=impact,
    )


def by(who: Principal, group: str, *, at: int = 1) -> Approver:
    return Approver(id=who.id, issuer=who.issuer, group=group, proof="scram", uid=1000, operator=False, at=at)


def span(
    *verbs: Verb,
    name: str = "oncall",
    principal: Principal = ROBOT,
    objects: tuple[tuple[str, str], ...] = (("public", "orders"),),
    ways: tuple[frozenset[str], ...] = (),
    starts_at: int | None = 0,
    ends_at: int = MINUTE,
) -> Lease:
    """A lease for a while: asked for at 0, and in force since then unless told otherwise."""
    return Lease(
        id="lease-1",
        principal=principal,
        target="shop",
        scope=Span(name=name, verbs=verbs, objects=objects, lasts=5 * MINUTE, ticket="T-1", ways=ways),
        purpose="a pager went off",
        asked_at=0,
        ends_at=ends_at,
        policy_version="sha256:v",
        starts_at=starts_at,
        uses=None,
    )

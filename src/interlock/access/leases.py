"""What may become of a lease: who may approve it, when it is granted, how it ends. Values in, values out."""

from collections.abc import Iterable, Iterator
from typing import Final
from unicodedata import normalize

from msgspec.structs import replace

from interlock.access.binding import binds, commitment
from interlock.access.faults import ApprovalRefused
from interlock.model import (
    Approver,
    Basis,
    Content,
    End,
    Impact,
    Lease,
    OneCommand,
    Principal,
    PrincipalKind,
    Span,
)

MOST_WAITING: Final = 20  # requests of one requester: more would wear out those who decide (threats.md 18)


def person(name: str) -> str:
    """A name as people are told apart by: spelling variants, and the same name from two issuers, are one person."""
    return normalize("NFKC", name).casefold()


def groups_asked(lease: Lease) -> tuple[str, ...]:
    """Whose approval could still help, in order."""
    return tuple(sorted({group for way in lease.scope.ways for group, _ in map(_parsed, way)}))


def missing(lease: Lease) -> tuple[tuple[str, int], ...]:
    """(group, how many more) on the shortest way to a grant."""
    given = lease.given()
    ways = [tuple(_missing(way, given)) for way in lease.scope.ways]
    return min(ways, key=lambda way: (sum(count for _, count in way), way), default=())


def approve(lease: Lease, who: Principal, approver: Approver, *, lasts: int) -> Lease:
    """The lease with one approval more; granted once they are enough, for `lasts` microseconds where it is for one
    command.

    `approver` says in whose name and how `who` was identified. Raises ApprovalRefused.
    """
    _require_pending(lease, approver.at)
    _require_other(lease, who)
    if approver.group not in who.groups:
        raise ApprovalRefused(f"`{who.id}` is not in `{approver.group}`; this needs {_named(groups_asked(lease))}")
    if approver.group not in groups_asked(lease):
        raise ApprovalRefused(f"`{approver.group}` cannot help here; this needs {_named(groups_asked(lease))}")
    if any(person(one.id) == person(who.id) for one in lease.approved_by):
        raise ApprovalRefused(f"`{who.id}` has approved this already; another person has to")
    approved = replace(lease, approved_by=(*lease.approved_by, approver))
    if missing(approved):
        return approved
    return granted(approved, at=approver.at, lasts=lasts)


def granted(lease: Lease, *, at: int, lasts: int) -> Lease:
    """The lease, in force from `at` on: for as long as it asks for, or `lasts` microseconds for one command."""
    most = lease.scope.lasts if isinstance(lease.scope, Span) else lasts
    return replace(lease, starts_at=at, ends_at=at + most)


def group_of(lease: Lease, who: Principal) -> str:
    """In whose name an approval of `who` helps most. Raises ApprovalRefused where it would not help."""
    wanted = [group for group, _ in missing(lease)]
    for group in (*wanted, *groups_asked(lease)):
        if group in who.groups:
            return group
    raise ApprovalRefused(f"`{who.id}` may not approve this: it needs {_named(groups_asked(lease))}")


def may_deny(lease: Lease, who: Principal, *, at: int) -> None:
    """Raises ApprovalRefused unless `who` could have approved it; a grant can be taken back as long as it is unused."""
    _require_open(lease, at)
    _require_other(lease, who)
    group_of(lease, who)


def end_of(lease: Lease) -> End:
    """What it is called when somebody takes it back now."""
    return End.REVOKED if isinstance(lease.scope, Span) and not lease.pending else End.WITHDRAWN


def may_withdraw(lease: Lease, who: Principal, *, at: int) -> None:
    """Raises ApprovalRefused unless `who` is in the requester's chain, or has approved it and takes that back."""
    _require_open(lease, at)
    if not is_party(lease, who):
        raise ApprovalRefused(f"`{who.id}` neither asked for this nor approved it; deny it instead")


def is_party(lease: Lease, who: Principal) -> bool:
    """Whether `who` stands in the requester's chain, or has approved it."""
    known = {person(actor.id) for actor in lease.principal.chain()} | {person(one.id) for one in lease.approved_by}
    return person(who.id) in known


def break_glass(lease: Lease, who: Principal, approver: Approver, *, group: str | None, mfa: bool, lasts: int) -> Lease:
    """The lease, granted by one person with a reason instead of approvals. Raises ApprovalRefused.

    `group` are those who may. Nobody does it for a machine: an agent would only have to persuade its own person.
    """
    _require_pending(lease, approver.at)
    if group is None:
        raise ApprovalRefused("nobody may break the glass here: [approvals] break_glass names no group")
    if any(actor.kind is not PrincipalKind.PERSON for actor in (*lease.principal.chain(), *who.chain())):
        raise ApprovalRefused("the glass is broken by people, and for people: a machine stands in the chain")
    if who.on_behalf_of is not None or group not in who.groups:
        raise ApprovalRefused(f"`{who.id}` may not break the glass: only people of `{group}` may, acting alone")
    if not mfa:
        raise ApprovalRefused("a second factor is needed: present a token whose `amr` says mfa")
    return granted(replace(lease, broken_by=approver), at=approver.at, lasts=lasts)


def review(lease: Lease, who: Principal, approver: Approver) -> Lease:
    """The lease, after somebody else has looked at why the glass was broken. Raises ApprovalRefused."""
    if not lease.unreviewed or lease.broken_by is None:
        raise ApprovalRefused(f"nothing about request {lease.id} waits for a review")
    _require_other(lease, who)
    if person(who.id) == person(lease.broken_by.id):
        raise ApprovalRefused(f"`{who.id}` broke the glass: somebody else has to review that")
    if not who.groups & set(groups_asked(lease)):
        raise ApprovalRefused(f"`{who.id}` may not review this: it needs {_named(groups_asked(lease))}")
    return replace(lease, reviewed_by=approver)


def ended(lease: Lease, end: End) -> Lease:
    """The lease, over; a use is counted down."""
    used = lease.uses is not None and end in (End.USED, End.EXCEEDED)
    return replace(lease, end=end, uses=0 if used else lease.uses)


def is_over(lease: Lease, at: int) -> bool:
    """Whether its time is up though nobody wrote that down yet."""
    return lease.end is None and at >= lease.ends_at


def fits(lease: Lease, digest: str, principal: Principal, at: int) -> bool:
    """Whether it was granted for this very command of this very principal, by others, and may be used now."""
    chain = {person(actor.id) for actor in principal.chain()}
    return (
        lease.live(at)
        and lease.principal == principal
        and isinstance(lease.scope, OneCommand)
        and binds(lease.scope, digest)
        and not any(person(one.id) in chain for one in lease.approved_by)
    )


def beyond(impact: Impact, ceiling: Impact | None) -> str | None:
    """What of a measured impact was not approved, for people; None where all of it was.

    Without a ceiling nothing was counted when people decided: what they saw were the effects, and those are judged.
    """
    if ceiling is None or ceiling.basis is not Basis.MEASURED or impact.basis is not Basis.MEASURED:
        return None
    allowed = {(part.verb, part.object.path): part.rows for part in ceiling.touched}
    for part in impact.touched:
        most = allowed.get((part.verb, part.object.path))
        if most is None or part.rows is None or part.rows > most:
            return f"{part.verb} {part.object}: {_rows(part.rows)}, {most or 0:,} were approved"
    if impact.rows is None or impact.rows > (ceiling.rows or 0):
        return f"{_rows(impact.rows)} in all, {_rows(ceiling.rows)} were approved"
    if ceiling.reversible and not impact.reversible:
        return "what it does cannot be undone any more"
    return None


def other_rows(lease: Lease, content: Content) -> str | None:
    """For people: that these are not the rows that were approved; None where they are, or were only counted. What
    cannot be seen any more is not the same."""
    scope = lease.scope
    if not isinstance(scope, OneCommand) or not scope.content:
        return None
    if content.keys and commitment(scope.salt, content.keys) == scope.content:
        return None
    return "it would take other rows than those that were approved"


def grouped(leases: Iterable[Lease]) -> list[tuple[Lease, ...]]:
    """Requests of one requester that look alike, in the order of the first: for display, each is decided alone."""
    groups: dict[tuple[str, str, str], list[Lease]] = {}
    for lease in leases:
        alike = lease.scope.fingerprint if isinstance(lease.scope, OneCommand) else f"lease:{lease.id}"
        key = (lease.principal.root.id, lease.principal.id, alike)
        groups.setdefault(key, []).append(lease)
    return [tuple(group) for group in groups.values()]


def _missing(way: frozenset[str], given: frozenset[str]) -> Iterator[tuple[str, int]]:
    for group, count in sorted(map(_parsed, way)):
        have = sum(f"approval:{group}:{number}" in given for number in range(1, count + 1))
        if have < count:
            yield group, count - have


def _parsed(lift: str) -> tuple[str, int]:
    _, group, count = lift.split(":")
    return group, int(count)


def _require_open(lease: Lease, at: int) -> None:
    if lease.end is not None:
        raise ApprovalRefused(f"request {lease.id} is over: it was {lease.end}")
    if is_over(lease, at):
        raise ApprovalRefused(f"request {lease.id} is over: it has expired")


def _require_pending(lease: Lease, at: int) -> None:
    _require_open(lease, at)
    if not lease.pending:
        raise ApprovalRefused(f"request {lease.id} has all the approvals it needs")


def _require_other(lease: Lease, who: Principal) -> None:
    """Nobody approves for themselves: not the root of the chain, and not whoever acts for somebody in it."""
    if who.kind is not PrincipalKind.PERSON or who.on_behalf_of is not None:
        raise ApprovalRefused(f"`{who.id}` is no person acting alone: only people decide")
    if person(who.id) in {person(actor.id) for actor in lease.principal.chain()}:
        raise ApprovalRefused(f"`{who.id}` stands in the chain that asks: somebody else has to decide")


def _rows(rows: int | None) -> str:
    return "an unknown number of rows" if rows is None else f"{rows:,} rows"


def _named(groups: tuple[str, ...]) -> str:
    return " or ".join(f"`{group}`" for group in groups) or "nobody who could be asked"

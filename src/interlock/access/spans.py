"""What a lease for a while covers: every effect of a command, or the command is not under it."""

from collections.abc import Iterable, Sequence
from typing import Final

from interlock.access.faults import ApprovalRefused
from interlock.access.leases import person
from interlock.intent.sql.catalog.labels import SYSTEM_SCHEMAS
from interlock.model import Case, Effect, Lease, Object, ObjectKind, Principal, Span, Verb

ALL: Final = "*"
TEMPORARY: Final = "pg_temp"
LONGEST: Final = 7 * 24 * 3600 * 1_000_000  # microseconds; what is needed for longer is no lease
MOST_OBJECTS: Final = 32
LENDABLE: Final = tuple(verb for verb in Verb if verb is not Verb.GRANT)  # what is given away outlasts every lease
# Whoever changes or deletes rows names them, and so reads; an export is a read that leaves.
_READING: Final = frozenset({Verb.CHANGE, Verb.DELETE, Verb.EXPORT})
_FREE: Final = frozenset({Verb.READ, Verb.EXECUTE})


def span_of(name: str, verbs: Iterable[Verb], objects: Iterable[str], *, lasts: int, ticket: str | None) -> Span:
    """The scope that somebody asks for. `objects` are written schema.name, schema.* or *. Raises ApprovalRefused."""
    wanted = {*verbs}
    wanted |= {Verb.READ} if wanted & _READING else set()
    parts = tuple(sorted({_parts(written) for written in objects}))
    if not wanted or not parts or len(parts) > MOST_OBJECTS:
        raise ApprovalRefused(f"a lease is for 1 to {MOST_OBJECTS} objects and at least one verb: name them")
    if unlent := wanted - {*LENDABLE}:
        raise ApprovalRefused(f"`{min(unlent)}` cannot be lent: what it gives away would outlast the lease")
    if not 0 < lasts <= LONGEST:
        raise ApprovalRefused("a lease lasts between a second and seven days: ask for less, and again")
    return Span(name=name, verbs=tuple(sorted(wanted)), objects=parts, lasts=lasts, ticket=ticket)


def covering(leases: Iterable[Lease], case: Case) -> tuple[Lease, ...]:
    """Those of its principal on its target that are in force now and cover all the case would do, or has done; none
    where it touches nothing that anybody is granted."""
    session = case.command.session
    wanted = needing(case)
    if not wanted:
        return ()
    return tuple(
        lease
        for lease in leases
        if in_force(lease, session.principal, session.target.name, case.at)
        and all(_covers(lease, verb, thing) for verb, thing in wanted)
        and case.intent.understood
    )


def in_force(lease: Lease, principal: Principal, target: str, at: int) -> bool:
    """Whether it is a lease for a while of this very chain, given by others, and may be used now."""
    chain = {person(actor.id) for actor in principal.chain()}
    return (
        isinstance(lease.scope, Span)
        and lease.target == target
        and lease.principal == principal
        and lease.live(at)
        and not any(person(one.id) in chain for one in lease.approved_by)
    )


def needing(case: Case) -> Sequence[tuple[Verb, Object]]:
    """What of a case somebody has to be granted: intended, and observed without being intended."""
    intended = [(effect.verb, effect.object) for effect in case.intent.effects if not _is_free(effect)]
    known = {(effect.verb, effect.object.path) for effect in case.intent.effects}
    return intended + [
        (part.verb, part.object) for part in case.impact.touched if (part.verb, part.object.path) not in known
    ]


def within(scope: Span, path: Sequence[str]) -> bool:
    """Whether (schema, name) is among its objects."""
    return any(schema in (ALL, path[0]) and name in (ALL, path[1]) for schema, name in scope.objects)


def _covers(lease: Lease, verb: Verb, thing: Object) -> bool:
    scope, path = lease.scope, thing.path[1:3]
    if not isinstance(scope, Span) or verb not in scope.verbs or not thing.known or len(path) < 2:
        return False
    return within(scope, path)


def _is_free(effect: Effect) -> bool:
    """What everybody may do: see the catalogue, call what is built in, steer the session, work on what is temporary."""
    thing, path = effect.object, effect.object.path[1:]
    if thing.kind is ObjectKind.SETTING or path[:1] == (TEMPORARY,):
        return True
    if thing.kind is ObjectKind.TARGET:
        return effect.verb is Verb.READ
    return bool(path) and path[0] in SYSTEM_SCHEMAS and effect.verb in _FREE


def _parts(written: str) -> tuple[str, str]:
    if written == ALL:
        return ALL, ALL
    schema, dot, name = written.partition(".")
    if not (schema and dot and name) or schema == ALL:
        raise ApprovalRefused(f"`{written}` names nothing that can be lent: write schema.table, schema.* or *")
    return schema, name

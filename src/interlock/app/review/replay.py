"""From records back to the cases that were decided: as far as a record says, and no further."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlock.impact import merged
from interlock.intent.sql.catalog.labels import LabelBook
from interlock.ledger.leaf import Kind
from interlock.ledger.reading import Decided, EffectPart, ImpactPart, Leaf, What, Who
from interlock.model import (
    Basis,
    Case,
    Command,
    Effect,
    Field,
    Finding,
    FindingCode,
    Impact,
    Intent,
    Lease,
    Object,
    ObjectKind,
    Principal,
    PrincipalKind,
    Reach,
    Session,
    Target,
    Touched,
    Usage,
    Verb,
)
from interlock.policy.narrowing import Used
from interlock.policy.plan import PROMISED_BY

# What a gateway could promise is not written down; what it had to promise, it could.
_OFFERS: Final = frozenset(PROMISED_BY)
_MEASURED: Final = "measure"
_rest: Final = msgspec.json.Decoder(list[EffectPart])


class Replayed(Struct, frozen=True, kw_only=True):
    """A recorded decision as a case; `id` and `at` (microseconds since the epoch) are those of its record."""

    id: str
    at: int
    used: Used


class Archive(Struct, frozen=True, kw_only=True):
    """What records leave out: a lease by its id, the effects of a decision that did not fit it, labels by target."""

    lease: Callable[[str], Lease | None]
    rest: Callable[[int], bytes | None]
    labels: Mapping[str, LabelBook]


def replay(leaves: Sequence[Leaf], archive: Archive) -> Iterator[Replayed]:
    """The decisions among these that let something pass, at first and, for what was measured, before it landed."""
    measured: dict[str, list[Case]] = {}
    for leaf in leaves:
        case = _case(leaf, archive)
        if case is not None and leaf.decision is not None:
            if any(one.get("kind") == _MEASURED for one in leaf.decision.obligations):
                measured.setdefault(case.command.unit, []).append(case)
            yield Replayed(id=leaf.id, at=leaf.ts, used=Used(case=case, granted=frozenset(leaf.decision.lifts)))
        elif leaf.settlement is not None and leaf.settlement.verdict == "allow":
            settled = leaf.settlement
            cases = measured.get(settled.unit)
            if cases:
                case = _settled(leaf, cases, archive)
                yield Replayed(id=leaf.id, at=leaf.ts, used=Used(case=case, granted=frozenset(settled.lifts)))


def _case(leaf: Leaf, archive: Archive) -> Case | None:
    what, who, decision = leaf.what, leaf.who, leaf.decision
    if leaf.kind is not Kind.DECISION or what is None or who is None or what.intent is None or decision is None:
        return None
    if decision.verdict != "allow" or not decision.enforced:
        return None
    command = Command(
        id=leaf.id,
        session=_session(leaf, what, who),
        language=what.language or "",
        text="",
        unit=what.unit or leaf.id,
        received_at=leaf.ts,
    )
    return Case(
        command=command,
        intent=_intent(leaf, archive),
        offers=_OFFERS,
        at=leaf.ts,
        impact=_impact(leaf.impact, archive),
        leases=_leases(leaf, decision, archive),
        usage=Usage(counts=tuple(sorted(leaf.usage.items()))),
    )


def _settled(leaf: Leaf, cases: Sequence[Case], archive: Archive) -> Case:
    """The unit's case: everything that ran in it, on what was counted."""
    return replace(
        cases[-1],
        intent=merged([case.intent for case in cases]),
        impact=_impact(leaf.impact, archive),
        usage=Usage(counts=tuple(sorted(leaf.usage.items()))),
        at=leaf.ts,
    )


def _session(leaf: Leaf, what: What, who: Who) -> Session:
    principal: Principal | None = None
    for actor in who.chain:
        principal = Principal(
            id=actor.id,
            kind=PrincipalKind(actor.kind),
            issuer=actor.issuer,
            groups=frozenset(actor.groups),
            on_behalf_of=principal,
        )
    assert principal is not None, "a record names whoever acts"
    target = what.target
    return Session(
        id=who.session,
        principal=principal,
        target=Target(name=target.name, kind=target.kind, environment=target.env, labels=frozenset(target.labels)),
        gateway=leaf.gw.id,
        surface=what.surface,
        purpose=None if leaf.why is None else leaf.why.purpose,
        opened_at=leaf.ts,
    )


def _leases(leaf: Leaf, decision: Decided, archive: Archive) -> tuple[Lease, ...]:
    found = (archive.lease(name) for name in leaf.leases if name != decision.lease)
    return tuple(lease for lease in found if lease is not None)


def _intent(leaf: Leaf, archive: Archive) -> Intent:
    part = None if leaf.what is None else leaf.what.intent
    assert part is not None, "a decision says what was intended"
    rest = archive.rest(leaf.gw.seq) if part.effect_digest is not None else None
    effects = part.effects if rest is None else _rest.decode(rest)
    return Intent(
        effects=tuple(_effect(effect, archive) for effect in effects),
        returns=None,
        findings=tuple(Finding(code=FindingCode(one.code), message=one.message) for one in part.findings),
        understood=part.understood,
        shape=part.shape,
        fingerprint=part.fingerprint,
    )


def _effect(part: EffectPart, archive: Archive) -> Effect:
    return Effect(
        verb=Verb(part.verb),
        object=Object(
            kind=ObjectKind(part.kind), path=tuple(part.object), labels=frozenset(part.labels), known=part.known
        ),
        reach=Reach(part.reach),
        fields=_fields(part, archive),
        findings=tuple(Finding(code=FindingCode(code), message=code) for code in part.findings),
    )


def _fields(part: EffectPart, archive: Archive) -> tuple[Field, ...] | None:
    """The columns with their labels: by today's configuration where that says the same as the record, else each with
    all labels that the record names."""
    if part.fields is None:
        return None
    recorded, book = frozenset(part.field_labels), archive.labels.get(part.object[0])
    if book is not None and len(part.object) > 2 and part.field_count <= len(part.fields):
        schema, name = part.object[1:3]
        fields = tuple(Field(name=field, labels=book.of_column(schema, name, field)) for field in part.fields)
        if frozenset[str]().union(*(field.labels for field in fields)) == recorded:
            return fields
    return tuple(Field(name=field, labels=recorded) for field in part.fields)


def _impact(part: ImpactPart | None, archive: Archive) -> Impact:
    if part is None:
        return Impact()
    return Impact(
        basis=Basis(part.basis),
        rows=part.rows,
        reversible=part.reversible,
        touched=tuple(
            Touched(object=_touched(one.object, archive), verb=Verb(one.verb), rows=one.rows) for one in part.touched
        ),
    )


def _touched(path: list[str], archive: Archive) -> Object:
    book = archive.labels.get(path[0])
    labels = book.of_relation(*path[1:3]) if book is not None and len(path) > 2 else frozenset[str]()
    return Object(kind=ObjectKind.TABLE, path=tuple(path), labels=labels)

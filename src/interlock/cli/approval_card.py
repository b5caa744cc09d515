"""How a request looks: a card of 80 columns, effects first, what the requester says last and escaped; and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from interlock.access.leases import groups_asked, missing
from interlock.cli.render import part, quoted, say
from interlock.model import (
    Approver,
    Basis,
    Card,
    Effect,
    Impact,
    Lease,
    OneCommand,
    Principal,
    Reach,
    Sample,
    Span,
    Verb,
)

_SECOND: Final = 1_000_000
_FOR_A_WHILE: Final = "who asks, and [bold]any number of commands[/] that do nothing else; policy still judges each"
_MOST_EFFECTS: Final = 12
_REACHES: Final = {
    Reach.ONE: "one row at most",
    Reach.SOME: "the rows it names",
    Reach.ALL: "ALL of it",
    Reach.UNKNOWN: "how much is not known",
}
_COUNTED: Final = (Verb.CREATE, Verb.CHANGE, Verb.DELETE)
_NONE: Final = "no row of its own"  # those of partitions, and of tables behind a rule, stand beside theirs
_NOT_COUNTED: Final = "done to do the rest, and not counted by itself"
_UNDO: Final = {
    True: "can be undone until it lands",
    False: "CANNOT be undone",
    None: "whether it can be undone is not known",
}


def lease_data(lease: Lease) -> dict[str, object]:
    """For scripts: `state` is pending, granted, or how it ended; times in seconds since the epoch."""
    return {
        "request": lease.id,
        "state": _state(lease),
        "who": lease.principal.id,
        "on_behalf_of": [actor.id for actor in lease.principal.chain()][1:],
        "target": lease.target,
        **_scope_data(lease.scope),
        "may_approve": list(groups_asked(lease)),
        "missing": dict(missing(lease)) if lease.pending else {},
        "approved_by": [
            {"id": one.id, "group": one.group, "proof": one.proof, "mfa": one.mfa, "key": one.key or None}
            for one in lease.approved_by
        ],
        "broken_by": None if lease.broken_by is None else lease.broken_by.id,
        "reviewed_by": None if lease.reviewed_by is None else lease.reviewed_by.id,
        "impact": _impact_data(lease.ceiling),
        "asked_at": lease.asked_at // _SECOND,
        "starts_at": None if lease.starts_at is None else lease.starts_at // _SECOND,
        "expires_at": lease.ends_at // _SECOND,
        "uses": lease.uses,
        "purpose": lease.purpose,
    }


def _scope_data(scope: OneCommand | Span) -> dict[str, object]:
    if isinstance(scope, OneCommand):
        return {"fingerprint": scope.fingerprint, "decision": scope.command}
    objects = [".".join(dict.fromkeys(parts)) for parts in scope.objects]
    lasts = scope.lasts // _SECOND
    return {"name": scope.name, "verbs": [*scope.verbs], "objects": objects, "lasts": lasts, "ticket": scope.ticket}


def card_data(lease: Lease, card: Card | None) -> dict[str, object]:
    """A request with everything its card shows; `card` is null where the text was erased."""
    return lease_data(lease) | {"card": None if card is None else msgspec.to_builtins(card)}


def show_list(groups: Iterable[Sequence[Lease]], at: int) -> None:
    """One line for each group: the newest stands for those that look alike."""
    for group in groups:
        lease = group[-1]
        more = f"  and {len(group) - 1} more alike" if len(group) > 1 else ""
        say(f"{quoted(lease.id)}  [bold]{_state(lease)}[/]  {quoted(lease.target)}{quoted(more)}")
        say(f"  {quoted(_chain(lease.principal))}; {quoted(_wanted(lease))}; {_left(lease, at)}")
        if isinstance(lease.scope, Span):
            say(f"  {quoted(_lent(lease.scope))}")


def _lent(scope: Span) -> str:
    """`oncall: read on public.*, for 3600 s, ticket OPS-1`, plain."""
    objects = ", ".join(".".join(dict.fromkeys(parts)) for parts in scope.objects)
    ticket = "" if scope.ticket is None else f", ticket {scope.ticket!r}"
    return f"{scope.name}: {', '.join(scope.verbs)} on {objects}, for {scope.lasts // _SECOND} s{ticket}"


def step_line(what: str, lease: Lease, at: int) -> str:
    """`granted 0198…: robot for ana on shop; for 900 s`, plain."""
    about = _wanted(lease) if lease.pending else _left(lease, at) if lease.end is None else f"it was {lease.end}"
    return f"{what} {lease.id}: {_chain(lease.principal)} on {lease.target}; {about}"


def broken_line(lease: Lease) -> str:
    """Who broke the glass for what, and what became of it; plain."""
    by = "" if lease.broken_by is None else lease.broken_by.id
    end = lease.end.value if lease.end is not None else "not used yet"
    return f"{lease.id}: `{by}` broke the glass for {_chain(lease.principal)} on {lease.target}; {end}"


def show_card(lease: Lease, card: Card | None, at: int) -> None:
    """The card. What nobody could forge stands above what the requester wrote."""
    say(f"[bold]request {quoted(lease.id)}[/]  {quoted(_state(lease))}, {_left(lease, at)}")
    part("who", [quoted(line) for line in _who(lease.principal)])
    if card is None:
        say("[dim]what it would do was erased; do not approve it[/]")
        return
    part("target", [quoted(f"{card.target.name} ({card.target.environment}), by {card.surface}")])
    part("would", [quoted(line) for line in effect_lines(card.effects, card.impact)] or ["nothing that was understood"])
    part("impact", [quoted(line) for line in impact_lines(card.impact)])
    if card.findings:
        part("found", [quoted(finding.message) for finding in card.findings])
    part("asked by", [quoted(f"policy {r.policy}: {r.title}. {r.message}") for r in card.reasons])
    part("lifted by", [quoted(_ways(lease))])
    part("approved", [quoted(_approved(one)) for one in lease.approved_by] or ["nobody yet"])
    part("bound to", [*_bound(lease, card)])
    part("rows", [quoted(line) for line in sample_lines(card.content.samples)])
    part("statement", [quoted(line) for line in _statement(card)])
    part("purpose", [quoted(f"{lease.purpose!r}, says the requester" if lease.purpose else "not stated")])
    if lease.pending:
        say(f"\ninterlock approvals approve {quoted(lease.id)} --as NAME")


def _bound(lease: Lease, card: Card) -> Iterator[str]:
    """What the approval is good for. Where the rows themselves are not bound, others could be taken in their place."""
    if not isinstance(lease.scope, OneCommand):
        yield _FOR_A_WHILE
        return
    yield "this text, its parameters and settings, who asks, this policy"
    content = card.content
    if lease.scope.content:
        yield quoted(f"the very rows, by their keys: {', '.join(map(str, content.keyed))}")
    if content.counted or not lease.scope.content:
        where = f" in {', '.join(map(str, content.counted))}" if content.counted else ""
        yield f"[bold]count only[/]: other rows{quoted(where)}"


def sample_lines(samples: Iterable[Sample]) -> Iterator[str]:
    """Rows as they are now, a line each; columns that carry a label are not among them."""
    for sample in samples:
        yield f"{sample.verb} {sample.object} ({', '.join(sample.columns)})"
        yield from (f"  {' | '.join(map(_shown, row))}" for row in sample.rows)


def _shown(value: str | None) -> str:
    return "NULL" if value is None else "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)


def _approved(one: Approver) -> str:
    signed = f", signed with {one.key}{f' ({one.presence})' if one.presence else ''}" if one.key else ""
    return f"{one.id} for {one.group}, by {one.proof}{' with a second factor' if one.mfa else ''}{signed}"


def _who(principal: Principal) -> Iterator[str]:
    for at, actor in enumerate(principal.chain()):
        groups = f", in {', '.join(sorted(actor.groups))}" if actor.groups else ""
        yield f"{'on behalf of ' if at else ''}{actor.kind} `{actor.id}`{groups}"


def _chain(principal: Principal) -> str:
    return " for ".join(f"{actor.kind} `{actor.id}`" for actor in principal.chain())


def effect_lines(effects: Sequence[Effect], impact: Impact) -> Iterator[str]:
    """What it would do, a line each: how much by the count where there is one, else by what the text proves."""
    for effect in effects[:_MOST_EFFECTS]:
        labels = effect.object.labels | {label for field in effect.fields or () for label in field.labels}
        about = f"{effect.verb.upper()} {effect.object.kind} {effect.object}: {_amount(effect, impact)}"
        yield about + (f" [{', '.join(sorted(labels))}]" if labels else "")
    if len(effects) > _MOST_EFFECTS:
        yield f"and {len(effects) - _MOST_EFFECTS} more"


def _amount(effect: Effect, impact: Impact) -> str:
    said = _REACHES[effect.reach]
    if impact.basis is not Basis.MEASURED:
        return said
    if effect.verb not in _COUNTED:
        return _NOT_COUNTED if effect.reach is Reach.UNKNOWN else said
    rows = [part.rows for part in impact.touched if (part.verb, part.object) == (effect.verb, effect.object)]
    if None in rows or (not rows and impact.rows is None):
        return said
    counted = _rows(sum(filter(None, rows))) if rows else _NONE
    return f"{said}, {counted}" if effect.reach is Reach.ALL else counted


def impact_lines(impact: Impact) -> Iterator[str]:
    """What was counted, and on which tables."""
    if impact.basis is Basis.UNKNOWN:
        yield "not measured"
        return
    yield f"{_rows(impact.rows)}, {impact.basis}; {_UNDO[impact.reversible]}"
    for touched in impact.touched:
        yield f"{touched.verb} {touched.object}: {_rows(touched.rows)}"


def _rows(rows: int | None) -> str:
    return "an unknown number of rows" if rows is None else f"{rows:,} row{'s' * (rows != 1)}"


def _impact_data(impact: Impact | None) -> dict[str, object] | None:
    if impact is None or impact.basis is Basis.UNKNOWN:
        return None
    touched = [{"object": str(one.object), "verb": one.verb, "rows": one.rows} for one in impact.touched]
    return {"basis": impact.basis, "rows": impact.rows, "reversible": impact.reversible, "touched": touched}


def _statement(card: Card) -> list[str]:
    if card.text is None:
        return [card.shape or "(not understood)", "(values are hidden: it names labelled columns, or may hold secrets)"]
    values = [f"${at} = {'NULL' if value is None else repr(value)}" for at, value in enumerate(card.values, 1)]
    return [card.text, *values]


def _state(lease: Lease) -> str:
    if lease.end is not None:
        return lease.end.value
    return "pending" if lease.pending else "granted"


def _ways(lease: Lease) -> str:
    said = [" and ".join(map(_lift, sorted(way))) for way in lease.scope.ways]
    return "; or ".join(said)


def _lift(lift: str) -> str:
    _, group, count = lift.split(":")
    return f"{count} of {group}"


def _wanted(lease: Lease) -> str:
    if lease.broken_by is not None:
        return f"GLASS BROKEN by {lease.broken_by.id}"
    if not lease.pending:
        return f"approved by {', '.join(one.id for one in lease.approved_by) or 'policy'}"
    return "waits for " + " and ".join(f"{count} of {group}" for group, count in missing(lease))


def _left(lease: Lease, at: int) -> str:
    if lease.end is not None:
        return "over"
    return f"for {max(lease.ends_at - at, 0) // _SECOND} s"

"""The review of access: who could do what, who did, what nobody used, and the narrower policy that would have done."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

from msgspec import Struct

from interlock.app.bundles import known_here, load_judge
from interlock.app.config import Config
from interlock.app.credentials import build_directory
from interlock.app.ledger import ledger_file
from interlock.app.review.reach import Asking, Could
from interlock.app.review.replay import Archive, Replayed, replay
from interlock.intent.sql.catalog.labels import LabelBook
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.ledger.leaf import Kind
from interlock.ledger.reading import Leaf, read_leaf
from interlock.model import Principal, Verb, Verdict
from interlock.policy import Bundle, Judge
from interlock.policy.narrowing import Used, narrowed, uses
from interlock.store.connection import open_for_reading
from interlock.store.leases import lease_of
from interlock.store.reader import Reader

__all__ = ["Line", "Narrower", "Review", "review"]

_KINDS: Final = frozenset({Kind.DECISION, Kind.SETTLEMENT})
_FREE: Final = frozenset({"catalog"})


class Line(Struct, frozen=True, kw_only=True):
    """One principal, verb and object: how policy would decide today, how often it was used, and when last (in
    microseconds since the epoch). `verdict` is None where it was used and nobody may do it any more, or nobody knows
    the object today."""

    who: str
    target: str
    verb: Verb
    object: str
    verdict: Verdict | None
    used: int
    last: int | None

    @property
    def unused(self) -> bool:
        """Whether somebody may, and did not."""
        return self.verdict is Verdict.ALLOW and not self.used


class Narrower(Struct, frozen=True, kw_only=True):
    """A narrower pack by file name, and how it was tried: on all `replayed` decisions of the period.

    `unlike` are records that today's policy does not allow as they are written down, so that they prove nothing;
    `refused` those that it allows and the narrower one would not: a pack with any of these is not to be used.
    """

    files: Mapping[str, str]
    replayed: int
    distinct: int
    unlike: tuple[str, ...]
    refused: tuple[str, ...]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]


class Review(Struct, frozen=True, kw_only=True):
    """A period of one gateway; times in microseconds since the epoch."""

    since: int
    until: int
    lines: tuple[Line, ...]
    narrower: Narrower


def review(config: Config, catalogs: Mapping[str, Catalog], *, since: int, until: int) -> Review:
    """Review what the ledger holds of a period. Raises Fault; a target without a catalogue is reviewed by its use."""
    judge = load_judge(config)
    done = _recorded(config, since, until)
    people = {account.principal for account in build_directory(config, environ=os.environ, entropy=os.urandom)}
    people |= {one.used.case.command.session.principal for one in done}
    could: list[Could] = []
    for name, catalog in catalogs.items():
        target = config.target(name)
        assert target is not None
        asking = Asking(judge=judge, target=target, gateway=config.gateway.id)
        could += asking.could(sorted(people, key=_named), catalog)
    return Review(
        since=since,
        until=until,
        lines=tuple(sorted(_lines(could, done), key=lambda line: (line.who, line.target, line.object, line.verb))),
        narrower=narrow(judge, config, done),
    )


def narrow(judge: Judge, config: Config, done: Sequence[Replayed]) -> Narrower:
    """The narrower pack, tried on everything that it was made of."""
    distinct = {_meaning(one.used): one for one in done}
    alike, unlike = list[Replayed](), list[str]()
    for one in distinct.values():
        if judge.decide_anew(one.used.case, one.used.granted).allowed:
            alike.append(one)
        else:
            unlike.append(one.id)
    of = uses(judge, (one.used for one in alike))
    files = narrowed(judge, of)
    tried = Judge(Bundle.load(files, known_here(config)))
    refused = [one.id for one in alike if not tried.decide_anew(one.used.case, one.used.granted).allowed]
    permits = sorted(rule.id for rule in judge.bundle.rules if not rule.forbids and not rule.shadow)
    return Narrower(
        files=files,
        replayed=len(done),
        distinct=len(distinct),
        unlike=tuple(unlike),
        refused=tuple(refused),
        kept=tuple(name for name in permits if name in of),
        dropped=tuple(name for name in permits if name not in of),
    )


def _recorded(config: Config, since: int, until: int) -> list[Replayed]:
    labels = {name: LabelBook(config.labels_of(name)) for name in config.targets}
    with closing(open_for_reading(ledger_file(config.ledger.path))) as connection:
        reader = Reader(connection)
        archive = Archive(lease=lambda name: lease_of(connection, name), rest=reader.rest, labels=labels)
        return list(replay(list(_period(reader, since, until)), archive))


def _period(reader: Reader, since: int, until: int) -> Iterator[Leaf]:
    for _, raw in reader.leaves(0, reader.head().size):
        leaf = read_leaf(raw)
        if leaf.kind in _KINDS and since <= leaf.ts < until:
            yield leaf


def _meaning(used: Used) -> tuple[object, ...]:
    """Equal for two decisions that differ in nothing a policy could see."""
    case, session = used.case, used.case.command.session
    about = (session.principal, session.target, session.surface, session.gateway, session.purpose)
    return (*about, case.intent.effects, case.intent.findings, case.impact, case.usage, case.leases, used.granted)


def _lines(could: Iterable[Could], done: Iterable[Replayed]) -> Iterator[Line]:
    often, last = Counter[tuple[str, str, Verb, str]](), dict[tuple[str, str, Verb, str], int]()
    for one in done:
        for key in {*_keys(one)}:
            often[key] += 1
            last[key] = max(one.at, last.get(key, 0))
    may = {(_named(one.who), one.target, one.verb, ".".join(one.object)): one.verdict for one in could}
    for key in {*may, *often}:
        who, target, verb, thing = key
        yield Line(
            who=who,
            target=target,
            verb=verb,
            object=thing,
            verdict=may.get(key),
            used=often[key],
            last=last.get(key),
        )


def _keys(one: Replayed) -> Iterator[tuple[str, str, Verb, str]]:
    """What a decision used, and, once it was counted, what it reached besides."""
    case = one.used.case
    session = case.command.session
    touched = [(effect.verb, effect.object) for effect in case.intent.effects]
    touched += [(part.verb, part.object) for part in case.impact.touched]
    for verb, thing in touched:
        if not thing.labels & _FREE and len(thing.path) > 1:
            yield _named(session.principal), session.target.name, verb, ".".join(thing.path[1:])


def _named(principal: Principal) -> str:
    """`robot for ana`."""
    return " for ".join(actor.id for actor in principal.chain())

"""Who could do what: every known principal, verb and object of a target, as the policy in force would decide."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.model import (
    Case,
    Command,
    Effect,
    Field,
    Intent,
    Object,
    ObjectKind,
    Principal,
    Reach,
    Session,
    Target,
    Verb,
    Verdict,
)
from interlock.policy.judge import Judge
from interlock.policy.plan import PROMISED_BY
from interlock.policy.world import resource

_SURFACE: Final = "postgresql"
_OFFERS: Final = frozenset(PROMISED_BY)
_TABLES: Final = frozenset("rvmpf")
ON_ROWS: Final = (Verb.READ, Verb.EXPORT, Verb.CREATE, Verb.CHANGE, Verb.DELETE)
_REACH: Final = Reach.ONE  # the least that anybody could want: what is not allowed for one row is not allowed


class Could(Struct, frozen=True, kw_only=True):
    """One principal, verb and object: `allow`, or `hold` where an approval or a lease would lift it."""

    who: Principal
    target: str
    verb: Verb
    object: tuple[str, ...]
    verdict: Verdict


class Asking(Struct, frozen=True, kw_only=True):
    """What is asked about one target."""

    judge: Judge
    target: Target
    gateway: str

    def could(self, people: Iterable[Principal], catalog: Catalog) -> Iterator[Could]:
        """Everything that is allowed or held, denials left out."""
        effects = [*_effects(catalog)]
        for who in people:
            known: dict[object, Verdict] = {}
            for effect in effects:
                key = self._class_of(effect)
                if key not in known:
                    known[key] = self._verdict(who, effect)
                if known[key] is not Verdict.DENY:
                    path = effect.object.path
                    yield Could(who=who, target=path[0], verb=effect.verb, object=path[1:], verdict=known[key])

    def _class_of(self, effect: Effect) -> object:
        """Objects that no policy tells apart are asked about once."""
        thing = resource(effect.object, self.target)
        fields = None if effect.fields is None else frozenset(field.labels for field in effect.fields)
        named = thing.uid if self.judge.names(thing.uid) else None
        return effect.verb, effect.object.kind, named, thing.parents, fields

    def _verdict(self, who: Principal, effect: Effect) -> Verdict:
        session = Session(
            id="review",
            principal=who,
            target=self.target,
            gateway=self.gateway,
            surface=_SURFACE,
            purpose=None,
            opened_at=0,
        )
        intent = Intent(effects=(effect,), returns=None, findings=(), understood=True, shape="", fingerprint="")
        command = Command(id="review", session=session, language=_SURFACE, text="", unit="review", received_at=0)
        return self.judge.decide(Case(command=command, intent=intent, offers=_OFFERS, at=0)).verdict


def _effects(catalog: Catalog) -> Iterator[Effect]:
    for relation in catalog.all_relations():
        if relation.kind in _TABLES:
            for verb in ON_ROWS:
                yield Effect(verb=verb, object=relation.object, reach=_REACH, fields=_open(relation))
    for name, overloads in catalog.functions.items():
        for schema in sorted({one.schema for one in overloads}):
            thing = Object(kind=ObjectKind.FUNCTION, path=(catalog.target, schema, name))
            yield Effect(verb=Verb.EXECUTE, object=thing, reach=_REACH)


def _open(relation: Relation) -> tuple[Field, ...]:
    """The columns that carry no label; of a table that has no other, all."""
    fields = tuple(relation.fields.values())
    return tuple(field for field in fields if not field.labels) or fields

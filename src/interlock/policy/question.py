"""A case as the questions Cedar is asked: one for each effect, each class of columns and each accountable actor."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from interlock.model import Basis, Case, Effect, Finding, Impact, Object, ObjectKind, Principal, Reach, Target, Verb
from interlock.policy.schema import REVEAL
from interlock.policy.world import CATALOG, SENSITIVE, UNCLASSIFIED, Resource, Uid, columns, resource, with_parents

_READING: Final = frozenset({Verb.READ, Verb.EXPORT})
# The target's own columns can be read through RETURNING, ON CONFLICT and predicates (threats.md 14).
_REVEALING: Final = _READING | {Verb.CHANGE, Verb.DELETE}
_WITH_COLUMNS: Final = frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.UNKNOWN})
_CONTENT: Final = frozenset({Verb.CREATE, Verb.CHANGE, Verb.DELETE})
_WRITING: Final = _CONTENT | frozenset({Verb.DESTROY, Verb.CONFIGURE, Verb.GRANT})


class Question(Struct, frozen=True, kw_only=True):
    """May `actor` do `verb` to `resource`? `labels` are those of the fields touched, with their parents; `own` the
    labels of the class of columns that a `reveal` is about; `alike` other objects no policy can tell from this one.
    `puzzle` marks the question that stands for a command nobody understood."""

    verb: str
    actor: Principal
    resource: Resource
    reach: Reach
    findings: tuple[Finding, ...]
    labels: frozenset[str]
    here: int | None
    own: frozenset[str] = frozenset()
    alike: tuple[str, ...] = ()
    puzzle: bool = False

    @property
    def codes(self) -> frozenset[str]:
        """The finding codes, as policies see them."""
        return frozenset(finding.code.value for finding in self.findings)

    def shown(self) -> str:
        """The objects for people: the first three by name, then how many more."""
        names = [self.resource.shown, *self.alike]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return ", ".join(f"`{name}`" for name in names[:3]) + more


def writes(effects: tuple[Effect, ...]) -> bool:
    """Whether anything but reading, running code and harmless settings is intended: such a command cannot be
    confined to a read-only transaction."""
    return any(effect.verb in _WRITING and effect.object.kind is not ObjectKind.SETTING for effect in effects)


def effects_of(case: Case) -> tuple[Effect, ...]:
    """Intended effects, then those that were observed without being intended: triggers and cascades reach
    tables no statement names (threats.md 5)."""
    intended = {(effect.verb, effect.object.path) for effect in case.intent.effects}
    observed = tuple(
        Effect(verb=part.verb, object=part.object, reach=Reach.UNKNOWN)
        for part in case.impact.touched
        if (part.verb, part.object.path) not in intended
    )
    return case.intent.effects + observed


def questions(case: Case, mentioned: frozenset[Uid]) -> tuple[Question, ...]:
    """Everything that must be permitted for `case` to be. `mentioned` are the entities policies name: objects that
    differ in nothing a policy could see are asked about once."""
    merged: dict[object, Question] = {}
    for actor in case.command.session.principal.chain():
        for question in _of_actor(case, actor):
            key = _class_of(question, mentioned)
            first = merged.get(key)
            if first is None:
                merged[key] = question
            elif question.resource.shown not in (first.resource.shown, *first.alike):
                merged[key] = _join(first, question)
    return tuple(merged.values())


def apart(case: Case) -> tuple[Question, ...]:
    """The same, each object for itself."""
    return tuple(question for actor in case.command.session.principal.chain() for question in _of_actor(case, actor))


def _of_actor(case: Case, actor: Principal) -> Iterator[Question]:
    target = case.command.session.target
    for effect in effects_of(case) or _of_nothing(case, target):
        thing = resource(effect.object, target)
        question = Question(
            verb=effect.verb.value,
            actor=actor,
            resource=thing,
            reach=effect.reach,
            findings=case.intent.findings + effect.findings,
            labels=_field_labels(effect, thing),
            here=_rows_here(case.impact, effect),
        )
        yield question
        for own in sorted(_column_classes(effect), key=sorted):
            yield _reveal(question, own)
    if not case.intent.understood:
        yield _puzzle(case, actor, target)


def _of_nothing(case: Case, target: Target) -> tuple[Effect, ...]:
    """A command that touches nothing is nobody's business, unless something about it was noticed."""
    if not case.intent.findings or not case.intent.understood:
        return ()
    whole = Object(kind=ObjectKind.TARGET, path=(target.name,))
    return (Effect(verb=Verb.READ, object=whole, reach=Reach.UNKNOWN),)


def _reveal(about: Question, own: frozenset[str]) -> Question:
    return Question(
        verb=REVEAL,
        actor=about.actor,
        resource=columns(about.resource, own),
        reach=about.reach,
        findings=about.findings,
        labels=with_parents(own),
        here=None,
        own=own,
    )


def _puzzle(case: Case, actor: Principal, target: Target) -> Question:
    thing = Object(kind=ObjectKind.UNKNOWN, path=(target.name,), known=False)
    return Question(
        verb=Verb.EXECUTE.value,
        actor=actor,
        resource=resource(thing, target),
        reach=Reach.UNKNOWN,
        findings=case.intent.all_findings(),
        labels=frozenset(),
        here=None,
        puzzle=True,
    )


def _column_classes(effect: Effect) -> frozenset[frozenset[str]]:
    """The label sets among the columns an effect may show; columns nobody named are unclassified, except those of
    the catalogue, which is public to everyone who may connect."""
    if effect.verb not in _REVEALING:
        return frozenset()
    if effect.fields is not None:
        return frozenset(field.labels for field in effect.fields)
    if effect.object.kind not in _WITH_COLUMNS:
        return frozenset()
    return frozenset({frozenset() if CATALOG in effect.object.labels else frozenset({UNCLASSIFIED})})


def _field_labels(effect: Effect, thing: Resource) -> frozenset[str]:
    if effect.fields is None and effect.object.kind in _WITH_COLUMNS and CATALOG not in thing.labels:
        return with_parents(frozenset({UNCLASSIFIED}))
    return with_parents(frozenset(label for field in effect.fields or () for label in field.labels))


def _rows_here(impact: Impact, effect: Effect) -> int | None:
    """Rows this effect touched. Nothing is only known to be nothing when the parts make up the whole."""
    parts = [
        part.rows for part in impact.touched if part.object.path == effect.object.path and part.verb is effect.verb
    ]
    if parts:
        return _sum(parts)
    content = [part.rows for part in impact.touched if part.verb in _CONTENT]
    complete = impact.basis is Basis.MEASURED and impact.rows is not None and impact.rows == _sum(content)
    return 0 if complete and effect.verb not in _READING else None


def _sum(parts: list[int | None]) -> int | None:
    """All of them together; None where one is not known."""
    known = [rows for rows in parts if rows is not None]
    return sum(known) if len(known) == len(parts) else None


def _class_of(question: Question, mentioned: frozenset[Uid]) -> object:
    uid = question.resource.uid
    named = frozenset(parent for parent in question.resource.parents if parent[0] != "Schema" or parent in mentioned)
    return (
        question.verb,
        question.actor,
        uid[0],
        uid if uid in mentioned else None,
        named,
        question.reach,
        question.codes,
        question.labels,
        question.here,
        question.own,
        question.puzzle,
    )


def _join(first: Question, other: Question) -> Question:
    return Question(
        verb=first.verb,
        actor=first.actor,
        resource=first.resource,
        reach=first.reach,
        findings=tuple(dict.fromkeys(first.findings + other.findings)),
        labels=first.labels,
        here=first.here,
        own=first.own,
        alike=(*first.alike, other.resource.shown),
        puzzle=first.puzzle,
    )


def sensitive(labels: frozenset[str]) -> tuple[str, ...]:
    """The sensitive labels among `labels`, most telling first, for messages."""
    return tuple(sorted(labels & (SENSITIVE - {"sensitive"})))

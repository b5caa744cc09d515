"""Principals and objects as Cedar entities, with every ancestor a policy may name."""

import json
from typing import Final
from unicodedata import normalize

from msgspec import Struct

from interlock.model import Object, ObjectKind, Principal, Target
from interlock.model.labels import LABEL_PARENTS as LABEL_PARENTS, SENSITIVE as SENSITIVE, UNCLASSIFIED as UNCLASSIFIED
from interlock.policy.schema import COLUMNS, PRINCIPAL_TYPES, RESOURCE_TYPES
from interlock.policy.tree import Json

Uid = tuple[str, str]

# What is not listed here counts as production: a mistyped or unheard-of environment must not escape its rules.
LESSER_ENVIRONMENTS: Final[dict[str, tuple[str, ...]]] = {
    "dev": (),
    "development": ("dev",),
    "local": ("dev",),
    "sandbox": ("dev",),
    "test": (),
    "testing": ("test",),
    "ci": ("test",),
    "staging": (),
}
STRICTEST_ENVIRONMENT: Final = "prod"
CATALOG: Final = "catalog"  # what a target says about itself

_SCHEMA_MEMBERS: Final = frozenset(
    {
        ObjectKind.TABLE,
        ObjectKind.VIEW,
        ObjectKind.INDEX,
        ObjectKind.SEQUENCE,
        ObjectKind.FUNCTION,
        ObjectKind.TYPE,
        ObjectKind.DEFINITION,
        ObjectKind.UNKNOWN,
    }
)


class Resource(Struct, frozen=True, kw_only=True):
    """One entity a question can be about. `given` are the labels that it or what holds it carries, `labels` these
    and everything they are a kind of; `shown` is its name for people."""

    uid: Uid
    parents: tuple[Uid, ...]
    given: frozenset[str]
    labels: frozenset[str]
    shown: str


def environments(target: Target) -> frozenset[str]:
    """The environment of a target and all it counts as."""
    parents = LESSER_ENVIRONMENTS.get(target.environment, (STRICTEST_ENVIRONMENT,))
    return frozenset({target.environment, *parents})


def with_parents(labels: frozenset[str]) -> frozenset[str]:
    """Labels and everything they are a kind of."""
    return labels.union(*(LABEL_PARENTS.get(label, ()) for label in labels))


def resource(thing: Object, target: Target) -> Resource:
    """The entity for an object; one the catalogue does not know gets the strictest parents as well as its own,
    because a forbid on an environment or a label would silently not match it otherwise."""
    given = thing.labels | target.labels
    within = environments(target)
    if not thing.known:
        given |= {UNCLASSIFIED}
        within |= {STRICTEST_ENVIRONMENT}
    labels = with_parents(given)
    uid = (RESOURCE_TYPES[thing.kind], entity_id(thing.path))
    above = [("Environment", name) for name in sorted(within)] + [("Label", name) for name in sorted(labels)]
    if thing.kind is not ObjectKind.TARGET:
        above.append(("Target", entity_id((target.name,))))
    if thing.kind in _SCHEMA_MEMBERS and len(thing.path) > 2:
        above.append(("Schema", entity_id(thing.path[:2])))
    return Resource(uid=uid, parents=tuple(above), given=given, labels=labels, shown=str(thing))


def columns(whole: Resource, own: frozenset[str]) -> Resource:
    """The columns of `whole` that carry exactly the labels `own`; what labels the whole labels each of them."""
    labels = with_parents(own)
    parents = (*whole.parents, *(("Label", name) for name in sorted(labels - whole.labels)))
    return Resource(
        uid=(COLUMNS, f"{whole.uid[1]}#{'+'.join(sorted(own))}"),
        parents=parents,
        given=own | whole.given,
        labels=labels | whole.labels,
        shown=whole.shown,
    )


def entity_id(path: tuple[str, ...]) -> str:
    """A path as one NFC-normalised entity id; separators inside a name are escaped, so no two paths collide."""
    return normalize("NFC", "/".join(part.replace("%", "%25").replace("/", "%2F") for part in path))


def principal_uid(actor: Principal) -> Uid:
    """The entity of one actor."""
    return (PRINCIPAL_TYPES[actor.kind], normalize("NFC", actor.id))


def slice_text(actor: Principal, thing: Resource) -> str:
    """The entities one request needs, as Cedar JSON: the actor and the resource, each with all its ancestors."""
    groups = tuple(("Group", normalize("NFC", name)) for name in sorted(actor.groups))
    return json.dumps(
        [
            _entity(principal_uid(actor), {"issuer": actor.issuer}, groups),
            _entity(thing.uid, {}, thing.parents),
        ]
    )


def reference(uid: Uid) -> dict[str, str]:
    """The {type, id} form: text forms would have to be escaped."""
    return {"type": uid[0], "id": uid[1]}


def _entity(uid: Uid, attributes: dict[str, str], parents: tuple[Uid, ...]) -> Json:
    attrs: dict[str, Json] = {**attributes}
    return {"uid": {**reference(uid)}, "attrs": attrs, "parents": [{**reference(parent)} for parent in parents]}

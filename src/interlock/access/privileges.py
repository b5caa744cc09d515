"""What a role must hold on PostgreSQL so that exactly one command can run: its shape, worked out from its effects."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from interlock.intent.sql.catalog.labels import SYSTEM_SCHEMAS
from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.statement import Flow, Statement
from interlock.model import Effect, Intent, Object, ObjectKind, Reach, Verb

TEMPORARY: Final = "pg_temp"
_RELATIONS: Final = frozenset({ObjectKind.TABLE, ObjectKind.VIEW})
_ON_ROWS: Final = {
    Verb.READ: "SELECT",
    Verb.EXPORT: "SELECT",
    Verb.CREATE: "INSERT",
    Verb.CHANGE: "UPDATE",
    Verb.DELETE: "DELETE",
}
_BY_COLUMN: Final = frozenset({"SELECT", "INSERT", "UPDATE"})
_ON_SEQUENCES: Final = {Verb.READ: "SELECT", Verb.CHANGE: "USAGE"}  # nextval and currval; setval wants UPDATE
# They steer the session or its transaction, and touch nothing that anybody is granted.
_NEEDS_NOTHING: Final = frozenset(
    {
        Flow.BEGIN, Flow.COMMIT, Flow.ROLLBACK, Flow.SAVEPOINT, Flow.RELEASE, Flow.ROLLBACK_TO, Flow.CONSTRAINTS,
        Flow.SET, Flow.RESET, Flow.SHOW, Flow.DISCARD, Flow.DEALLOCATE, Flow.CLOSE,
        Flow.NOTIFY, Flow.LISTEN, Flow.UNLISTEN,
    }
)  # fmt: skip


class Privilege(Struct, frozen=True, kw_only=True, order=True):
    """One GRANT: `right` on `what` ("TABLE", "SEQUENCE", "ROUTINE", "SCHEMA", "DATABASE") `on` a path of names.

    `columns` are those of a table that it is for, () for all of it; `arguments` those of a routine, as
    pg_get_function_identity_arguments writes them.
    """

    right: str
    what: str
    on: tuple[str, ...]
    columns: tuple[str, ...] = ()
    arguments: str = ""

    def __str__(self) -> str:
        columns = f" ({', '.join(map(quote, self.columns))})" if self.columns else ""
        arguments = f"({self.arguments})" if self.what == "ROUTINE" else ""
        return f"{self.right}{columns} ON {self.what} {'.'.join(map(quote, self.on))}{arguments}"


class Shape(Struct, frozen=True, kw_only=True):
    """What a command needs. With `owner` that cannot be known, or is ownership: it runs as the target's owner role.

    `inside` is False for what cannot run inside a transaction. `stays` marks what would give somebody privileges that
    outlast it. `lasting` is that of a lease, and is not taken back when a command ends.
    """

    privileges: frozenset[Privilege] = frozenset()
    owner: bool = False
    inside: bool = True
    stays: bool = False
    lasting: bool = False

    def __bool__(self) -> bool:
        return self.owner or bool(self.privileges)

    @property
    def digest(self) -> str:
        """Equal for equal privileges, whatever command they are for."""
        text = "\n".join(map(str, sorted(self.privileges)))
        return blake2b(text.encode(), digest_size=8).hexdigest()


def shape_of(intent: Intent, statement: Statement | None, catalog: Catalog) -> Shape:
    """The shape of a command by the catalogue that it was read by. `statement` is None where it is only parsed."""
    running = statement.inner or statement if statement is not None else None
    inside = running is None or running.transactional
    if statement is not None and statement.flow in _NEEDS_NOTHING:
        return Shape()
    stays = any(effect.verb is Verb.GRANT for effect in intent.effects)
    if stays or not intent.understood:
        return Shape(owner=True, inside=inside, stays=stays)
    truncates = running is not None and running.node == "TruncateStmt"
    found: set[Privilege] = set()
    for effect in intent.effects:
        needed = _needed(effect, catalog, truncates=truncates)
        if needed is None:
            return Shape(owner=True, inside=inside)
        found.update(needed)
    return Shape(privileges=frozenset(found), inside=inside)


def quote(name: str) -> str:
    """An SQL identifier, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def _needed(effect: Effect, catalog: Catalog, *, truncates: bool) -> Iterable[Privilege] | None:
    """The privileges of one effect; None where it takes ownership, or more than can be known."""
    object_ = effect.object
    path = object_.path[1:]
    if path[:1] == (TEMPORARY,):
        # What is in it belongs to the login itself; making something there takes TEMPORARY on the database.
        return (Privilege(right="TEMPORARY", what="DATABASE", on=(catalog.database,)),)
    if path and path[0] in SYSTEM_SCHEMAS and effect.verb in {Verb.READ, Verb.EXECUTE}:
        return ()  # what everybody may see; what needs more the server refuses
    if object_.kind is ObjectKind.TARGET and effect.verb is Verb.READ:
        return ()
    if not object_.known:
        return None
    if object_.kind in _RELATIONS and effect.verb in _ON_ROWS:
        return _on_relation(effect, catalog.relation(*path), truncates=truncates)
    if object_.kind is ObjectKind.SEQUENCE and effect.verb in _ON_SEQUENCES:
        return _on_sequence(effect, object_)
    if object_.kind is ObjectKind.FUNCTION and effect.verb is Verb.EXECUTE:
        return _on_routine(effect, catalog)
    return None


def _on_relation(effect: Effect, relation: Relation | None, *, truncates: bool) -> list[Privilege] | None:
    if relation is None:
        return None
    right = "TRUNCATE" if truncates and effect.verb is Verb.DELETE else _ON_ROWS[effect.verb]
    columns = _columns(effect, relation) if right in _BY_COLUMN else ()
    on = (relation.schema, relation.name)
    return [Privilege(right=right, what="TABLE", on=on, columns=columns), _usage(relation.schema)]


def _columns(effect: Effect, relation: Relation) -> tuple[str, ...]:
    if effect.fields is None or not relation.columns:
        return ()
    named = tuple(sorted({field.name for field in effect.fields} & relation.fields.keys()))
    # Counting or locking rows names no column; PostgreSQL asks for the privilege on any one of them.
    return named or (relation.columns[0].name,)


def _on_sequence(effect: Effect, object_: Object) -> list[Privilege] | None:
    schema, name = object_.path[1:3]
    right = _ON_SEQUENCES[effect.verb]
    return [Privilege(right=right, what="SEQUENCE", on=(schema, name)), _usage(schema)]


def _on_routine(effect: Effect, catalog: Catalog) -> list[Privilege] | None:
    schema, name = effect.object.path[1:3]
    known = [one for one in catalog.functions.get(name, ()) if one.schema == schema]
    lent = bool(known) and all(one.definer for one in known)  # it runs with its owner's rights, not the caller's
    if not known or (effect.reach is Reach.UNKNOWN and not lent):
        return None
    return [_usage(schema), *_executes(schema, name, (one.arguments for one in known))]


def _executes(schema: str, name: str, overloads: Iterable[str]) -> Iterator[Privilege]:
    for arguments in overloads:
        yield Privilege(right="EXECUTE", what="ROUTINE", on=(schema, name), arguments=arguments)


def _usage(schema: str) -> Privilege:
    return Privilege(right="USAGE", what="SCHEMA", on=(schema,))

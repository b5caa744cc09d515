"""ALTER: structure that changes, by allow-list of sub-types; what takes data or protection away is told apart."""

from collections.abc import Callable

from interlock.intent.sql.cascade import Cascade
from interlock.intent.sql.definitions import constraint, definition, event_triggers
from interlock.intent.sql.drop import named_object, qualified_name
from interlock.intent.sql.expressions import walk
from interlock.intent.sql.names import Level
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.relation import Relation
from interlock.intent.sql.select import add_relation
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, unwrap, word, words
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb

_ADDS = words(
    """AT_AddColumn AT_ColumnDefault AT_DropNotNull AT_SetNotNull AT_SetStatistics AT_SetOptions AT_ResetOptions
    AT_SetStorage AT_SetCompression AT_AddConstraint AT_ValidateConstraint AT_AddIndexConstraint AT_AlterConstraint
    AT_AddIdentity AT_SetIdentity AT_DropIdentity AT_ClusterOn AT_DropCluster AT_SetRelOptions AT_ResetRelOptions
    AT_ReplicaIdentity AT_EnableTrig AT_EnableTrigAll AT_EnableTrigUser AT_EnableRowSecurity AT_ForceRowSecurity
    AT_SetLogged AT_SetExpression AT_DropExpression"""
)
_DESTROYS = words("AT_DropColumn AT_DropConstraint")
# Rewrites of every row under ACCESS EXCLUSIVE: how much they touch is the whole table.
_REWRITES = words("AT_AlterColumnType AT_SetLogged AT_SetUnLogged AT_SetAccessMethod AT_SetTableSpace")
# They take a protection away that others rely on: refused by name until a policy can ask for it (issue: full meaning).
_UNPROTECTS = {
    "AT_DisableTrig": "it switches a trigger off",
    "AT_DisableTrigAll": "it switches triggers and foreign keys off",
    "AT_DisableTrigUser": "it switches triggers off",
    "AT_DisableRule": "it switches a rule off",
    "AT_DisableRowSecurity": "it shows rows that a policy hides",
    "AT_NoForceRowSecurity": "it shows rows that a policy hides",
    "AT_EnableReplicaTrig": "it changes when a trigger fires",
    "AT_EnableAlwaysTrig": "it changes when a trigger fires",
}
_ATTACHES = words("AT_AttachPartition AT_DetachPartition AT_DetachPartitionFinalize AT_AddInherit AT_DropInherit")


def alter_table(reading: Reading, inner: Node) -> Outputs:
    """ALTER TABLE, VIEW, INDEX, SEQUENCE ...: one effect for each kind of sub-command."""
    holder = node(inner, "relation") or {}
    if flag(inner, "missing_ok") and reading.resolve(word(holder, "schemaname"), word(holder, "relname")) is None:
        reading.note(FindingCode.UNKNOWN_OBJECT, f"`{word(holder, 'relname')}` is not in the catalogue; check its name")
    relation, object_ = reading.named(holder)
    reading.ddl = reading.writes = True
    event_triggers(reading)
    level = Level(None)
    range_ = add_relation(reading, level, holder, written=True)
    for wrapped in nodes(inner, "cmds"):
        _command(reading, level, relation, object_, body(wrapped, "AlterTableCmd") or {})
    if range_.gathered is not None:
        range_.gathered.reach = Reach.UNKNOWN
    return []


def _command(reading: Reading, level: Level, relation: Relation | None, object_: Object, command: Node) -> None:
    subtype = word(command, "subtype") or "AT_AddColumn"
    column = word(command, "name")
    kind, inner = unwrap(node(command, "def"))
    if subtype in _DESTROYS:
        known = relation is not None and column in relation.fields
        reading.add(Verb.DESTROY, object_, Reach.ALL, fields=(column,) if known else (), relation=relation)
        if subtype == "AT_DropConstraint":
            _unrefer(reading, relation, column)
        if word(command, "behavior") == "DROP_CASCADE":
            _cascade(reading, object_)
            if known and relation is not None:
                Cascade(reading).column(relation, column)
    elif subtype in _REWRITES:
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, fields=(column,) if column else (), relation=relation)
        reading.add(Verb.CHANGE, object_, Reach.ALL, fields=(column,) if column else None, relation=relation)
    elif subtype in _ADDS:
        reading.add(Verb.CONFIGURE, object_, Reach.ONE, relation=relation)
    elif subtype in _ATTACHES:
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
        _attached(reading, kind, inner)
        return
    elif subtype in _UNPROTECTS:
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
        reading.refuse(FindingCode.NOT_MAPPED, f"`ALTER TABLE {subtype[3:]}` is refused: {_UNPROTECTS[subtype]}")
    elif subtype == "AT_ChangeOwner":
        reading.add(Verb.GRANT, object_, Reach.ALL, relation=relation)
    else:
        reading.unmapped(f"ALTER TABLE {subtype[3:]}")
    _defined(reading, level, kind, inner)


def _defined(reading: Reading, level: Level, kind: str, inner: Node) -> None:
    """What the sub-command defines: a column, a constraint, a default."""
    if kind == "ColumnDef":
        definition(reading, level, inner)
    elif kind == "Constraint":
        constraint(reading, level, inner)
    elif kind and kind not in _OPTIONS:
        walk(reading, level, {kind: inner})


_OPTIONS = words("List Integer String Float RoleSpec ReplicaIdentityStmt DefElem ATAlterConstraint PartitionCmd")


def _attached(reading: Reading, kind: str, inner: Node) -> None:
    holder = (node(inner, "name") or {}) if kind == "PartitionCmd" else inner
    relation, object_ = reading.named(holder)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    bound = node(inner, "bound")
    if bound is not None:
        walk(reading, None, [bound.get(key) for key in ("listdatums", "lowerdatums", "upperdatums")])


def _cascade(reading: Reading, object_: Object) -> None:
    message = f"CASCADE drops whatever depends on `{object_}`"
    reading.note(FindingCode.CASCADES, message)


def _unrefer(reading: Reading, relation: Relation | None, name: str) -> None:
    """Dropping a foreign key takes the strongest lock on the table it refers to: its triggers stand there."""
    for key in relation.outgoing if relation is not None else ():
        parent = relation.family.get(key.parent) if relation is not None else None
        if key.name == name and parent is not None:
            reading.add(Verb.CONFIGURE, parent.object, Reach.ONE, relation=parent)


def rename(reading: Reading, inner: Node) -> Outputs:
    """RENAME: whoever uses the old name is left without it."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    _configure_named(reading, inner, word(inner, "renameType"))
    return []


def set_schema(reading: Reading, inner: Node) -> Outputs:
    """SET SCHEMA moves an object: both schemas change."""
    rename(reading, {**inner, "renameType": inner.get("objectType", "")})
    reading.add(Verb.CONFIGURE, reading.schema_object(word(inner, "newschema")), Reach.ONE)
    return []


def change_owner(reading: Reading, inner: Node) -> Outputs:
    """OWNER TO hands over every right on an object."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    object_ = named_object(reading, word(inner, "objectType"), qualified_name(node(inner, "object") or {}))
    reading.add(Verb.GRANT, object_, Reach.ALL)
    return []


def _configure_named(reading: Reading, inner: Node, kind: str) -> None:
    holder = node(inner, "relation")
    if holder is not None:
        relation, object_ = reading.named(holder)
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
        return
    wrapped = node(inner, "object") or {}
    qualified = qualified_name(wrapped) or ((word(inner, "subname"),) if word(inner, "subname") else ())
    if kind == "OBJECT_DATABASE":
        reading.add(Verb.CONFIGURE, reading.object(ObjectKind.TARGET), Reach.ALL)
    elif kind == "OBJECT_ROLE":
        reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, *qualified), Reach.ALL)
    else:
        reading.add(Verb.CONFIGURE, named_object(reading, kind, qualified), Reach.ALL)


def alter_sequence(reading: Reading, inner: Node) -> Outputs:
    """ALTER SEQUENCE moves or reshapes a sequence."""
    holder = node(inner, "sequence") or {}
    relation, object_ = reading.named(holder)
    reading.ddl = reading.writes = True
    event_triggers(reading)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    return []


def alter_enum(reading: Reading, inner: Node) -> Outputs:
    """ALTER TYPE ... ADD VALUE."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_TYPE", names(inner, "typeName")), Reach.ONE)
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "AlterTableStmt": alter_table,
    "RenameStmt": rename,
    "AlterObjectSchemaStmt": set_schema,
    "AlterOwnerStmt": change_owner,
    "AlterSeqStmt": alter_sequence,
    "AlterEnumStmt": alter_enum,
}

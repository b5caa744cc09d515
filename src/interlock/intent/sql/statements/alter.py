"""ALTER: structure that changes, by allow-list of sub-types; what takes data or protection away is told apart."""

from collections.abc import Callable

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.code.planted import changes_structure, options, outside_transaction
from interlock.intent.sql.queries.expressions import walk
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.queries.unasked import type_name
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.refusals import refuse_by_name
from interlock.intent.sql.statements.cascade import Cascade, unrefer
from interlock.intent.sql.statements.definitions import code_kept, constraint, definition
from interlock.intent.sql.statements.objects import PARTS, TYPES, named_object, object_of, qualified_name
from interlock.intent.sql.statements.select import add_relation
from interlock.intent.sql.statements.standing import text_of
from interlock.intent.sql.tree import Node, body, flag, node, nodes, unwrap, word, words
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb

_Change = tuple[Verb, Reach]
_ADDS: _Change = (Verb.CONFIGURE, Reach.ONE)
_STEERS: _Change = (Verb.CONFIGURE, Reach.ALL)
_LOSES: _Change = (Verb.DESTROY, Reach.ALL)
_REWRITES: _Change = (Verb.CHANGE, Reach.ALL)  # every row anew, under ACCESS EXCLUSIVE
_OWNS: _Change = (Verb.GRANT, Reach.ALL)
# Every sub-command of ALTER TABLE and its kin that a text can hold.
SUBTYPES: dict[str, _Change] = {
    **dict.fromkeys(
        words(
            """AT_AddColumn AT_ColumnDefault AT_SetNotNull AT_SetStatistics AT_SetOptions AT_ResetOptions AT_SetStorage
            AT_SetCompression AT_AddConstraint AT_ValidateConstraint AT_AddIndexConstraint AT_AlterConstraint
            AT_AddIdentity AT_SetIdentity AT_ClusterOn AT_DropCluster AT_SetRelOptions AT_ResetRelOptions
            AT_EnableTrig AT_EnableTrigAll AT_EnableTrigUser AT_EnableRowSecurity AT_ForceRowSecurity AT_EnableRule
            AT_AddOf AT_DropOf AT_DropOids"""
        ),
        _ADDS,
    ),
    **dict.fromkeys(
        words(
            """AT_AttachPartition AT_DetachPartition AT_DetachPartitionFinalize AT_AddInherit AT_DropInherit
            AT_ReplicaIdentity AT_EnableAlwaysTrig AT_EnableAlwaysRule AT_GenericOptions AT_AlterColumnGenericOptions
            AT_DropExpression AT_DropIdentity"""
        ),
        _STEERS,
    ),
    **dict.fromkeys(words("AT_DropColumn AT_DropConstraint"), _LOSES),
    **dict.fromkeys(
        words("AT_AlterColumnType AT_SetExpression AT_SetLogged AT_SetUnLogged AT_SetAccessMethod AT_SetTableSpace"),
        _REWRITES,
    ),
    "AT_ChangeOwner": _OWNS,
}
# What these take away, others relied on.
UNPROTECTS = {
    "AT_DropNotNull": "NULL is let in",
    "AT_DisableTrig": "the trigger no longer runs",
    "AT_DisableTrigAll": "no trigger and no foreign key is checked any more",
    "AT_DisableTrigUser": "no trigger runs any more",
    "AT_EnableReplicaTrig": "the trigger runs for replication only",
    "AT_DisableRule": "the rule no longer holds",
    "AT_EnableReplicaRule": "the rule holds for replication only",
    "AT_DisableRowSecurity": "rows that a policy hides are shown",
    "AT_NoForceRowSecurity": "its owner sees rows that a policy hides",
}
_SHOWS = frozenset({"AT_DisableRowSecurity", "AT_NoForceRowSecurity"})
_ATTACHES = words("AT_AttachPartition AT_DetachPartition AT_DetachPartitionFinalize AT_AddInherit AT_DropInherit")
_LOOKS_THROUGH = words("AT_ValidateConstraint AT_AttachPartition")
_GUARDS_OF_VIEWS = words("security_invoker security_barrier check_option")
_OPTIONS = words("List Integer String Float RoleSpec ReplicaIdentityStmt DefElem ATAlterConstraint PartitionCmd")


def alter_table(reading: Reading, inner: Node) -> Outputs:
    """ALTER TABLE, VIEW, INDEX, SEQUENCE, TYPE ...: one effect for each kind of sub-command."""
    holder = node(inner, "relation") or {}
    changes_structure(reading)
    if word(inner, "objtype") == "OBJECT_TYPE":
        object_ = object_of(reading, "OBJECT_TYPE", {"RangeVar": holder})
        for wrapped in nodes(inner, "cmds"):
            _command(reading, Level(None), None, object_, body(wrapped, "AlterTableCmd") or {})
        return []
    if flag(inner, "missing_ok") and reading.resolve(word(holder, "schemaname"), word(holder, "relname")) is None:
        reading.note(FindingCode.UNKNOWN_OBJECT, f"`{word(holder, 'relname')}` is not in the catalogue; check its name")
    relation, object_ = reading.named(holder)
    level = Level(None)
    range_ = add_relation(reading, level, holder, written=True)
    for wrapped in nodes(inner, "cmds"):
        _command(reading, level, relation, object_, body(wrapped, "AlterTableCmd") or {})
    if range_.gathered is not None:
        range_.gathered.reach = Reach.UNKNOWN
    return []


def _command(reading: Reading, level: Level, relation: Relation | None, object_: Object, command: Node) -> None:
    subtype, column = word(command, "subtype"), word(command, "name")
    kind, inner = unwrap(node(command, "def"))
    if subtype in UNPROTECTS:
        unprotect(reading, object_, relation, UNPROTECTS[subtype], shows=subtype in _SHOWS)
        return
    change = SUBTYPES.get(subtype)
    if change is None:
        refuse_by_name(reading, subtype)
        return
    known = relation is not None and column in relation.fields
    if change == _REWRITES:
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, fields=(column,) if known else (), relation=relation)
        if object_.kind is not ObjectKind.INDEX:
            reading.add(Verb.CHANGE, object_, Reach.ALL, fields=(column,) if known else None, relation=relation)
    else:
        lost = (column,) if known and change == _LOSES else ()
        reading.add(change[0], object_, change[1], fields=lost, relation=relation)
    if subtype == "AT_DropConstraint":
        unprotect(reading, object_, relation, f"`{column}` is no longer checked")
        unrefer(reading, relation, named=column)
    if subtype == "AT_DropColumn":
        unrefer(reading, relation, column=column)
    if change == _LOSES and word(command, "behavior") == "DROP_CASCADE":
        reading.note(FindingCode.CASCADES, f"CASCADE drops whatever depends on `{object_}`")
        if known and relation is not None:
            Cascade(reading).column(relation, column)
    _weakened(reading, object_, relation, kind, inner)
    if change == _REWRITES or subtype in _LOOKS_THROUGH or "constraints" in inner:
        _stored_code(reading, relation)
    if subtype in _ATTACHES:
        _attached(reading, kind, inner)
    else:
        _defined(reading, level, kind, inner)


def _stored_code(reading: Reading, relation: Relation | None) -> None:
    """Rows that are written anew, or looked through, run what stands in checks, defaults and indexes of the table."""
    for below in relation.descendants() if relation is not None else ():
        for by, schema, name in below.code:
            if by in {"check", "default", "index"}:
                reading.user_code(schema, name, f"a {by} of `{below.name}`")


def unprotect(
    reading: Reading, object_: Object, relation: Relation | None, message: str, *, shows: bool = False
) -> None:
    """What guarded an object goes: DESTROY of one of its parts; where rows come to light it is a GRANT as well."""
    finding = reading.finding(FindingCode.UNPROTECTS, f"`{object_}`: {message}")
    reading.add(Verb.DESTROY, object_, Reach.ONE, finding, relation=relation)
    if shows:
        reading.add(Verb.GRANT, object_, Reach.ALL, finding, relation=relation)


def _weakened(reading: Reading, object_: Object, relation: Relation | None, kind: str, inner: Node) -> None:
    """Options that stop a view or a constraint from guarding."""
    if kind == "ATAlterConstraint" and flag(inner, "alterEnforceability") and not flag(inner, "is_enforced"):
        unprotect(reading, object_, relation, f"`{word(inner, 'conname')}` is no longer checked")
        unrefer(reading, relation, named=word(inner, "conname"))
    if kind != "List" or object_.kind is not ObjectKind.VIEW:
        return
    for name, option in options(inner, "items").items():
        off = "arg" not in option or text_of(node(option, "arg") or {}).lower() in _OFF
        if name in _GUARDS_OF_VIEWS and off:
            unprotect(reading, object_, relation, f"{name} is off", shows=name != "check_option")


_OFF = frozenset({"false", "off", "0", "no"})


def _defined(reading: Reading, level: Level, kind: str, inner: Node) -> None:
    """What the sub-command defines: a column, a constraint, a default."""
    if kind == "ColumnDef":
        definition(reading, level, inner)
    elif kind == "Constraint":
        constraint(reading, level, inner)
    elif kind == "TypeName":
        type_name(reading, inner)
    elif kind and kind not in _OPTIONS:
        before = len(reading.effects())
        walk(reading, level, {kind: inner})
        code_kept(reading, before, "a default")


def _attached(reading: Reading, kind: str, inner: Node) -> None:
    if flag(inner, "concurrent"):
        outside_transaction(reading, "DETACH PARTITION CONCURRENTLY")
    holder = (node(inner, "name") or {}) if kind == "PartitionCmd" else inner
    relation, object_ = reading.named(holder)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    bound = node(inner, "bound")
    if bound is not None:
        walk(reading, None, [bound.get(key) for key in ("listdatums", "lowerdatums", "upperdatums")])


def rename(reading: Reading, inner: Node) -> Outputs:
    """RENAME: whoever uses the old name is left without it."""
    changes_structure(reading)
    _configure_named(reading, inner, word(inner, "renameType"))
    return []


def set_schema(reading: Reading, inner: Node) -> Outputs:
    """SET SCHEMA moves an object: both schemas change."""
    rename(reading, {**inner, "renameType": inner.get("objectType", "")})
    reading.add(Verb.CONFIGURE, reading.schema_object(word(inner, "newschema")), Reach.ONE)
    return []


def _configure_named(reading: Reading, inner: Node, kind: str) -> None:
    holder = node(inner, "relation")
    if holder is not None and kind not in TYPES:
        relation, object_ = reading.named(holder)
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
        return
    if holder is not None:
        reading.add(Verb.CONFIGURE, object_of(reading, kind, {"RangeVar": holder}), Reach.ALL)
        return
    wrapped = node(inner, "object")
    if wrapped is None or kind == "OBJECT_DOMCONSTRAINT":
        qualified = qualified_name(reading, wrapped) if wrapped is not None else (word(inner, "subname"),)
        object_ = named_object(reading, kind, qualified)
    else:
        object_ = object_of(reading, kind, wrapped)
    reading.add(Verb.GRANT if kind == "OBJECT_ROLE" else Verb.CONFIGURE, object_, Reach.ALL)
    if kind == "OBJECT_DATABASE":
        reading.add(Verb.CONFIGURE, reading.object(ObjectKind.TARGET), Reach.ALL)


def depends_on_extension(reading: Reading, inner: Node) -> Outputs:
    """DEPENDS ON EXTENSION: dropping the extension will drop it too."""
    changes_structure(reading)
    holder = node(inner, "relation")
    kind = word(inner, "objectType")
    wrapped = node(inner, "object")
    if kind in PARTS and holder is not None:
        object_ = reading.named(holder)[1]
    else:
        object_ = object_of(reading, kind, {"RangeVar": holder} if holder is not None else wrapped or {})
    reading.add(Verb.CONFIGURE, object_, Reach.ONE)
    if not flag(inner, "remove"):
        extension = word(node(inner, "extname") or {}, "sval")
        reading.note(FindingCode.CASCADES, f"dropping the extension `{extension}` will drop it too")
    return []


def alter_sequence(reading: Reading, inner: Node) -> Outputs:
    """ALTER SEQUENCE moves or reshapes a sequence."""
    holder = node(inner, "sequence") or {}
    relation, object_ = reading.named(holder)
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "AlterTableStmt": alter_table,
    "RenameStmt": rename,
    "AlterObjectSchemaStmt": set_schema,
    "AlterSeqStmt": alter_sequence,
    "AlterObjectDependsStmt": depends_on_extension,
}

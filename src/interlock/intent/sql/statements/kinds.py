"""Types, domains, operators and what values are compared, sorted, searched and converted by."""

from collections.abc import Callable

from interlock.intent.sql.code.planted import (
    attach,
    attach_function,
    attach_options,
    changes_structure,
    created_in,
    options,
)
from interlock.intent.sql.queries.expressions import walk
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.refusals import refuse_by_name
from interlock.intent.sql.statements.definitions import code_kept, constraint, definition
from interlock.intent.sql.statements.objects import named_object, object_of
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, number, word, words
from interlock.model import FindingCode, Object, Reach, Verb

# The options of each kind of DefineStmt that name functions (commands/define.c and its neighbours).
DEFINED = {
    "OBJECT_AGGREGATE": words(
        """sfunc sfunc1 finalfunc combinefunc serialfunc deserialfunc msfunc minvfunc mfinalfunc"""
    ),
    "OBJECT_OPERATOR": words("function procedure restrict join"),
    "OBJECT_TYPE": words("input output receive send typmod_in typmod_out analyze subscript"),
    "OBJECT_TSPARSER": words("start gettoken end headline lextypes"),
    "OBJECT_TSTEMPLATE": words("init lexize"),
    "OBJECT_TSDICTIONARY": frozenset[str](),
    "OBJECT_TSCONFIGURATION": frozenset[str](),
    "OBJECT_COLLATION": frozenset[str](),
}
_RUN_ITSELF = frozenset({"OBJECT_AGGREGATE", "OBJECT_OPERATOR"})
_RANGE_CODE = words("canonical subtype_diff")
_OPERATOR, _FUNCTION = 1, 2  # nodes/parsenodes.h: OPCLASS_ITEM_OPERATOR, OPCLASS_ITEM_FUNCTION


def define(reading: Reading, inner: Node) -> Outputs:
    """CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH ...: something in a schema, and what it calls."""
    kind = word(inner, "kind")
    schema, name = created_in(reading, inner, "defnames")
    if kind not in DEFINED:
        refuse_by_name(reading, kind)
        return []
    what = kind.removeprefix("OBJECT_").lower()
    if kind in _RUN_ITSELF:
        attach(reading, reading.function_object(schema, name), f"a new {what} runs for whoever uses its name")
    attach_options(reading, options(inner, "definition"), DEFINED[kind], f"the {what} `{name}` calls it")
    return []


def create_range(reading: Reading, inner: Node) -> Outputs:
    """CREATE TYPE ... AS RANGE: its functions run for every value."""
    _, name = created_in(reading, inner, "typeName")
    attach_options(reading, options(inner, "params"), _RANGE_CODE, f"every value of `{name}` runs it")
    return []


def create_enum(reading: Reading, inner: Node) -> Outputs:
    """CREATE TYPE ... AS ENUM."""
    created_in(reading, inner, "typeName")
    return []


def create_composite(reading: Reading, inner: Node) -> Outputs:
    """CREATE TYPE ... AS (...)."""
    changes_structure(reading)
    schema = reading.creation_schema(word(node(inner, "typevar") or {}, "schemaname"))
    reading.add(Verb.CONFIGURE, reading.schema_object(schema), Reach.ONE)
    for wrapped in nodes(inner, "coldeflist"):
        definition(reading, None, body(wrapped, "ColumnDef") or {})
    return []


def create_domain(reading: Reading, inner: Node) -> Outputs:
    """CREATE DOMAIN: its checks run wherever a value takes the type."""
    created_in(reading, inner, "domainname")
    before = len(reading.effects())
    for wrapped in nodes(inner, "constraints"):
        constraint(reading, None, body(wrapped, "Constraint") or {})
    code_kept(reading, before, "a domain")
    return []


# commands/tablecmds.h has no names for them: T default, N and O NOT NULL, C and X constraint, V validate.
DOMAIN_CHANGES = frozenset("TNOCXV")
_DOMAIN_LOOKS = frozenset("OCV")  # they read every column of the domain, under a lock
_DOMAIN_LOSES = {"N": "NULL is let in", "X": "a check is gone"}


def alter_domain(reading: Reading, inner: Node) -> Outputs:
    """ALTER DOMAIN: what every column of it takes from now on."""
    changes_structure(reading)
    object_ = named_object(reading, "OBJECT_DOMAIN", names(inner, "typeName"))
    change = word(inner, "subtype")
    if change not in DOMAIN_CHANGES:
        refuse_by_name(reading, f"ALTER DOMAIN {change}")
    if change in _DOMAIN_LOSES:
        finding = reading.finding(FindingCode.UNPROTECTS, f"{_DOMAIN_LOSES[change]} in every column of the domain")
        reading.add(Verb.DESTROY, object_, Reach.ONE, finding)
        return []
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    if change in _DOMAIN_LOOKS:
        _columns_of(reading, object_)
    before = len(reading.effects())
    made = node(inner, "def") or {}
    if (kept := body(made, "Constraint")) is not None:
        constraint(reading, None, kept)
    else:
        walk(reading, None, made)
    code_kept(reading, before, "a domain")
    return []


def _columns_of(reading: Reading, object_: Object) -> None:
    for relation in reading.catalog.all_relations():
        held = [c.name for c in relation.columns if (c.type_schema, c.type) == object_.path[1:]]
        if held and relation.kind in "rpm":
            reading.add(Verb.CONFIGURE, relation.object, Reach.ONE, fields=held, relation=relation)


def alter_enum(reading: Reading, inner: Node) -> Outputs:
    """ALTER TYPE ... ADD VALUE adds; RENAME VALUE changes what every row shows."""
    changes_structure(reading)
    object_ = named_object(reading, "OBJECT_TYPE", names(inner, "typeName"))
    reading.add(Verb.CONFIGURE, object_, Reach.ALL if word(inner, "oldVal") else Reach.ONE)
    return []


def alter_type(reading: Reading, inner: Node) -> Outputs:
    """ALTER TYPE ... SET: other functions read, write and store its values."""
    changes_structure(reading)
    qualified = names(inner, "typeName")
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_TYPE", qualified), Reach.ALL)
    message = f"every value of `{qualified[-1]}` runs it"
    attach_options(reading, options(inner, "options"), DEFINED["OBJECT_TYPE"], message)
    return []


def alter_operator(reading: Reading, inner: Node) -> Outputs:
    """ALTER OPERATOR ... SET: functions that the planner calls for it."""
    changes_structure(reading)
    object_ = object_of(reading, "OBJECT_OPERATOR", {"ObjectWithArgs": node(inner, "opername") or {}})
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    message = f"the planner runs it for every `{object_.path[-1]}`"
    attach_options(reading, options(inner, "options"), DEFINED["OBJECT_OPERATOR"], message)
    return []


def create_operator_class(reading: Reading, inner: Node) -> Outputs:
    """CREATE OPERATOR CLASS: indexes sort and find by its functions."""
    _, name = created_in(reading, inner, "opclassname")
    _items(reading, inner, f"indexes of the class `{name}` run it")
    return []


def create_operator_family(reading: Reading, inner: Node) -> Outputs:
    """CREATE OPERATOR FAMILY: an empty holder."""
    created_in(reading, inner, "opfamilyname")
    return []


def alter_operator_family(reading: Reading, inner: Node) -> Outputs:
    """ALTER OPERATOR FAMILY ADD or DROP: indexes that use it sort by something else, or no longer work."""
    changes_structure(reading)
    object_ = named_object(reading, "OBJECT_OPFAMILY", names(inner, "opfamilyname"))
    if flag(inner, "isDrop"):
        reading.add(Verb.DESTROY, object_, Reach.ONE)
        return []
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    _items(reading, inner, f"indexes of the family `{object_.path[-1]}` run it")
    return []


def _items(reading: Reading, inner: Node, message: str) -> None:
    for wrapped in nodes(inner, "items"):
        item = body(wrapped, "CreateOpClassItem") or {}
        named = names(node(item, "name") or {}, "objname")
        if number(item, "itemtype") == _FUNCTION:
            attach_function(reading, named, message)
        elif number(item, "itemtype") == _OPERATOR and named and named[-1] in reading.catalog.operators:
            attach(reading, named_object(reading, "OBJECT_OPERATOR", named), message)


def create_conversion(reading: Reading, inner: Node) -> Outputs:
    """CREATE CONVERSION: text passes through its function between two encodings."""
    _, name = created_in(reading, inner, "conversion_name")
    attach_function(reading, names(inner, "func_name"), f"text that `{name}` converts passes through it")
    return []


def alter_collation(reading: Reading, inner: Node) -> Outputs:
    """ALTER COLLATION ... REFRESH VERSION: the warning about sorted indexes goes away."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_COLLATION", names(inner, "collname")), Reach.ONE)
    return []


def alter_dictionary(reading: Reading, inner: Node) -> Outputs:
    """ALTER TEXT SEARCH DICTIONARY: words are found by something else."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_TSDICTIONARY", names(inner, "dictname")), Reach.ALL)
    return []


# What each change of a text search configuration does to it.
MAPPINGS = {
    "ALTER_TSCONFIG_ADD_MAPPING": (Verb.CONFIGURE, Reach.ONE),
    "ALTER_TSCONFIG_ALTER_MAPPING_FOR_TOKEN": (Verb.CONFIGURE, Reach.ALL),
    "ALTER_TSCONFIG_REPLACE_DICT": (Verb.CONFIGURE, Reach.ALL),
    "ALTER_TSCONFIG_REPLACE_DICT_FOR_TOKEN": (Verb.CONFIGURE, Reach.ALL),
    "ALTER_TSCONFIG_DROP_MAPPING": (Verb.DESTROY, Reach.ONE),
}


def alter_configuration(reading: Reading, inner: Node) -> Outputs:
    """ALTER TEXT SEARCH CONFIGURATION: which words are found."""
    changes_structure(reading)
    object_ = named_object(reading, "OBJECT_TSCONFIGURATION", names(inner, "cfgname"))
    found = MAPPINGS.get(word(inner, "kind"))
    if found is None:
        refuse_by_name(reading, word(inner, "kind"))
        return []
    reading.add(found[0], object_, found[1])
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "DefineStmt": define,
    "CreateRangeStmt": create_range,
    "CreateEnumStmt": create_enum,
    "CompositeTypeStmt": create_composite,
    "CreateDomainStmt": create_domain,
    "AlterDomainStmt": alter_domain,
    "AlterEnumStmt": alter_enum,
    "AlterTypeStmt": alter_type,
    "AlterOperatorStmt": alter_operator,
    "CreateOpClassStmt": create_operator_class,
    "CreateOpFamilyStmt": create_operator_family,
    "AlterOpFamilyStmt": alter_operator_family,
    "CreateConversionStmt": create_conversion,
    "AlterCollationStmt": alter_collation,
    "AlterTSDictionaryStmt": alter_dictionary,
    "AlterTSConfigurationStmt": alter_configuration,
}

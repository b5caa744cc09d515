"""The iterative walk through expressions: columns, calls, operators, casts, sub-queries; by allow-list of node kinds.

The walk keeps its own stack, so a long or deep expression costs memory in proportion and no Python recursion. Only
a query inside a query recurses, and `Limits.max_depth` bounds that.
"""

from collections.abc import Callable
from typing import Final

from interlock.intent.sql.catalog.rows import Operator
from interlock.intent.sql.code.functions import SET_CONFIG, Danger, callee
from interlock.intent.sql.queries import names as naming
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.queries.set_config import set_config
from interlock.intent.sql.queries.unasked import type_name, unasked
from interlock.intent.sql.reach.counting import MAKING
from interlock.intent.sql.reach.regexes import FUNCTIONS, OPERATORS, refuse_heavy
from interlock.intent.sql.reach.smallness import keyed
from interlock.intent.sql.reach.stalls import GATHERING, gather, make, refuse_gathered, refuse_repeated
from interlock.intent.sql.reading import Outputs, Reading, Source, TooMuch
from interlock.intent.sql.statements.shown import SHOWING
from interlock.intent.sql.tree import (
    EMPTY,
    Json,
    Node,
    Parts,
    beside_literals,
    body,
    constant,
    names,
    node,
    nodes,
    number,
    output_name,
    split_name,
    unwrap,
    word,
    words,
)
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb

QueryFunction = Callable[[Reading, "Level | None", Node], Outputs]
# Queries within queries recurse through this table; understand.py fills it from select.py and write.py.
QUERIES: Final[dict[str, QueryFunction]] = {}


def query(reading: Reading, level: Level | None, wrapped: Node | None) -> Outputs:
    """Understand a query inside a query. Raises TooMuch beyond the limit."""
    kind, inner = unwrap(wrapped)
    function = QUERIES.get(kind)
    if function is None:
        reading.unmapped(kind or "empty query")
        return None
    reading.depth += 1
    if reading.depth > reading.limits.max_depth:
        raise TooMuch(f"queries nest deeper than {reading.limits.max_depth}; write them flatter")
    unasked(reading)
    mentions, hits, series = reading.mentions, reading.hits, reading.series
    reading.mentions, reading.hits, reading.series = [], set(), 0.0
    outputs = function(reading, level, inner)
    around = level.around(reading.hits) if level is not None else set()
    if level is None or not around:
        reading.alone[id(inner)] = outputs
    elif reading.series:
        refuse_repeated(reading, level)
    reading.series = series
    # What a sub-query mentions of its surroundings connects them: correlation is a predicate. Its own ranges end here.
    hits |= around
    reading.mentions, reading.hits = mentions, hits
    reading.depth -= 1
    return outputs


def walk(reading: Reading, level: Level | None, value: Parts) -> None:
    """Count everything that an expression (or a list of them) mentions and runs."""
    stack: list[Parts] = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, list):
            stack.extend(current)
            continue
        if not isinstance(current, dict):
            continue
        for key, inner in current.items():
            if key in _LEAVES:
                continue
            if not isinstance(inner, dict):
                if isinstance(inner, list) and key not in _NOT_EXPRESSIONS:
                    stack.append(inner)
            elif (handler := _HANDLERS.get(key)) is not None:
                if (rest := handler(reading, level, inner)) is not None:
                    stack.append(rest)
            elif key in _TRANSPARENT:
                stack.append(inner)
            elif key < "a":
                reading.unmapped(key, number(inner, "location", -1))
            elif key == "typeName":
                # A field that the grammar types, not a wrapped node: those have capitals.
                type_name(reading, inner)
            elif key not in _NOT_EXPRESSIONS:
                stack.append(inner)


# Keys of typed fields that hold names, not expressions.
EQUALS: Final = ("=",)
_UNNEST: Final = ("unnest",)
_PARTS: Final = ("args", "agg_order", "agg_filter", "over")
_TELL_NO_VALUE: Final = frozenset({"count"})
_BOUNDS: Final = ((">=",), ("<=",), ("<",), (">",))
_NOT_EXPRESSIONS: Final = frozenset({"funcname", "name", "names", "fields", "operName", "collname", "alias", "method"})

Handler = Callable[[Reading, "Level | None", Node], Parts]


def _column(reading: Reading, level: Level | None, inner: Node) -> Parts:
    fields = inner.get("fields")
    if level is not None and isinstance(fields, list) and fields:
        count = naming.star if "A_Star" in fields[-1] else naming.column
        count(reading, level, names(inner, "fields"))
    return None


def _indirection(reading: Reading, level: Level | None, inner: Node) -> Parts:
    """`(expression).field[1]`: a field name that is no column may be a function."""
    for step in names(inner, "indirection"):
        naming.functional(reading, step)
    return inner


def _operator(reading: Reading, level: Level | None, inner: Node) -> Parts:
    left, right = inner.get("lexpr"), inner.get("rexpr")
    if inner.get("kind") == "AEXPR_OP":
        name = names(inner, "name")
        operator(reading, name, inner)
        if name[-1] in OPERATORS:
            refuse_heavy(reading, node(inner, "rexpr"), number(inner, "location", -1))
        return [right, left] if left is not None else right
    for name in _BOUNDS if "BETWEEN" in word(inner, "kind") else (names(inner, "name"),):
        operator(reading, name, inner)
    return [left, right]


def _list(reading: Reading, level: Level | None, inner: Node) -> Parts:
    return beside_literals(nodes(inner, "items"))


def _sub_query(reading: Reading, level: Level | None, inner: Node) -> Parts:
    # IN says no operator and means `=`, found by the search path like any other
    operator(reading, names(inner, "operName") or (EQUALS if "testexpr" in inner else ()), inner)
    reading.within = word(inner, "subLinkType") or "EXISTS_SUBLINK"
    if reading.within == "ARRAY_SUBLINK":
        refuse_gathered(reading, inner)
    for _, sources in query(reading, level, node(inner, "subselect")) or ():
        reading.mentions.extend(sources)
    return inner.get("testexpr")


def _case(reading: Reading, level: Level | None, inner: Node) -> Parts:
    """`CASE x WHEN y` compares with whatever `=` the search path finds."""
    if inner.get("arg") is not None:
        operator(reading, EQUALS, inner)
    return inner


def _cast(reading: Reading, level: Level | None, inner: Node) -> Parts:
    # A literal has no type yet: it is read by the type's own input function, and no cast runs
    type_name(reading, node(inner, "typeName") or EMPTY, literal=isinstance(constant(node(inner, "arg")), str))
    return inner.get("arg")


def _query_inside(kind: str) -> Handler:
    def handle(reading: Reading, level: Level | None, inner: Node) -> Parts:
        query(reading, level, {kind: inner})
        return None

    return handle


def _sort(reading: Reading, level: Level | None, inner: Node) -> Parts:
    operator(reading, names(inner, "useOp"), inner)
    return inner.get("node")


def _call(reading: Reading, level: Level | None, inner: Node) -> Parts:
    name = names(inner, "funcname")
    call(reading, level, inner, name)
    parts: list[Json] = [part for key in _PARTS if (part := inner.get(key)) is not None]
    if name[-1] not in _TELL_NO_VALUE or name[-1] in reading.catalog.functions:
        return parts
    # Read like any others, but no value of theirs comes out
    mentions, reading.mentions = reading.mentions, []
    walk(reading, level, parts)
    reading.mentions = mentions
    return None


_HANDLERS: Final[dict[str, Handler]] = {
    "ColumnRef": _column,
    "A_Expr": _operator,
    "FuncCall": _call,
    "CaseExpr": _case,
    "SubLink": _sub_query,
    "TypeCast": _cast,
    "A_Indirection": _indirection,
    "List": _list,
    "SortBy": _sort,
    "SelectStmt": _query_inside("SelectStmt"),
}
# They hold values and nothing that runs.
_LEAVES: Final = words(
    """A_Const ParamRef A_Star SQLValueFunction SetToDefault MergeSupportFunc CurrentOfExpr String Integer Float Boolean
    BitString JsonFormat"""
)
# Nothing to say about the node itself: walk into it.
_TRANSPARENT: Final = words(
    """BoolExpr CollateClause NullTest BooleanTest CaseWhen CoalesceExpr MinMaxExpr A_ArrayExpr
    A_Indices RowExpr GroupingFunc GroupingSet NamedArgExpr ResTarget WindowDef MultiAssignRef XmlExpr
    XmlSerialize JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor JsonAggConstructor
    JsonObjectAgg JsonArrayAgg JsonKeyValue JsonValueExpr JsonIsPredicate JsonParseExpr JsonScalarExpr
    JsonSerializeExpr JsonFuncExpr JsonArgument JsonBehavior JsonOutput JsonReturning JsonTablePathSpec
    RangeTableFuncCol JsonTableColumn"""
)


def operator(reading: Reading, name: tuple[str, ...], inner: Node = EMPTY) -> None:
    """Count user operators that this name can mean where `inner` uses it."""
    for found in reading.sight.operators.get(name[0], ()) if len(name) == 1 else _operators_in(reading, name):
        location = number(inner, "location", -1)
        reading.user_code(found.function_schema, found.function, f"the operator `{name[-1]}`", location)


def _operators_in(reading: Reading, name: tuple[str, ...]) -> list[Operator]:
    """The same for a name that says its schema."""
    listed = reading.catalog.operators.get(name[-1], ()) if name else ()
    return [found for found in listed if found.schema == name[-2] and found.stands_in]


def call(reading: Reading, level: Level | None, inner: Node, name: tuple[str, ...]) -> None:
    """Count what calling the function of this name does, its arguments apart."""
    location = number(inner, "location", -1)
    arguments = nodes(inner, "args")
    if name[-1] == SET_CONFIG and len(name) <= 2 and (len(name) == 1 or name[0] == "pg_catalog"):
        reading.qualify(location if len(name) == 1 else -1, "pg_catalog")
        set_config(reading, level, arguments, location)
        return
    if name[-1] in SHOWING:
        SHOWING[name[-1]](reading, arguments, location)
    if name[-1] in FUNCTIONS and len(arguments) > 1:
        refuse_heavy(reading, arguments[1], location)
    if name[-1] in GATHERING:
        gather(reading, level, location)
    if name[-1] in MAKING:
        make(reading, level, inner, location)
    found = callee(reading.catalog, reading.path, name)
    # With several arrays `unnest` is grammar, and only without a schema
    grammar = len(arguments) > 1 and name == _UNNEST
    if (
        len(name) == 1
        and found.home is not None
        and not grammar
        and not naming.may_be_column(reading, level, name[0], arguments)
    ):
        reading.qualify(location, found.home)
    for function in found.user:
        reading.user_code(function.schema, function.name, f"`{'.'.join(name)}`", location)
    if found.danger is not None:
        _dangerous(reading, level, name[-1], found.danger, arguments, location)
    elif not found.harmless and not found.user:
        _unknown(reading, name, location)


def _unknown(reading: Reading, name: tuple[str, ...], location: int) -> None:
    schema = name[-2] if len(name) > 1 else "pg_catalog"
    if schema == "pg_catalog" and len(name) == 1 and len(reading.path) > 1:
        schema = reading.creation_schema("")
    finding = reading.finding(
        FindingCode.USER_CODE, f"`{'.'.join(name)}` is not a known function and may do anything", location
    )
    reading.add(Verb.EXECUTE, reading.function_object(schema, name[-1], known=False), Reach.UNKNOWN, finding)


def _dangerous(
    reading: Reading, level: Level | None, name: str, danger: Danger, arguments: list[Node], location: int
) -> None:
    message = f"`{name}` {danger.reason}"
    if danger.refused:
        reading.refuse(FindingCode.DANGEROUS_FUNCTION, message, location)
        return
    findings = () if danger.honest else (reading.finding(FindingCode.DANGEROUS_FUNCTION, message, location),)
    falls_on = _object_of(reading, name, danger, arguments)
    if falls_on is None:
        return
    gathered = reading.gather(danger.verb, falls_on)
    gathered.at_least(Reach.ONE if danger.kind is ObjectKind.SEQUENCE and _once(level) else Reach.UNKNOWN)
    gathered.note(*findings)
    reading.writes = reading.writes or danger.writes


def _once(level: Level | None) -> bool:
    """Whether an expression runs as often as the text says it: not once for each row of something."""
    while level is not None:
        if any(keyed(range_) is not Reach.ONE for range_ in level.ranges):
            return False
        level = level.parent
    return True


def _object_of(reading: Reading, name: str, danger: Danger, arguments: list[Node]) -> Object | None:
    """What a dangerous built-in falls on: the sequence it names, else a stand-in under its own name."""
    if danger.kind is ObjectKind.SEQUENCE:
        named = _sequence(reading, arguments)
        if named is None and danger.verb is not Verb.READ:
            return reading.object(ObjectKind.SEQUENCE, reading.creation_schema(""), "*", known=False)
        return named
    if danger.kind is ObjectKind.TARGET:
        return reading.object(ObjectKind.TARGET)
    if danger.kind is ObjectKind.FUNCTION:
        return reading.function_object("pg_catalog", name)
    return reading.object(danger.kind, "pg_catalog", name)


def _sequence(reading: Reading, arguments: list[Node]) -> Object | None:
    """The sequence of an argument that names one. None where nobody does: lastval and currval of what is computed
    (`pg_get_serial_sequence('t', 'id')`) say again what this session took itself, and nothing else (docs 9.17)."""
    first = arguments[0] if arguments else None
    while first is not None and (cast := body(first, "TypeCast")) is not None:
        first = node(cast, "arg")
    text = constant(first)
    parts = split_name(text) if isinstance(text, str) else ()
    if not parts or len(parts) > 2:
        return None
    schema, name = (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])
    relation = reading.resolve(schema, name)
    if relation is not None:
        return relation.object
    return reading.object(ObjectKind.SEQUENCE, reading.creation_schema(schema), name, known=False)


_MAX_COLUMNS: Final = 1_664  # access/htup_details.h: MaxTupleAttributeNumber


def targets(reading: Reading, level: Level, listed: list[Node]) -> Outputs:
    """Count a target (or RETURNING) list and give its columns with their sources."""
    outputs: list[tuple[str, tuple[Source, ...]]] = []
    known, series, reading.series = True, reading.series, 0.0
    for wrapped in listed:
        target = body(wrapped, "ResTarget")
        if target is None:
            reading.unmapped(unwrap(wrapped)[0])
            continue
        reading.mentions = []
        value = node(target, "val") or EMPTY
        reference = body(value, "ColumnRef")
        if reference is None:
            walk(reading, level, value)
        else:
            _column(reading, level, reference)
        if reference is not None and "A_Star" in nodes(reference, "fields")[-1]:
            starred = naming.starred(level, names(reference, "fields"))
            known = known and starred is not None
            outputs += starred or ()
        else:
            # `(row).*` gives as many columns as the row has.
            known = known and not ("A_Indirection" in value and _expands(value))
            outputs.append((output_name(target), reading.sources()))
        if len(outputs) > _MAX_COLUMNS:
            raise TooMuch(f"the answer has more than {_MAX_COLUMNS} columns, which PostgreSQL refuses; name fewer")
    if reading.series:
        refuse_repeated(reading, level)
    reading.series = max(series, reading.series)
    return outputs if known else None


def _expands(value: Node) -> bool:
    indirection = body(value, "A_Indirection") or EMPTY
    return any("A_Star" in step for step in nodes(indirection, "indirection"))

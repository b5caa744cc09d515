"""SELECT, VALUES, TABLE and set operations: what is read, which columns come out, which joins multiply."""

from collections.abc import Callable
from typing import Final

from interlock.intent.sql.conditions.equations import equation
from interlock.intent.sql.conditions.truth import always
from interlock.intent.sql.queries.expressions import EQUALS, QueryFunction, operator, query, targets, walk
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.queries.rows_from import add_functions, add_table_function
from interlock.intent.sql.queries.scopes import EXISTS, blind, judge
from interlock.intent.sql.queries.views import view_bases
from interlock.intent.sql.reach.counting import MANY_GROUPINGS, cubed, few, limited, listed_rows, single_row
from interlock.intent.sql.reach.extent import reaches
from interlock.intent.sql.reach.joins import Joined, common, equate, equate_used, join, merge_groups, tie
from interlock.intent.sql.reach.links import link
from interlock.intent.sql.reach.multiplying import note_multiplying
from interlock.intent.sql.reach.recursion import refuse_endless
from interlock.intent.sql.reach.sizes import note_everything, streams_through
from interlock.intent.sql.reach.smallness import conjuncts, pin, spelled_out
from interlock.intent.sql.reach.victims import choose
from interlock.intent.sql.reading import Outputs, Reading, TooMuch
from interlock.intent.sql.tree import EMPTY, Node, body, flag, names, node, nodes, unwrap, word
from interlock.intent.sql.vocabulary import ALL, CHANGE, CREATE, ONE, READ, UNKNOWN
from interlock.model import FindingCode, ObjectKind, Verb

# Whether a row has one partner or many makes no difference to them.
_SEMI: Final = (EXISTS, "ANY_SUBLINK")
_CLAUSES: Final = ("groupClause", "havingClause", "windowClause", "limitOffset", "limitCount", "distinctClause")
_LATER: Final = frozenset({*_CLAUSES, "sortClause", "lockingClause", "intoClause"})


def select(reading: Reading, parent: Level | None, inner: Node) -> Outputs:
    """A SELECT of any form, its set operations flattened; gives the columns of its answer."""
    level = Level(parent)
    within, reading.within = reading.within, ""
    around = reading.streams
    streams = not within and (around or not reading.depth)
    reading.streams = streams and streams_through(inner)
    ctes(reading, level, inner, reader=inner)
    if "larg" not in inner:
        outputs = _plain(reading, level, inner, within, streams=streams)
        reading.streams = around
        return outputs
    arms = _arms(reading, level, inner, within, streams=streams and not limited(inner))
    reading.streams = around
    merged = _merge(arms)
    level.answer = merged
    _tail(reading, level, inner)
    return merged


def ctes(reading: Reading, level: Level, holder: Node, *, reader: Node = EMPTY) -> None:
    """Understand the WITH of a statement; its names stand for the level from then on. `reader` is the SELECT behind."""
    clause = node(holder, "withClause") if "withClause" in holder else None
    if clause is None:
        return
    listed = nodes(clause, "ctes")
    reading.ctes += len(listed)
    if reading.ctes > reading.limits.max_ctes:
        raise TooMuch(f"WITH defines more than {reading.limits.max_ctes} names; split the statement up")
    recursive = flag(clause, "recursive")
    if recursive:
        # Each may name any of them; their columns are being worked out: known to be no relation's.
        level.ctes |= {word(body(wrapped, "CommonTableExpr") or {}, "ctename"): None for wrapped in listed}
    for wrapped in listed:
        inner = body(wrapped, "CommonTableExpr")
        if inner is None:
            reading.unmapped(unwrap(wrapped)[0])
            continue
        name = word(inner, "ctename")
        if recursive:
            refuse_endless(reading, name, inner, reader)
        outputs = _renamed(query(reading, level, node(inner, "ctequery")), names(inner, "aliascolnames"))
        level.ctes[name] = outputs
        kind, body_ = unwrap(node(inner, "ctequery"))
        if kind == "SelectStmt" and single_row(body_):
            level.single[name] = listed_rows(body_)
        for key in ("search_clause", "cycle_clause"):
            if inner.get(key) is not None:
                level.ctes[name] = None


def _arms(reading: Reading, level: Level, inner: Node, within: str, *, streams: bool) -> list[Outputs]:
    """The arms of a chain of UNIONs, left to right, without recursion along the chain."""
    arms: list[Outputs] = []
    waiting: list[tuple[Node, Level]] = [(inner, level)]
    while waiting:
        current, at = waiting.pop()
        if "larg" not in current:
            own = Level(at)
            ctes(reading, own, current)
            reading.streams = streams and streams_through(current)
            arms.append(_plain(reading, own, current, within, streams=streams))
            continue
        if current is not inner:
            at = Level(at)
            ctes(reading, at, current)
            _tail(reading, at, current)
        waiting.extend((arm, at) for key in ("rarg", "larg") if (arm := node(current, key)) is not None)
    return arms


def _merge(arms: list[Outputs]) -> Outputs:
    first = arms[0] if arms else None
    if first is None or any(arm is None or len(arm) != len(first) for arm in arms):
        return None
    return [
        (name, tuple(dict.fromkeys(source for arm in arms if arm is not None for source in arm[at][1])))
        for at, (name, _) in enumerate(first)
    ]


def _plain(reading: Reading, level: Level, inner: Node, within: str, *, streams: bool) -> Outputs:
    if "valuesLists" in inner:
        return _values(reading, level, inner, nodes(inner, "valuesLists"))
    from_clause(reading, level, nodes(inner, "fromClause"))
    condition = node(inner, "whereClause")
    if condition is not None:
        where(reading, level, condition)
    was_blind = within != "" and reading.strays != [] and blind(reading, level)
    outputs = targets(reading, level, nodes(inner, "targetList"))
    if within:
        judge(reading, level, inner, within, was_blind=was_blind)
    level.answer = outputs
    if not _LATER.isdisjoint(inner):
        _later(reading, level, inner)
    reaches(reading, level, bounded=condition is not None or limited(inner))
    if streams:
        note_everything(reading, level, inner, condition)
    if "limitCount" in inner and within != EXISTS and limited(inner):
        choose(reading, level, inner, condition)
    if level.pairs and within not in _SEMI:
        note_multiplying(reading, level)
    if "lockingClause" in inner and not few(inner) and always(level, condition) is not False:
        _lock_all(reading, level, condition)
    return outputs


def _later(reading: Reading, level: Level, inner: Node) -> None:
    """The clauses behind WHERE."""
    for key in _CLAUSES:
        if key in inner:
            walk(reading, level, inner[key])
    if "groupClause" in inner and cubed(nodes(inner, "groupClause")) > MANY_GROUPINGS:
        reading.refuse(FindingCode.OVER_LIMIT, "CUBE groups in more ways than anybody reads; name fewer columns")
    _tail(reading, level, inner)
    if (clause := node(inner, "intoClause")) is not None:
        _into(reading, clause)


def _lock_all(reading: Reading, level: Level, condition: Node | None) -> None:
    """FOR UPDATE and its kin without a condition keep everybody from writing: as if every row were changed."""
    if condition is not None and always(level, condition) is None:
        return
    for range_ in level.ranges:
        if range_.object is not None:
            message = f"every row of `{range_.name}` would be locked; say which rows"
            finding = reading.finding(FindingCode.NO_WHERE, message)
            reading.add(CHANGE, range_.object, ALL, finding, relation=range_.relation)


def _tail(reading: Reading, level: Level, inner: Node) -> None:
    """ORDER BY, LIMIT and locking: what set operations and plain queries share."""
    for key in ("sortClause",) if "larg" not in inner else ("sortClause", "limitOffset", "limitCount"):
        if key in inner:
            walk(reading, level, inner[key])
    locks = nodes(inner, "lockingClause")
    if locks:
        reading.writes = True  # FOR UPDATE and its kin are refused in a READ ONLY transaction


def _values(reading: Reading, level: Level, inner: Node, values: list[Node]) -> Outputs:
    reading.mentions = []
    for row in values:
        walk(reading, level, row)
    sources = reading.sources()
    _, first = unwrap(values[0])
    _tail(reading, level, inner)
    return [(f"column{at + 1}", sources) for at in range(len(nodes(first, "items")))]


def _into(reading: Reading, clause: Node) -> None:
    """SELECT INTO makes a table and fills it."""
    relation = node(clause, "rel") or {}
    create_filled(
        reading,
        word(relation, "schemaname"),
        word(relation, "relname"),
        temporary=word(relation, "relpersistence") == "t",
    )


def create_filled(reading: Reading, schema: str, name: str, *, temporary: bool) -> None:
    """A table (or materialised view) made from a query: CONFIGURE on its schema, CREATE of its rows."""
    home = "pg_temp" if temporary else reading.creation_schema(schema)
    reading.ddl = reading.writes = True
    reading.add(Verb.CONFIGURE, reading.schema_object(home), ONE)
    existing = reading.catalog.relation(home, name)
    object_ = existing.object if existing is not None else reading.object(ObjectKind.TABLE, home, name)
    reading.add(CREATE, object_, UNKNOWN, fields=None)


def from_clause(reading: Reading, level: Level, listed: list[Node]) -> None:
    """Bring FROM items into the level, joins from the left to the right without recursion."""
    waiting: list[Node | _Join] = list(reversed(listed))
    while waiting:
        item = waiting.pop()
        if isinstance(item, _Join):
            item.reach(reading, level)
            continue
        kind, inner = unwrap(item)
        if kind == "JoinExpr":
            joined = _Join(inner, len(level.ranges))
            waiting += (joined, node(inner, "rarg") or {}, joined, node(inner, "larg") or {})
        else:
            item_of = _ITEMS.get(kind)
            if item_of is None:
                reading.unmapped(kind)
            else:
                item_of(reading, level, inner)
            if len(level.ranges) > reading.limits.max_from:
                raise TooMuch(f"FROM has more than {reading.limits.max_from} items; join fewer at a time")


class _Join:
    """A join: met once between its sides, and once when both have been brought in and its condition can be read."""

    __slots__ = ("first", "inner", "middle")

    def __init__(self, inner: Node, first: int) -> None:
        self.inner, self.first, self.middle = inner, first, -1

    def reach(self, reading: Reading, level: Level) -> None:
        """Come to it between its sides, or behind both."""
        if self.middle < 0:
            self.middle = len(level.ranges) - self.first
        else:
            self._finish(reading, level)

    def _finish(self, reading: Reading, level: Level) -> None:
        """Read ON, USING or NATURAL; hide the sides behind an alias of the join."""
        sides = level.ranges[self.first :]
        condition = node(self.inner, "quals")
        if condition is not None:
            inner_join = self.inner.get("jointype") in {None, "JOIN_INNER"}
            self._ask(reading, level, condition, pins=inner_join)
        used = names(self.inner, "usingClause")
        seen = [range_ for range_ in sides if not range_.hidden]
        if flag(self.inner, "isNatural"):
            used = common(seen)
        for name in used:
            for range_ in seen:
                if range_.has(name) is not False:
                    range_.touch(reading, name)
        if used:
            operator(reading, EQUALS)  # found by the search path, like one that is written
            level.merged = True
            merge_groups(sides)
            equate_used(level, seen, used)
        self._fill(sides)
        if (alias := node(self.inner, "alias")) is not None:
            level.ranges.append(Joined(word(alias, "aliasname"), sides, used, names(alias, "colnames")))
            level.merged = False
        elif (alias := node(self.inner, "join_using_alias")) is not None:
            joined = Range(word(alias, "aliasname"))
            joined.members = sides
            level.ranges.append(joined)

    def _ask(self, reading: Reading, level: Level, condition: Node, *, pins: bool) -> None:
        """Read ON: it sees the two sides alone (docs 7.2.1.1), and behind them what surrounds the query."""
        before, sides = level.ranges[: self.first], level.ranges[self.first :]
        groups = [range_.group for range_ in sides] if before else []
        level.ranges = sides
        where(reading, level, condition, pins=pins)
        for old, range_ in zip(groups, sides, strict=False):
            for other in before:
                if other.group == old:
                    other.group = range_.group
        level.ranges = before + level.ranges

    def _fill(self, sides: list[Range]) -> None:
        """An outer join gives rows of the one side without any of the other: there every column is NULL."""
        kind = self.inner.get("jointype")
        if kind in {"JOIN_RIGHT", "JOIN_FULL"}:
            for range_ in sides[: self.middle]:
                range_.nullable = True
        if kind in {"JOIN_LEFT", "JOIN_FULL"}:
            for range_ in sides[self.middle :]:
                range_.nullable = True


def where(reading: Reading, level: Level, condition: Node, *, pins: bool = True) -> None:
    """Read a condition: what it mentions, which keys it fixes, which ranges it connects."""
    for conjunct in conjuncts(condition):
        outer, reading.hits = reading.hits, set()
        equal = equation(level, conjunct)
        if equal is None or not equal.plain:
            walk(reading, level, conjunct)
        else:  # by far the most common: the same in a third of the steps
            operator(reading, equal.name, equal.node)
            for found in (equal.column, equal.other):
                if found is not None:
                    found[0].mention(reading, found[1])
        hits, reading.hits = reading.hits, outer
        outer |= hits
        if pins:
            pin(reading, level, conjunct, equal)
        if equal is not None and (pair := equal.pair) is not None:
            tie(level, hits)
            level.pairs.append(pair)
        elif len(hits) > 1 and always(level, conjunct) is None:
            join(level, hits, link(conjunct))
            equate(level, equal)


def add_relation(reading: Reading, level: Level, inner: Node, *, written: bool = False) -> Range:
    """Bring a RangeVar into the level: a CTE, else a relation of the catalogue, else an unknown one."""
    schema, name = word(inner, "schemaname"), word(inner, "relname")
    alias = node(inner, "alias")
    shown = word(alias, "aliasname") if alias is not None else name
    renamed = names(alias, "colnames") if alias is not None else ()
    if not schema and not written:
        found, outputs = level.cte(name)
        if found:
            few_rows = level.gives_few(name)
            range_ = _computed(level, shown, _renamed(outputs, renamed), weighs=not few_rows)
            range_.spelled = few_rows or 1.0
            return range_
    relation, object_ = reading.find(inner, schema, name)
    range_ = Range(shown, relation=relation, object_=object_, weighs=True)
    range_.written = written
    if renamed and relation is not None:
        range_.name_columns(_renamed(range_.outputs(), renamed))
    level.ranges.append(range_)
    if not written:
        range_.gather(reading)
        if relation is not None:
            view_bases(reading, relation, READ)
    return range_


def _computed(level: Level, name: str, outputs: Outputs, *, weighs: bool) -> Range:
    range_ = Range(name, weighs=weighs)
    range_.name_columns(outputs)
    level.ranges.append(range_)
    return range_


def _renamed(outputs: Outputs, renamed: tuple[str, ...]) -> Outputs:
    if outputs is None or not renamed:
        return outputs
    return [(renamed[at] if at < len(renamed) else name, sources) for at, (name, sources) in enumerate(outputs)]


def _subselect_item(reading: Reading, level: Level, inner: Node) -> None:
    """A sub-query in FROM: it sees its siblings only when LATERAL, and then it is joined to them."""
    lateral = flag(inner, "lateral")
    alias = node(inner, "alias") or {}
    surroundings = level
    if not lateral:
        surroundings = Level(level.parent)
        surroundings.ctes, surroundings.single = level.ctes, level.single
    hits, reading.hits = reading.hits, set()
    outputs = _renamed(query(reading, surroundings, node(inner, "subquery")), names(alias, "colnames"))
    _, body_ = unwrap(node(inner, "subquery"))
    range_ = _computed(level, word(alias, "aliasname"), outputs, weighs=not single_row(body_))
    range_.valued = spelled_out(body_, outputs)
    range_.spelled = listed_rows(body_)
    if lateral:
        tie(level, reading.hits | {id(range_)})
    reading.hits = hits | reading.hits


def _sample_item(reading: Reading, level: Level, inner: Node) -> None:
    from_clause(reading, level, [r] if (r := node(inner, "relation")) is not None else [])
    method = names(inner, "method")
    if method[-1] not in {"system", "bernoulli"}:
        reading.user_code("pg_catalog", method[-1], f"the sampling method `{method[-1]}`", known=False)
    walk(reading, level, [inner.get("args"), inner.get("repeatable")])


_ITEMS: Final[dict[str, Callable[[Reading, Level, Node], object]]] = {
    "RangeVar": add_relation,
    "RangeSubselect": _subselect_item,
    "RangeFunction": add_functions,
    "RangeTableSample": _sample_item,
    "RangeTableFunc": add_table_function,
    "JsonTable": add_table_function,
}
SELECTS: Final[dict[str, QueryFunction]] = {"SelectStmt": select}

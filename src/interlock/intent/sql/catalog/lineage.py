"""Which columns of other relations each column of a view comes from, read off the tree that the server keeps of it.

The tree is what the server itself resolved (pg_rewrite.ev_action, nodes/outfuncs.c): stars, whole rows, names and the
merged columns of joins stand in it by number. What decides which rows there are - conditions, joins, groups, order,
LIMIT, set operations - is needed whatever column is asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from interlock.intent.sql.catalog.kept import Kept, KeptNode, Unreadable, kept_list, kept_node, kept_number, read_kept

# A column by its relation's oid and its number in pg_attribute; ROW is the whole row, a negative one the system's.
Origin = tuple[int, int]
Origins = frozenset[Origin]
ROW, NO_COLUMN = 0, -1

# nodes/parsenodes.h: RTEKind and CmdType.
_RELATION, _SUBQUERY, _JOIN, _CTE, _GROUP = "0", "1", "2", "6", "9"
_SELECT = "1"
_DECIDING = ("jointree", "havingQual", "windowClause", "limitOffset", "limitCount")


@dataclass(frozen=True, slots=True)
class Lineage:
    """`rows` is what every reading needs; `columns` what each column of the view needs besides, in order."""

    rows: Origins = frozenset()
    columns: tuple[Origins, ...] = ()

    def of(self, numbers: Iterable[int] | None, *, alone: bool = False) -> Origins:
        """What reading these columns needs, counted from 1 (None: all of them); `alone` without what `rows` need."""
        rows = frozenset[Origin]() if alone else self.rows
        if numbers is None:
            return rows.union(*self.columns)
        return rows.union(*(self.columns[n - 1] for n in numbers if 0 < n <= len(self.columns)))


@lru_cache(maxsize=4096)
def lineage(tree: str) -> Lineage | None:
    """The lineage of a view; None where its tree is not of a form that is known: then it may need anything."""
    try:
        queries = kept_list(read_kept(tree))
        return _Walk().query(kept_node(queries[0]), ()) if len(queries) == 1 else None
    except (Unreadable, RecursionError):
        return None


def _item(listed: list[Kept], number: int) -> Kept:
    if not 0 < number <= len(listed):
        raise Unreadable
    return listed[number - 1]


class _Walk:
    """Follows every column of a query to where it comes from. `inside` are the queries around a place, outermost
    first."""

    def __init__(self) -> None:
        self._known: dict[int, Lineage] = {}

    def query(self, query: KeptNode, around: tuple[KeptNode, ...]) -> Lineage:
        """The lineage of one query."""
        if id(query) in self._known:
            return self._known[id(query)]
        if query.get("") != "QUERY" or query.get("commandType") != _SELECT:
            raise Unreadable
        self._known[id(query)] = Lineage()  # a recursive WITH meets itself
        inside = (*around, query)
        rows: set[Origin] = set()
        for wrapped in kept_list(query.get("cteList")):
            rows |= self._with(kept_node(wrapped), inside).rows
        for wrapped in kept_list(query.get("rtable")):
            rows |= self._range(kept_node(wrapped), inside)
        rows |= self._origins([query[key] for key in _DECIDING if key in query], inside)
        targets = [kept_node(target) for target in kept_list(query.get("targetList"))]
        origins = [self._origins(target.get("expr", ""), inside) for target in targets]
        if "setOperations" in query:
            origins = self._arms(query["setOperations"], rows, inside, origins)
        for target, found in zip(targets, origins, strict=True):
            rows |= found if kept_number(target, "ressortgroupref") else frozenset()
        columns = [found for target, found in zip(targets, origins, strict=True) if target.get("resjunk") != "true"]
        self._known[id(query)] = Lineage(frozenset(rows), tuple(columns))
        return self._known[id(query)]

    def _with(self, cte: KeptNode, inside: tuple[KeptNode, ...]) -> Lineage:
        query = kept_node(cte.get("ctequery"))
        found = self.query(query, inside)
        if cte.get("cterecursive") == "true":
            # What one round gives the next one reads: every column may stand behind every other.
            found = Lineage(found.of(None), tuple(found.of(None) for _ in found.columns))
            self._known[id(query)] = found
        return found

    def _range(self, range_: KeptNode, inside: tuple[KeptNode, ...]) -> Origins:
        """What an item of FROM adds, whatever of it is asked for."""
        kind = range_.get("rtekind", _RELATION)
        if kind == _SUBQUERY:
            return self.query(kept_node(range_.get("subquery")), inside).rows
        if kind in {_JOIN, _CTE}:
            return frozenset()  # its conditions stand in the tree of joins; its query in the list of WITH
        touched = {(kept_number(range_, "relid"), NO_COLUMN)} if kind == _RELATION else set()
        return self._origins([value for value in range_.values() if not isinstance(value, str)], inside) | touched

    def _arms(
        self, operations: Kept, rows: set[Origin], inside: tuple[KeptNode, ...], origins: list[Origins]
    ) -> list[Origins]:
        """The columns of a set operation: those of its arms below each other. All but UNION ALL compare whole rows."""
        columns: list[Origins] = [frozenset() for _ in origins]
        waiting, comparing = [operations], False
        while waiting:
            found = kept_node(waiting.pop())
            if found.get("") == "SETOPERATIONSTMT":
                comparing = comparing or found.get("all") != "true" or found.get("op") != "1"
                waiting += [found.get("larg", ""), found.get("rarg", "")]
                continue
            arm = kept_node(_item(kept_list(inside[-1].get("rtable")), kept_number(found, "rtindex")))
            given = self.query(kept_node(arm.get("subquery")), inside).columns
            if len(given) != len(columns):
                raise Unreadable
            columns = [one | other for one, other in zip(columns, given, strict=True)]
        if comparing:
            rows.update(*columns)
        return columns

    def _origins(self, expression: Kept, inside: tuple[KeptNode, ...]) -> Origins:
        """Every column that an expression mentions, those of queries inside it too."""
        found: set[Origin] = set()
        waiting = [expression]
        while waiting:
            current = waiting.pop()
            if isinstance(current, list):
                waiting += current
            elif isinstance(current, dict):
                if current.get("") == "VAR":
                    outward = kept_number(current, "varlevelsup")
                    surrounding = inside[: len(inside) - outward]
                    found |= self._column(kept_number(current, "varno"), kept_number(current, "varattno"), surrounding)
                elif current.get("") == "QUERY":
                    found |= self.query(current, inside).of(None)
                else:
                    waiting += current.values()
        return frozenset(found)

    def _column(self, range_number: int, number: int, inside: tuple[KeptNode, ...]) -> Origins:
        """The origins of one column of an item of FROM in the last of the queries `inside`."""
        if not inside:
            raise Unreadable
        range_ = kept_node(_item(kept_list(inside[-1].get("rtable")), range_number))
        kind = range_.get("rtekind", _RELATION)
        if kind == _RELATION:
            return frozenset({(kept_number(range_, "relid"), number)})
        if kind == _SUBQUERY:
            found = self.query(kept_node(range_.get("subquery")), inside)
            return found.of([number] if number else None)
        if kind == _CTE:
            return self._named(range_, inside).of([number] if number else None)
        listed = kept_list(range_.get("joinaliasvars" if kind == _JOIN else "groupexprs"))
        if kind in {_JOIN, _GROUP}:
            return self._origins(_item(listed, number) if number else listed, inside)
        return self._range(range_, inside)

    def _named(self, range_: KeptNode, inside: tuple[KeptNode, ...]) -> Lineage:
        """The lineage of the WITH that a range takes its rows from."""
        holding = inside[: len(inside) - kept_number(range_, "ctelevelsup")]
        for wrapped in kept_list(holding[-1].get("cteList")) if holding else ():
            cte = kept_node(wrapped)
            if cte.get("ctename") == range_.get("ctename"):
                return self.query(kept_node(cte.get("ctequery")), holding)
        raise Unreadable

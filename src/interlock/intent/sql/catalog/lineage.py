"""Which columns of other relations each column of a view comes from, read off the tree that the server keeps of it.

The tree is what the server itself resolved (pg_rewrite.ev_action, nodes/outfuncs.c): stars, whole rows, names and the
merged columns of joins stand in it by number. What decides which rows there are - conditions, joins, groups, order,
LIMIT, set operations - is needed whatever column is asked for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

# A column by its relation's oid and its number in pg_attribute; ROW is the whole row, a negative one the system's.
Origin = tuple[int, int]
Origins = frozenset[Origin]
ROW, NO_COLUMN = 0, -1

_Tree: TypeAlias = "str | list[_Tree] | dict[str, _Tree]"
_Node: TypeAlias = "dict[str, _Tree]"
_TOKEN = re.compile(r"[(){}\[\]]|(?:[^\s(){}\[\]\\]|\\.)+", re.DOTALL)
_NULL = "<>"  # a name of these two letters has a backslash in front
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
        queries = _list(_read(tree))
        return _Walk().query(_node(queries[0]), ()) if len(queries) == 1 else None
    except (_Unreadable, RecursionError):
        return None


class _Unreadable(Exception):
    """The tree holds what this module does not know."""


def _read(text: str) -> _Tree:
    """The tree as lists and dicts: `{NAME :key value}` has its name under ""."""
    root: list[_Tree] = []
    stack = [root]
    for token in _TOKEN.findall(text):
        if token in "({[":
            stack.append([])
        elif token in ")}]":
            if len(stack) < 2:
                raise _Unreadable
            closed = stack.pop()
            stack[-1].append(_fields(closed) if token == "}" else closed)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(root) != 1:
        raise _Unreadable
    return root[0]


def _fields(items: list[_Tree]) -> _Tree:
    """Keys and values strictly alternate, since a value may look like a key: a column can be called `:expr`."""
    found: _Node = {"": items[0] if items else ""}
    at = 1
    while at < len(items):
        key = items[at]
        if not isinstance(key, str) or not key.startswith(":") or at + 1 >= len(items):
            raise _Unreadable
        if items[at + 1] != _NULL:
            found[key[1:]] = items[at + 1]
        at += 2
        while at < len(items) and not (isinstance(behind := items[at], str) and behind.startswith(":")):
            at += 1  # `:constvalue 4 [ 1 0 0 0 ]`: a length, then bytes
    return found


def _node(tree: "_Tree | None") -> _Node:
    if not isinstance(tree, dict):
        raise _Unreadable
    return tree


def _list(tree: "_Tree | None") -> list[_Tree]:
    return tree if isinstance(tree, list) else []


def _number(holder: _Node, key: str) -> int:
    """The number under a key; the snapshot leaves zeros out."""
    value = holder.get(key, "0")
    if not isinstance(value, str) or not value.removeprefix("-").isdecimal():
        raise _Unreadable
    return int(value)


def _item(listed: list[_Tree], number: int) -> _Tree:
    if not 0 < number <= len(listed):
        raise _Unreadable
    return listed[number - 1]


class _Walk:
    """Follows every column of a query to where it comes from. `inside` are the queries around a place, outermost
    first."""

    def __init__(self) -> None:
        self._known: dict[int, Lineage] = {}

    def query(self, query: _Node, around: tuple[_Node, ...]) -> Lineage:
        """The lineage of one query."""
        if id(query) in self._known:
            return self._known[id(query)]
        if query.get("") != "QUERY" or query.get("commandType") != _SELECT:
            raise _Unreadable
        self._known[id(query)] = Lineage()  # a recursive WITH meets itself
        inside = (*around, query)
        rows: set[Origin] = set()
        for wrapped in _list(query.get("cteList")):
            rows |= self._with(_node(wrapped), inside).rows
        for wrapped in _list(query.get("rtable")):
            rows |= self._range(_node(wrapped), inside)
        rows |= self._origins([query[key] for key in _DECIDING if key in query], inside)
        targets = [_node(target) for target in _list(query.get("targetList"))]
        origins = [self._origins(target.get("expr", ""), inside) for target in targets]
        if "setOperations" in query:
            origins = self._arms(query["setOperations"], rows, inside, origins)
        for target, found in zip(targets, origins, strict=True):
            rows |= found if _number(target, "ressortgroupref") else frozenset()
        columns = [found for target, found in zip(targets, origins, strict=True) if target.get("resjunk") != "true"]
        self._known[id(query)] = Lineage(frozenset(rows), tuple(columns))
        return self._known[id(query)]

    def _with(self, cte: _Node, inside: tuple[_Node, ...]) -> Lineage:
        query = _node(cte.get("ctequery"))
        found = self.query(query, inside)
        if cte.get("cterecursive") == "true":
            # What one round gives the next one reads: every column may stand behind every other.
            found = Lineage(found.of(None), tuple(found.of(None) for _ in found.columns))
            self._known[id(query)] = found
        return found

    def _range(self, range_: _Node, inside: tuple[_Node, ...]) -> Origins:
        """What an item of FROM adds, whatever of it is asked for."""
        kind = range_.get("rtekind", _RELATION)
        if kind == _SUBQUERY:
            return self.query(_node(range_.get("subquery")), inside).rows
        if kind in {_JOIN, _CTE}:
            return frozenset()  # its conditions stand in the tree of joins; its query in the list of WITH
        touched = {(_number(range_, "relid"), NO_COLUMN)} if kind == _RELATION else set()
        return self._origins([value for value in range_.values() if not isinstance(value, str)], inside) | touched

    def _arms(
        self, operations: _Tree, rows: set[Origin], inside: tuple[_Node, ...], origins: list[Origins]
    ) -> list[Origins]:
        """The columns of a set operation: those of its arms below each other. All but UNION ALL compare whole rows."""
        columns: list[Origins] = [frozenset() for _ in origins]
        waiting, comparing = [operations], False
        while waiting:
            found = _node(waiting.pop())
            if found.get("") == "SETOPERATIONSTMT":
                comparing = comparing or found.get("all") != "true" or found.get("op") != "1"
                waiting += [found.get("larg", ""), found.get("rarg", "")]
                continue
            arm = _node(_item(_list(inside[-1].get("rtable")), _number(found, "rtindex")))
            given = self.query(_node(arm.get("subquery")), inside).columns
            if len(given) != len(columns):
                raise _Unreadable
            columns = [one | other for one, other in zip(columns, given, strict=True)]
        if comparing:
            rows.update(*columns)
        return columns

    def _origins(self, expression: _Tree, inside: tuple[_Node, ...]) -> Origins:
        """Every column that an expression mentions, those of queries inside it too."""
        found: set[Origin] = set()
        waiting = [expression]
        while waiting:
            current = waiting.pop()
            if isinstance(current, list):
                waiting += current
            elif isinstance(current, dict):
                if current.get("") == "VAR":
                    outward = _number(current, "varlevelsup")
                    surrounding = inside[: len(inside) - outward]
                    found |= self._column(_number(current, "varno"), _number(current, "varattno"), surrounding)
                elif current.get("") == "QUERY":
                    found |= self.query(current, inside).of(None)
                else:
                    waiting += current.values()
        return frozenset(found)

    def _column(self, range_number: int, number: int, inside: tuple[_Node, ...]) -> Origins:
        """The origins of one column of an item of FROM in the last of the queries `inside`."""
        if not inside:
            raise _Unreadable
        range_ = _node(_item(_list(inside[-1].get("rtable")), range_number))
        kind = range_.get("rtekind", _RELATION)
        if kind == _RELATION:
            return frozenset({(_number(range_, "relid"), number)})
        if kind == _SUBQUERY:
            found = self.query(_node(range_.get("subquery")), inside)
            return found.of([number] if number else None)
        if kind == _CTE:
            return self._named(range_, inside).of([number] if number else None)
        listed = _list(range_.get("joinaliasvars" if kind == _JOIN else "groupexprs"))
        if kind in {_JOIN, _GROUP}:
            return self._origins(_item(listed, number) if number else listed, inside)
        return self._range(range_, inside)

    def _named(self, range_: _Node, inside: tuple[_Node, ...]) -> Lineage:
        """The lineage of the WITH that a range takes its rows from."""
        holding = inside[: len(inside) - _number(range_, "ctelevelsup")]
        for wrapped in _list(holding[-1].get("cteList")) if holding else ():
            cte = _node(wrapped)
            if cte.get("ctename") == range_.get("ctename"):
                return self.query(_node(cte.get("ctequery")), holding)
        raise _Unreadable

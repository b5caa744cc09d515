"""Rows to try a condition on: the values of each column in it that stand for all it can hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise, product
from math import ceil, floor, prod
from typing import Final

from interlock.intent.sql.catalog.allowed import Allowed
from interlock.intent.sql.conditions.evaluating import Row, literal
from interlock.intent.sql.conditions.folding import column_of, proven, structure
from interlock.intent.sql.conditions.values import Label, Other, Single, quantity
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.tree import Node, names, unwrap, within, words

_MOST_ROWS: Final = 2_000
_MOST_COLUMNS: Final = 6
_INTEGERS: Final = {"int2": 15, "int4": 31, "int8": 63}
_DENSE: Final = words("numeric float4 float8 date timestamp timestamptz")
_TEXTS: Final = words("text varchar bpchar name")
_COUNTS: Final = words("length char_length character_length octet_length bit_length")
_COMPUTED: Final = words("+ - * / %")


@dataclass(slots=True)
class _Column:
    """A column, or what is computed of one: `kind` is a built-in type. `nullable` as far as is proven."""

    kind: str
    labels: tuple[Single, ...] = ()
    nullable: bool = True
    supposed: bool = True  # not NULL, where values are supposed


@dataclass(slots=True)
class Points:
    """The rows that decide about a condition, and what each of them must fulfil: `checks` of the relations in it."""

    row: Row
    checks: list[Node]
    columns: dict[str, _Column] = field(default_factory=dict)
    constants: list[Single] = field(default_factory=list)
    said: list[str | None] = field(default_factory=list)  # what each check is, as text

    def rows(self, *, supposing: bool) -> Iterator[bool]:
        """Put the values of one row after another into `row`; each comes with whether a NULL of it is only supposed not
        to be there. Gives none where they are too many."""
        listed = [self._values(column, supposing=supposing) for column in self.columns.values()]
        if prod(map(len, listed)) > _MOST_ROWS:
            return
        for values in product(*listed):
            self.row.values = values
            yield any(
                value is None and column.supposed and column.nullable
                for value, column in zip(values, self.columns.values(), strict=True)
            )

    def few(self) -> bool:
        """Whether they can be gone through."""
        return 0 < len(self.columns) <= _MOST_COLUMNS and (
            prod(len(self._values(column, supposing=True)) for column in self.columns.values()) <= _MOST_ROWS
        )

    def _values(self, column: _Column, *, supposing: bool) -> list[Single]:
        found = self._present(column)
        return [*found, None] if column.nullable or supposing else found

    def _present(self, column: _Column) -> list[Single]:
        if column.labels:
            return list(column.labels)
        if column.kind == "bool":
            return [False, True]
        if column.kind in _TEXTS:
            return [Other(), *dict.fromkeys(each for each in self.constants if isinstance(each, str))]
        several = len(self.columns) > 1
        known = {quantity(each) for each in self.constants} - {None}
        quantities = sorted(each for each in known if each is not None) or [Fraction(0)]
        whole = column.kind in _INTEGERS
        return list(_whole(quantities, column.kind, several) if whole else _dense(quantities, several))


def _whole(quantities: list[Fraction], kind: str, several: bool) -> list[Fraction]:
    """Integers at, between and beyond these; two of each where columns may be compared with each other."""
    most, around = 2 ** _INTEGERS[kind], range(-2, 3) if several else range(-1, 2)
    found = {Fraction(base + step) for each in quantities for base in (floor(each), ceil(each)) for step in around}
    return sorted(each for each in found if -most <= each < most)


def _dense(quantities: list[Fraction], several: bool) -> list[Fraction]:
    found = [quantities[0] - 2, quantities[0] - 1]
    for low, high in pairwise(quantities):
        found += [low, low + (high - low) / 3] + ([low + (high - low) * 2 / 3] if several else [])
    return [*found, quantities[-1], quantities[-1] + 1, quantities[-1] + 2]


def points(level: Level, condition: Node) -> Points:
    """The rows to try this condition on. Columns that are computed of others count as columns of their own: that only
    leaves more rows to fulfil it."""
    enums: dict[str, tuple[Single, ...]] = {}
    found = Points(Row(enums), [])
    _gather(level, condition, found, enums, fresh=True)
    ranges = {id(range_): range_ for range_, _ in _columns(level, condition)}
    for range_ in ranges.values():
        own = Level(None)
        own.ranges.append(range_)
        for check in _allowed(range_).checks:
            if any(structure(own, each) in found.columns for each in _references(check)):
                found.checks.append(check)
                found.said.append(structure(own, check))
                _gather(own, check, found, enums, fresh=False)
    return found


def _gather(
    level: Level, expression: Node, found: Points, enums: dict[str, tuple[Single, ...]], *, fresh: bool
) -> None:
    """Note columns and constants; of a check those columns alone that are known already: the others stay unsaid."""
    stack: list[Node] = [expression]
    while stack:
        wrapped = stack.pop()
        kind, inner = unwrap(wrapped)
        if kind == "A_Const":
            found.constants.append(literal(inner))
            continue
        column = _column(level, kind, inner, wrapped, enums)
        text = structure(level, wrapped) if column is not None else None
        if column is not None and text is not None and (fresh or text in found.columns):
            found.columns.setdefault(text, column)
            found.row.slots[id(inner)] = list(found.columns).index(text)
        if kind != "ColumnRef":
            stack += _children(kind, inner)


def _children(kind: str, inner: Node) -> list[Node]:
    found: list[Node] = []
    for key, value in inner.items():
        if key in {"name", "funcname", "typeName"}:
            continue
        if kind == "SubLink" and key == "subselect":
            # Its columns are its own; the constants in it are compared with ours.
            found += [each for each in within(value) if "A_Const" in each]
        elif isinstance(value, list):
            found += value
        elif isinstance(value, dict):
            found.append(value)
    return found


def _column(
    level: Level, kind: str, inner: Node, wrapped: Node, enums: dict[str, tuple[Single, ...]]
) -> _Column | None:
    """What can be said of a node by itself, if it stands for a column or for what is computed of one."""
    if kind == "FuncCall":
        counts = (names(inner, "funcname") or ("",))[-1] in _COUNTS
        return _Column("int4" if counts else "text", (), not proven(level, wrapped, 0))
    if kind == "A_Expr":
        computed = inner.get("kind") == "AEXPR_OP" and (names(inner, "name") or ("",))[-1] in _COMPUTED
        return _Column("numeric", (), not proven(level, wrapped, 0)) if computed else None
    reference = column_of(level, wrapped) if kind == "ColumnRef" else None
    if reference is None:
        return None
    range_, name = reference
    allowed = _allowed(range_)
    for type_, texts in allowed.types.items():
        enums[type_] = enums.get(type_) or _labels(texts)
    own = next((type_ for type_, texts in allowed.types.items() if texts == allowed.labels.get(name)), None)
    labels = enums[own] if own is not None else ()
    kind = allowed.kinds.get(name, "")
    if not labels and kind not in _INTEGERS and kind not in _DENSE and kind not in _TEXTS and kind != "bool":
        return None
    return _Column(kind, labels, not proven(level, wrapped, 0), not range_.nullable)


def _labels(texts: tuple[str, ...]) -> tuple[Single, ...]:
    places: Mapping[str, int] = {text: place for place, text in enumerate(texts)}
    return tuple(Label(text, places) for text in texts)


def _references(expression: Node) -> Iterator[Node]:
    for each in within(expression, "subselect"):
        if "ColumnRef" in each:
            yield each


def _columns(level: Level, expression: Node) -> Iterator[tuple[Range, str]]:
    for each in _references(expression):
        if (found := column_of(level, each)) is not None:
            yield found


def _allowed(range_: Range) -> Allowed:
    relation = range_.relation
    return Allowed(kinds={}, labels={}, types={}, checks=()) if relation is None else relation.allowed()


def confined(level: Level, condition: Node) -> bool:
    """Whether it mentions a column that cannot hold every value of a large type."""
    return any(
        range_.relation is not None and name in range_.relation.confined for range_, name in _columns(level, condition)
    )

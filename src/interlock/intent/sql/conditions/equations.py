"""`left = right`, by far the most common condition, taken apart once for everybody who asks about it."""

from typing import NamedTuple

from interlock.intent.sql.conditions.folding import column_of
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.tree import Node, body, names, node

EQUALS = frozenset({("=",), ("pg_catalog", "=")})


class Equation(NamedTuple):
    """A condition that compares by `=`. `column` and `other` say which column of the query a side is, if it is one;
    `own` that the `=` is not asked for from a schema that users write in."""

    left: Node
    right: Node
    column: tuple[Range, str] | None
    other: tuple[Range, str] | None
    own: bool

    @property
    def pair(self) -> tuple[Range, str, Range, str] | None:
        """The columns of two ranges that it makes equal: it depends on the row, whatever they hold."""
        if self.column is None or self.other is None or self.column[0] is self.other[0]:
            return None
        return (*self.column, *self.other)


def equation(level: Level, condition: Node) -> Equation | None:
    """The equation that a condition is; None for any other."""
    inner = body(condition, "A_Expr")
    if inner is None or inner.get("kind") != "AEXPR_OP":
        return None
    name = names(inner, "name")
    left, right = node(inner, "lexpr"), node(inner, "rexpr")
    if left is None or right is None or name[-1:] != ("=",):
        return None
    other = column_of(level, right) if "ColumnRef" in right else None
    return Equation(left, right, column_of(level, left), other, name in EQUALS)

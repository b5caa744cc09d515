"""`left = right`, by far the most common condition, taken apart once for everybody who asks about it."""

from typing import Final

from interlock.intent.sql.conditions.folding import column_of
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.tree import Node, body, names, node

EQUALS: Final = frozenset({("=",), ("pg_catalog", "=")})


class Equation:
    """A condition that compares by `=`. `column` and `other` say which column of the query a side is, if it is one;
    `own` that the `=` is not asked for from a schema that users write in."""

    __slots__ = ("column", "left", "name", "node", "other", "own", "right")

    def __init__(
        self,
        node_: Node,
        name: tuple[str, ...],
        left: Node,
        right: Node,
        column: tuple[Range, str] | None,
        other: tuple[Range, str] | None,
    ) -> None:
        self.node, self.name, self.left, self.right, self.column, self.other = node_, name, left, right, column, other
        self.own = len(name) == 1 or name in EQUALS

    @property
    def pair(self) -> tuple[Range, str, Range, str] | None:
        """The columns of two ranges that it makes equal: it depends on the row, whatever they hold."""
        one, other = self.column, self.other
        return None if one is None or other is None or one[0] is other[0] else (one[0], one[1], other[0], other[1])

    @property
    def plain(self) -> bool:
        """Whether each side is a column of the query, a literal or a parameter: nothing else is mentioned."""
        return (self.column is not None or _stands(self.left)) and (self.other is not None or _stands(self.right))


def _stands(side: Node) -> bool:
    return "A_Const" in side or "ParamRef" in side


def equation(level: Level, condition: Node) -> Equation | None:
    """The equation that a condition is; None for any other."""
    inner = body(condition, "A_Expr")
    if inner is None or inner.get("kind") != "AEXPR_OP":
        return None
    name = names(inner, "name")
    left, right = node(inner, "lexpr"), node(inner, "rexpr")
    if left is None or right is None or not name or name[-1] != "=":
        return None
    column = column_of(level, left) if "ColumnRef" in left else None
    other = column_of(level, right) if "ColumnRef" in right else None
    return Equation(inner, name, left, right, column, other)

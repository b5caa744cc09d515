"""CHECK constraints as the parser would give them: read off the tree that the server keeps (pg_constraint.conbin).

What is not known of it becomes a node that nothing is known of. Constants are read as a little-endian server keeps
them; what does not look like one is not known.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from interlock.intent.sql.catalog.kept import Kept, KeptNode, Unreadable, kept_list, kept_node, kept_number, read_kept
from interlock.intent.sql.catalog.rows import Check
from interlock.intent.sql.tree import Node

_UNKNOWN: Final[Node] = {"Unknown": {}}
_DEPTH: Final = 50
# pg_type.dat
_BOOL, _NUMERIC, _DATE, _CAST_BY_FUNCTION = 16, 1700, 1082, (1, 2)
_INTEGERS: Final = frozenset({20, 21, 23})
_TEXTS: Final = frozenset({25, 1042, 1043})
_MOMENTS: Final = frozenset({1114, 1184})
_TEXT_ARRAYS: Final = frozenset({1002, 1009, 1014, 1015})
_NAMED: Final = {
    16: "bool", 20: "int8", 21: "int2", 23: "int4", 25: "text", 700: "float4", 701: "float8", 1082: "date",
    1114: "timestamp", 1184: "timestamptz", 1700: "numeric",
}  # fmt: skip
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BOOLEAN_TESTS: Final = ("IS_TRUE", "IS_NOT_TRUE", "IS_FALSE", "IS_NOT_FALSE", "IS_UNKNOWN", "IS_NOT_UNKNOWN")


def condition(check: Check, columns: Mapping[int, str], labels: Mapping[int, str], value: str = "") -> Node:
    """What a check asks; `columns` by number, `labels` of enumerations by oid, `value` names a domain's column."""
    try:
        return _Reader(check.names, columns, labels, value).read(read_kept(check.tree), 0)
    except (Unreadable, RecursionError):
        return _UNKNOWN


class _Reader:
    def __init__(
        self, names: Mapping[str, str], columns: Mapping[int, str], labels: Mapping[int, str], value: str
    ) -> None:
        self._names, self._columns, self._labels, self._value = names, columns, labels, value

    def read(self, tree: "Kept | None", depth: int) -> Node:
        if not isinstance(tree, dict) or depth > _DEPTH:
            return _UNKNOWN
        depth += 1
        match tree.get(""):
            case "VAR":
                return self._column(tree)
            case "COERCETODOMAINVALUE":
                return _reference(self._value) if self._value else _UNKNOWN
            case "CONST":
                return self._constant(tree)
            case "RELABELTYPE" | "COERCETODOMAIN" | "COLLATEEXPR" | "ARRAYCOERCEEXPR":
                return self.read(tree.get("arg"), depth)
            case "COERCEVIAIO":
                return _cast(self.read(tree.get("arg"), depth), kept_number(tree, "resulttype"))
            case "BOOLEXPR":
                operation = {"and": "AND_EXPR", "or": "OR_EXPR", "not": "NOT_EXPR"}[str(tree.get("boolop"))]
                return {"BoolExpr": {"boolop": operation, "args": self._all(tree, depth)}}
            case "NULLTEST":
                asked = "IS_NOT_NULL" if kept_number(tree, "nulltesttype") else "IS_NULL"
                return {"NullTest": {"nulltesttype": asked, "arg": self.read(tree.get("arg"), depth)}}
            case "BOOLEANTEST":
                asked = _BOOLEAN_TESTS[kept_number(tree, "booltesttype")]
                return {"BooleanTest": {"booltesttype": asked, "arg": self.read(tree.get("arg"), depth)}}
            case "ARRAYEXPR":
                elements = [self.read(each, depth) for each in kept_list(tree.get("elements"))]
                return {"A_ArrayExpr": {"elements": elements}}
            case _:
                return self._called(tree, depth)

    def _all(self, tree: KeptNode, depth: int) -> list[Node]:
        return [self.read(each, depth) for each in kept_list(tree.get("args"))]

    def _called(self, tree: KeptNode, depth: int) -> Node:
        """An operator or a function of the server."""
        kind, arguments = tree.get(""), self._all(tree, depth)
        if kind == "FUNCEXPR":
            if kept_number(tree, "funcformat") in _CAST_BY_FUNCTION:
                return _cast(arguments[0], kept_number(tree, "funcresulttype")) if len(arguments) == 1 else _UNKNOWN
            name = self._names.get(f"f{kept_number(tree, 'funcid')}")
            return {"FuncCall": {"funcname": _name(name), "args": arguments}} if name is not None else _UNKNOWN
        name = self._names.get(f"o{kept_number(tree, 'opno')}") if "opno" in tree else None
        if name is None or len(arguments) != 2:
            return _UNKNOWN
        form = {"OPEXPR": "AEXPR_OP", "DISTINCTEXPR": "AEXPR_DISTINCT"}.get(str(kind))
        if kind == "SCALARARRAYOPEXPR":
            form = "AEXPR_OP_ANY" if tree.get("useOr") == "true" else "AEXPR_OP_ALL"
        if form is None:
            return _UNKNOWN
        return {"A_Expr": {"kind": form, "name": _name(name), "lexpr": arguments[0], "rexpr": arguments[1]}}

    def _column(self, tree: KeptNode) -> Node:
        name = self._columns.get(kept_number(tree, "varattno"))
        return _reference(name) if name is not None and not kept_number(tree, "varlevelsup") else _UNKNOWN

    def _constant(self, tree: KeptNode) -> Node:
        if tree.get("constisnull") == "true":
            return {"A_Const": {"isnull": True}}
        type_, data = kept_number(tree, "consttype"), _bytes(kept_node(tree).get("constvalue"))
        if type_ in _TEXT_ARRAYS:
            return _array(data)
        if type_ in _TEXTS:
            return _text(_payload(data).decode())
        if type_ == _NUMERIC:
            return _numeric(_payload(data))
        if len(data) != 8 or tree.get("constbyval") != "true":
            return _UNKNOWN
        number = int.from_bytes(data, "little", signed=True)
        if type_ == _BOOL:
            return {"A_Const": {"boolval": {"boolval": number != 0}}}
        if type_ in _INTEGERS:
            return _number(Fraction(number))
        if type_ == _DATE or type_ in _MOMENTS:
            return _moment(number * (86_400_000_000 if type_ == _DATE else 1))
        label = self._labels.get(number & 0xFFFFFFFF)
        return _text(label) if label is not None else _UNKNOWN


def _bytes(listed: "Kept | None") -> bytes:
    return bytes(int(each) & 0xFF for each in kept_list(listed) if isinstance(each, str))


def _payload(data: bytes) -> bytes:
    """A value of variable length without its four bytes of header (varatt.h); raises Unreadable for other headers."""
    if len(data) < 4 or data[0] & 3 or int.from_bytes(data[:4], "little") >> 2 != len(data):
        raise Unreadable
    return data[4:]


def _array(data: bytes) -> Node:
    """An array of texts with one dimension and without NULL (utils/array.h)."""
    inside = _payload(data)
    head = [int.from_bytes(inside[at : at + 4], "little") for at in range(0, 20, 4)]
    if len(inside) < 20 or head[0] != 1 or head[1]:
        return _UNKNOWN
    elements: list[Node] = []
    at = 20
    for _ in range(head[3]):
        size = int.from_bytes(inside[at : at + 4], "little") >> 2
        elements.append(_text(_payload(inside[at : at + size]).decode()))
        at += size + -size % 4
    return {"A_ArrayExpr": {"elements": elements}}


def _numeric(data: bytes) -> Node:
    """A numeric as it is stored (utils/adt/numeric.c): a header, a weight, digits to the base of ten thousand."""
    head = int.from_bytes(data[:2], "little")
    if head & 0xC000 == 0xC000:
        return _UNKNOWN
    if head & 0x8000:
        negative, digits = head & 0x2000, data[2:]
        weight = (head & 0x3F) - (0x40 if head & 0x40 else 0)
    else:
        negative, digits = head & 0x4000, data[4:]
        weight = int.from_bytes(data[2:4], "little", signed=True)
    total = Fraction(0)
    for at in range(0, len(digits), 2):
        total += Fraction(10_000) ** (weight - at // 2) * int.from_bytes(digits[at : at + 2], "little")
    return _number(-total if negative else total)


def _moment(microseconds: int) -> Node:
    try:
        return _text((_EPOCH + timedelta(microseconds=microseconds)).replace(tzinfo=None).isoformat(" "))
    except OverflowError:
        return _UNKNOWN


def _number(value: Fraction) -> Node:
    if value.denominator == 1:
        return {"A_Const": {"ival": {"ival": value.numerator}}}
    return {"A_Const": {"fval": {"fval": str(value)}}}


def _text(value: str) -> Node:
    return {"A_Const": {"sval": {"sval": value}}}


def _reference(name: str) -> Node:
    return {"ColumnRef": {"fields": _name(name)}}


def _name(name: str | None) -> list[Node]:
    return [{"String": {"sval": name}}]


def _cast(argument: Node, type_: int) -> Node:
    named = _NAMED.get(type_)
    return {"TypeCast": {"arg": argument, "typeName": {"names": _name(named)}}} if named is not None else _UNKNOWN

"""Typed access to the parser's JSON tree: nodes are dicts, a wrapped node is a dict with its kind as only key."""

from collections.abc import Iterator
from typing import Final, TypeAlias

# Its lists hold nodes alone; a NULL among them is an empty one.
Json: TypeAlias = str | int | float | bool | list["Node"] | dict[str, "Json"] | None
Node: TypeAlias = dict[str, Json]
# An expression, or several.
Parts: TypeAlias = Json | list[Json]

EMPTY: Final[Node] = {}


def words(text: str) -> frozenset[str]:
    """A set of names written with blanks between them."""
    return frozenset(text.split())


def node(holder: Node, key: str) -> Node | None:
    """The object under `key`, wrapped or not; None where there is none."""
    value = holder.get(key)
    return value if isinstance(value, dict) else None


def nodes(holder: Node, key: str) -> list[Node]:
    """The objects in the list under `key`: the tree's own list, not to be changed."""
    value = holder.get(key)
    return value if isinstance(value, list) else []


def beside_literals(listed: list[Node]) -> list[Node]:
    """Those of a list of expressions that are no literals: of thousands of values mostly none."""
    return [item for item in listed if "A_Const" not in item]


def holds(listed: list[Node], kind: str) -> bool:
    """Whether one of a list of wrapped nodes is of this kind."""
    return any(kind in item for item in listed)


def word(holder: Node, key: str) -> str:
    """The text under `key`, or the empty string."""
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def number(holder: Node, key: str, default: int = 0) -> int:
    """The integer under `key`: the parser leaves zeros out."""
    value = holder.get(key)
    return value if isinstance(value, int) else default


def flag(holder: Node, key: str) -> bool:
    """True where `key` is set: the parser leaves out what is false."""
    return holder.get(key) is True


def unwrap(wrapped: Node | None) -> tuple[str, Node]:
    """The kind and body of a wrapped node; ("", {}) for a missing one."""
    if wrapped:
        for kind, body in wrapped.items():
            if isinstance(body, dict):
                return kind, body
    return "", EMPTY


def body(wrapped: Node | None, kind: str) -> Node | None:
    """The body of `wrapped` if it is of this kind."""
    found = wrapped.get(kind) if wrapped else None
    return found if isinstance(found, dict) else None


def names(holder: Node, key: str) -> tuple[str, ...]:
    """The strings of a list of String nodes: a qualified name."""
    listed = holder.get(key)
    if not isinstance(listed, list):
        return ()
    if len(listed) == 1:
        # An unqualified name, by far the most common.
        string = listed[0].get("String")
        text = string.get("sval") if isinstance(string, dict) else None
        return (text,) if isinstance(text, str) else ()
    found: list[str] = []
    for item in listed:
        if isinstance(string := item.get("String"), dict):
            text = string.get("sval")
            found.append(text if isinstance(text, str) else "")
    return tuple(found)


def wrapped_names(wrapped: Node) -> tuple[str, ...]:
    """The qualified name that a List, TypeName, String or ObjectWithArgs node stands for."""
    kind, inner = unwrap(wrapped)
    if kind == "String":
        return (word(inner, "sval"),)
    key = {"List": "items", "TypeName": "names", "ObjectWithArgs": "objname"}.get(kind)
    return names(inner, key) if key else ()


def constant(wrapped: Node | None) -> str | int | float | bool | None:
    """The value of an A_Const or of a bare Integer, Float, String or Boolean node; None for NULL and anything else."""
    kind, inner = unwrap(wrapped)
    if kind == "A_Const":
        for key in ("ival", "sval", "boolval", "fval", "bsval"):
            value = node(inner, key)
            if value is not None:
                return _value(key, value)
        return None
    bare = {"Integer": "ival", "String": "sval", "Float": "fval", "Boolean": "boolval"}.get(kind)
    return _value(bare, inner) if bare else None


def _value(key: str, holder: Node) -> str | int | float | bool:
    if key == "ival":
        return number(holder, "ival")
    if key == "boolval":
        return flag(holder, "boolval")
    if key == "fval":
        try:
            return float(word(holder, "fval"))
        except ValueError:
            return word(holder, "fval")
    return word(holder, key)


def split_name(text: str) -> tuple[str, ...]:
    """The parts of a name as regclass reads it: `a."B c"` is ("a", "B c"); () where it is malformed."""
    parts: list[str] = []
    at, end = 0, len(text)
    while at <= end:
        if text.startswith('"', at):
            close = at + 1
            while close < end and not (text[close] == '"' and not text.startswith('""', close)):
                close += 2 if text.startswith('""', close) else 1
            parts.append(text[at + 1 : close].replace('""', '"'))
            at = close + 1
        else:
            dot = text.find(".", at)
            stop = dot if dot >= 0 else end
            parts.append(text[at:stop].strip().lower())
            at = stop
        if at >= end:
            return tuple(parts) if all(parts) else ()
        if text[at] != ".":
            return ()
        at += 1
    return ()


def option_on(options: list[Node], name: str) -> bool:
    """Whether this option is on; of several the last one counts (commands/explain.c)."""
    found = False
    for wrapped in options:
        option = body(wrapped, "DefElem") or {}
        if word(option, "defname") == name:
            value = constant(node(option, "arg")) if "arg" in option else True
            found = str(value).lower() not in {"false", "off", "0", "no", "f"}
    return found


def output_name(target: Node) -> str:
    """The name PostgreSQL gives a column of the answer (FigureColname), for the shapes it is asked for."""
    if name := word(target, "name"):
        return name
    kind, inner = unwrap(node(target, "val"))
    while kind in {"TypeCast", "CollateClause"}:
        kind, inner = unwrap(node(inner, "arg"))
    if kind == "ColumnRef":
        return (names(inner, "fields") or ("?column?",))[-1]
    if kind == "FuncCall":
        return (names(inner, "funcname") or ("?column?",))[-1]
    return {"CoalesceExpr": "coalesce", "CaseExpr": "case", "RowExpr": "row", "A_ArrayExpr": "array"}.get(
        kind, "?column?"
    )


def within(value: Parts, *apart: str) -> Iterator[Node]:
    """Every node of an expression or a list of them, those behind the keys of `apart` left out."""
    stack: list[Parts] = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, list):
            stack.extend(current)
        elif isinstance(current, dict):
            yield current
            stack.extend([inner for key, inner in current.items() if key not in apart] if apart else current.values())

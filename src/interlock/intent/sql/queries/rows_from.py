"""Functions that stand in FROM: what they are given is what comes out."""

from interlock.intent.sql.queries.expressions import walk
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reach.counting import LIGHT, series, spelled_rows
from interlock.intent.sql.reach.joins import tie
from interlock.intent.sql.reach.stalls import refuse_repeated
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import EMPTY, Node, body, names, node, nodes, unwrap, word


def add_functions(reading: Reading, level: Level, inner: Node) -> None:
    """They see their siblings, and are tied to those they mention."""
    reading.mentions = []
    hits, reading.hits = reading.hits, set()
    made, reading.series = reading.series, 0.0
    columns = [*nodes(inner, "coldeflist")]  # ROWS FROM (f() AS (a int)) has them beside each function
    for wrapped in nodes(inner, "functions"):
        called, *behind = nodes(unwrap(wrapped)[1], "items") or [EMPTY]
        walk(reading, level, called)
        columns += [column for listed in behind for column in nodes(body(listed, "List") or EMPTY, "items")]
    alias = node(inner, "alias") or {}
    _definitions(reading, columns)
    numbers = series(inner)
    range_ = Range(word(alias, "aliasname") or _function_name(inner), weighs=numbers > LIGHT)
    range_.numbers, range_.sources = numbers or None, reading.sources()
    range_.spelled = max(numbers, spelled_rows(inner))
    defined = [word(body(column, "ColumnDef") or {}, "colname") for column in columns]
    range_.given = frozenset([*names(alias, "colnames"), *defined])
    level.ranges.append(range_)
    if reading.hits and reading.series and not numbers:
        refuse_repeated(reading, level)
    reading.series = max(made, reading.series)
    tie(level, reading.hits | {id(range_)})
    reading.hits = hits | reading.hits


def _definitions(reading: Reading, listed: list[Node]) -> None:
    for wrapped in listed:
        walk(
            reading,
            None,
            {key: value for key, value in (body(wrapped, "ColumnDef") or {}).items() if key == "typeName"},
        )


def _function_name(inner: Node) -> str:
    for wrapped in nodes(inner, "functions"):
        for item in nodes(unwrap(wrapped)[1], "items"):
            call = body(item, "FuncCall")
            if call is not None:
                return (names(call, "funcname") or ("",))[-1]
    return ""


def add_table_function(reading: Reading, level: Level, inner: Node) -> None:
    """XMLTABLE and JSON_TABLE: computed from the expressions they hold."""
    reading.mentions = []
    walk(reading, level, [value for key, value in inner.items() if key != "alias"])
    range_ = Range(word(node(inner, "alias") or {}, "aliasname"))
    range_.sources = reading.sources()
    level.ranges.append(range_)

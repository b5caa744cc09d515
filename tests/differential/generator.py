"""Statements by the thousand: a grammar of queries and writes over a world, from a seed.

Written to be odd rather than likely: names that hide others, sub-queries wherever an expression may stand, whole rows,
stars, USING and NATURAL, views, partitions, functions, writes inside WITH. A statement need not be sensible, and the
server refuses some; equal seeds give equal statements.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.differential.schema import Column, Table

_LITERALS: Final = {
    "int": ("1", "2", "3", "7", "0"),
    "num": ("1", "2.5", "10"),
    "text": ("'a'", "'b'", "'DE'", "''"),
    "bool": ("true", "false", "NULL::bool"),
    "time": ("'2024-05-01'::timestamptz", "now()"),
    "date": ("'2024-05-01'::date", "current_date"),
    "json": ("'{}'::jsonb", "'{\"a\": 1}'::jsonb"),
    "array": ("ARRAY['a']", "'{}'::text[]"),
    "status": ("'new'::order_status", "'paid'::order_status"),
}
# Calls by the family of what they give; {int} and the like are expressions.
_CALLS: Final = {
    "int": (
        "abs({int})", "length({text})", "coalesce({int}, {int})", "({int} + {int})", "({int})::int",
        "extract(year FROM {time})::int", "(CASE WHEN {bool} THEN {int} ELSE {int} END)", "jsonb_array_length({json})",
        "cardinality({array})", "nullif({int}, {int})", "lab.count_all()", "app.lazy(1)",
    ),
    "num": ("app.vat({num})", "round({num}, 1)", "({num} * {num})", "({int})::numeric", "greatest({num}, {int})"),
    "text": (
        "upper({text})", "({text} || {text})", "app.slug({text})", "({int})::text", "coalesce({text}, {text})",
        "left({text}, 3)", "({json} ->> 'a')", "to_char({time}, 'YYYY')", "({status})::text", "({row})::text",
        "format('%s', {row})", "lab.lower({text})", "concat({row}, {text})", "({array})[1]",
    ),
    "bool": (
        "{int} = {int}", "{text} LIKE {text}", "({bool} AND {bool})", "({bool} OR {bool})", "NOT {bool}",
        "{time} < {time}", "{int} IS NULL", "{text} IS DISTINCT FROM {text}", "{num} BETWEEN {num} AND {num}",
        "{row} IS NOT NULL", "{int} IN (SELECT {=int})", "EXISTS ({query})", "{text} = ANY ({array})",
        "({int}, {text}) IN (SELECT {=int}, {=text})", "{int} = ANY (SELECT {=int})", "starts_with({text}, {text})",
    ),
    "time": ("date_trunc('month', {time})", "({time} + interval '1 day')", "({date})::timestamptz"),
    "date": ("({time})::date", "({date} + ({int})::int)"),
    "json": ("to_jsonb({row})", "jsonb_build_object('k', {text})", "({json} || {json})", "row_to_json({row})::jsonb"),
    "array": ("ARRAY[{text}, {text}]", "string_to_array({text}, ',')", "ARRAY(SELECT {=text})"),
    "status": ("{status}",),
}  # fmt: skip
_AGGREGATES: Final = {
    "int": ("count(*)", "count(DISTINCT {text})", "max({int})", "sum({int})::int", "count({row})"),
    "num": ("sum({num})", "avg({num})", "app.total({num})"),
    "text": ("string_agg({text}, ',' ORDER BY {int})", "min({text})", "max({text}) FILTER (WHERE {bool})"),
    "json": ("jsonb_agg({row})", "to_jsonb(array_agg({text}))"),
}
_WINDOWS: Final = {
    "int": (
        "row_number() OVER (PARTITION BY {text} ORDER BY {int})", "lag({int}) OVER (ORDER BY {time})", "rank() OVER w",
    ),
    "num": ("sum({num}) OVER (PARTITION BY {int})",),
}  # fmt: skip
_NAMES: Final = ("a", "b", "c", "n", "o", "notes", "orders", "id", "x", "email", "customers", "name", "body")
_FAMILIES: Final = tuple(_LITERALS)


@dataclass(slots=True, kw_only=True)
class Item:
    """Something to refer to in a query: its alias, its columns; `rowed` where the alias may stand for the row."""

    alias: str
    columns: tuple[Column, ...]
    rowed: bool = True


@dataclass(slots=True, kw_only=True)
class Names:
    """What is in sight: the items of this query, those around it, and the CTEs."""

    items: list[Item] = field(default_factory=list)
    around: "Names | None" = None
    ctes: dict[str, tuple[Column, ...]] = field(default_factory=dict)

    def all_ctes(self) -> dict[str, tuple[Column, ...]]:
        """CTEs of every level."""
        return {**(self.around.all_ctes() if self.around is not None else {}), **self.ctes}


class Generator:
    """Makes statements from a seed; `tables` are what they speak of."""

    def __init__(self, seed: int, tables: list[Table]) -> None:
        self._random = Random(seed)
        self._tables = tables
        self._serial = 0
        self._depth = 0

    def statement(self) -> str:
        """The next statement."""
        self._serial, self._depth = 0, 0
        makers: list[tuple[int, Callable[[], str]]] = [
            (12, self._select_statement),
            (4, lambda: self._insert(Names())[0]),
            (4, lambda: self._update(Names())[0]),
            (3, lambda: self._delete(Names())[0]),
            (2, lambda: self._merge(Names())),
            (3, self._writing_with),
            (1, self._structure),
        ]
        weights = [weight for weight, _ in makers]
        return self._random.choices([make for _, make in makers], weights)[0]()

    # -- choices -----------------------------------------------------------------------------------

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _deep(self) -> bool:
        return self._depth > 3

    def _alias(self, taken: list[Item]) -> str:
        """A new name, often one that a table, a column or something around has as well."""
        used = {item.alias for item in taken}
        name = self._random.choice(_NAMES)
        if name in used or self._chance(0.4):
            self._serial += 1
            return f"t{self._serial}"
        return name

    # -- expressions -------------------------------------------------------------------------------

    def _expression(self, family: str, names: Names) -> str:
        """An expression of this family: a column, a literal, a call, a sub-query."""
        self._depth += 1
        try:
            roll = self._random.random()
            if self._depth > 5 or roll < 0.5:
                return self._column(family, names) or self._random.choice(_LITERALS[family])
            if roll < 0.6:
                return self._random.choice(_LITERALS[family])
            if roll < 0.75 and not self._deep():
                return f"({self._query([family], names, scalar=True)[0]})"
            return self._fill(self._random.choice(_CALLS[family]), names)
        finally:
            self._depth -= 1

    def _column(self, family: str, names: Names) -> str | None:
        """A column in sight, now and then one from further out, bare or qualified."""
        level: Names | None = names
        while level is not None:
            found = [(item, c) for item in level.items for c in item.columns if c.family == family]
            if found and (level.around is None or self._chance(0.75)):
                item, column = self._random.choice(found)
                bare = self._chance(0.4) and (self._chance(0.05) or _reaches(names, level, column.name))
                return f'"{column.name}"' if bare else f'{item.alias}."{column.name}"'
            level = level.around
        return None

    def _row(self, names: Names) -> str:
        level: Names | None = names
        while level is not None:
            rowed = [item.alias for item in level.items if item.rowed]
            if rowed:
                return self._random.choice(rowed)
            level = level.around
        return "ROW(1)"

    def _fill(self, pattern: str, names: Names) -> str:
        """Put expressions where a pattern asks for them; `{=f}` is what a sub-query gives, `{query}` a whole one."""
        parts = pattern.replace("}", "{").split("{")
        for at in range(1, len(parts), 2):
            wanted = parts[at]
            if wanted == "row":
                parts[at] = self._row(names)
            elif wanted == "query":
                parts[at] = "SELECT 1" if self._deep() else self._query(["int"], names)[0]
            elif wanted.startswith("="):
                parts[at] = self._inner(wanted[1:], names)
            else:
                parts[at] = self._expression(wanted, names)
        return "".join(parts)

    def _inner(self, family: str, names: Names) -> str:
        """Behind SELECT: sub-queries inside IN and ARRAY are written out here, with their own FROM at times."""
        if self._deep():
            return self._random.choice(_LITERALS[family])
        text, _ = self._query([family], names, scalar=False)
        return f"({text} LIMIT 1)"

    # -- queries -----------------------------------------------------------------------------------

    def _select_statement(self) -> str:
        names = Names()
        head = self._with(names) if self._chance(0.3) else ""
        families = [self._random.choice(_FAMILIES) for _ in range(self._random.randint(1, 3))]
        return head + self._query(families, names)[0]

    def _with(self, names: Names) -> str:
        listed = []
        for _ in range(self._random.randint(1, 2)):
            families = [self._random.choice(_FAMILIES) for _ in range(2)]
            text, columns = self._query(families, names)
            name = self._random.choice(("notes", "orders", "gone", "seen", "customers"))
            if name in names.ctes:
                continue
            if self._chance(0.3):
                columns = tuple(Column(name=f"c{at}", family=c.family, computed=False) for at, c in enumerate(columns))
                listed.append(f"{name} ({', '.join(c.name for c in columns)}) AS ({text})")
            else:
                listed.append(f"{name} AS {self._random.choice(('', 'MATERIALIZED '))}({text})")
            names.ctes[name] = columns
        return f"WITH {', '.join(listed)} " if listed else ""

    def _query(self, families: list[str], around: Names, *, scalar: bool = False) -> tuple[str, tuple[Column, ...]]:
        """A query with columns of these families, and what those are called."""
        self._depth += 1
        try:
            if not scalar and self._chance(0.15):
                left, columns = self._plain(families, around)
                right, _ = self._plain(families, around)
                operation = self._random.choice(("UNION ALL", "UNION", "INTERSECT", "EXCEPT"))
                return f"({left}) {operation} ({right})", columns
            text, columns = self._plain(families, around)
            return (f"{text} LIMIT 1" if scalar and " LIMIT " not in text[-12:] else text), columns
        finally:
            self._depth -= 1

    def _plain(self, families: list[str], around: Names) -> tuple[str, tuple[Column, ...]]:
        names = Names(around=around)
        source = self._from(names)
        if self._chance(0.15) and len(families) == 1 and families[0] in _AGGREGATES:
            return self._grouped(families[0], names, source)
        listed, columns = self._targets(families, names)
        text = f"SELECT {self._random.choice(('', '', '', 'DISTINCT '))}{', '.join(listed)} FROM {source}"
        if self._chance(0.6):
            text += f" WHERE {self._expression('bool', names)}"
        if "OVER w" in text:
            text += f" WINDOW w AS (ORDER BY {self._expression('int', names)})"
        if "DISTINCT" not in text and self._chance(0.3):
            text += f" ORDER BY {self._order(columns, names)}"
        return text, columns

    def _targets(self, families: list[str], names: Names) -> tuple[list[str], tuple[Column, ...]]:
        listed, columns = [], []
        for at, family in enumerate(families):
            window = family in _WINDOWS and self._chance(0.1)
            value = (
                self._fill(self._random.choice(_WINDOWS[family]), names) if window else self._expression(family, names)
            )
            name = self._random.choice(_NAMES) if self._chance(0.5) else f"v{at}"
            if any(column.name == name for column in columns):
                name = f"v{at}"
            listed.append(f"{value} AS {name}")
            columns.append(Column(name=name, family=family, computed=False))
        return listed, tuple(columns)

    def _order(self, columns: tuple[Column, ...], names: Names) -> str:
        """By a column of the answer, by place, or by an expression, in which the answer's names mean nothing."""
        chosen = self._random.choice(columns)
        family = self._random.choice(("int", "text"))
        if self._chance(0.1):
            return f"upper({chosen.name}::text)"
        return self._random.choice((chosen.name, "1", f"({self._expression(family, names)}) || ''"))

    def _grouped(self, family: str, names: Names, source: str) -> tuple[str, tuple[Column, ...]]:
        value = self._fill(self._random.choice(_AGGREGATES[family]), names)
        text = f"SELECT {value} AS v0 FROM {source}"
        if self._chance(0.5):
            text += f" WHERE {self._expression('bool', names)}"
        key = self._column(self._random.choice(("int", "text", "time")), names)
        if key is not None and self._chance(0.6):
            text += f" GROUP BY {self._random.choice((key, f'ROLLUP ({key})'))}"
            if self._chance(0.5):
                text += f" HAVING {self._fill(self._random.choice(_AGGREGATES['int']), names)} >= 0"
        return text, (Column(name="v0", family=family, computed=False),)

    # -- FROM --------------------------------------------------------------------------------------

    def _from(self, names: Names) -> str:
        text = self._item(names)
        for _ in range(self._random.choice((0, 0, 1, 1, 2))):
            text = self._joined(text, names)
        return text

    def _joined(self, left: str, names: Names) -> str:
        before = list(names.items)
        right = self._item(names)
        shared = {c.name for item in before for c in item.columns} & {c.name for c in names.items[-1].columns}
        once = [n for n in sorted(shared) if sum(c.name == n for item in before for c in item.columns) == 1]
        roll = self._random.random()
        kind = self._random.choice(("JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"))
        if roll < 0.2 and once:
            kind = "JOIN" if "LATERAL" in right or not names.items[-1].rowed else kind
            return f'{left} {kind} {right} USING ("{self._random.choice(once)}")'
        if roll < 0.27:
            return f"{left} NATURAL JOIN {right}"
        if roll < 0.4:
            return f"{left}, {right}"
        kind = "LEFT JOIN" if "LATERAL" in right or not names.items[-1].rowed else kind
        condition = self._expression("bool", names) if self._chance(0.5) else "true"
        if kind in {"FULL JOIN", "RIGHT JOIN"}:
            condition = "true" if kind == "FULL JOIN" else condition
        return f"{left} {kind} {right} ON {condition}"

    def _item(self, names: Names) -> str:
        roll = self._random.random()
        ctes = names.all_ctes()
        alias = self._alias(names.items)
        if ctes and roll < 0.3:
            name = self._random.choice(sorted(ctes))
            names.items.append(Item(alias=alias, columns=ctes[name]))
            return f"{name} AS {alias}"
        if roll < 0.42 and not self._deep():
            return self._sub_query(names, alias)
        if roll < 0.5:
            return self._function(names, alias)
        table = self._random.choice(self._tables)
        if roll < 0.6 and len(table.columns) > 1:
            renamed = tuple(
                Column(name=f"r{at}" if self._chance(0.7) else c.name, family=c.family, computed=False)
                for at, c in enumerate(table.columns)
            )
            names.items.append(Item(alias=alias, columns=renamed))
            return f"{table.shown} AS {alias} ({', '.join(chr(34) + c.name + chr(34) for c in renamed)})"
        only = "ONLY " if self._chance(0.05) else ""
        if roll < 0.75 and table.schema == "public" and all(item.alias != f'"{table.name}"' for item in names.items):
            names.items.append(Item(alias=f'"{table.name}"', columns=table.columns))
            return f"{only}{table.shown}"
        names.items.append(Item(alias=alias, columns=table.columns))
        return f"{only}{table.shown} AS {alias}"

    def _sub_query(self, names: Names, alias: str) -> str:
        lateral = bool(names.items) and self._chance(0.4)
        sight = names if lateral else Names(around=names.around, ctes=names.ctes)
        if self._chance(0.25):
            # A star hands on whatever the names below have.
            inner = Names(around=sight)
            source = self._from(inner)
            columns = tuple(c for item in inner.items for c in item.columns)
            if len({c.name for c in columns}) == len(columns) and " USING " not in source and "NATURAL" not in source:
                names.items.append(Item(alias=alias, columns=columns))
                return f"{'LATERAL ' if lateral else ''}(SELECT * FROM {source}) AS {alias}"
        families = [self._random.choice(_FAMILIES) for _ in range(self._random.randint(1, 3))]
        text, columns = self._query(families, sight)
        names.items.append(Item(alias=alias, columns=columns))
        return f"{'LATERAL ' if lateral else ''}({text}) AS {alias}"

    def _function(self, names: Names, alias: str) -> str:
        text, column = self._random.choice((
            ("generate_series(1, 2)", Column(name="v", family="int", computed=False)),
            ("unnest({array})", Column(name="v", family="text", computed=False)),
            ("app.emails()", Column(name="v", family="text", computed=False)),
            ("jsonb_object_keys({json})", Column(name="v", family="text", computed=False)),
            ("string_to_table({text}, ',')", Column(name="v", family="text", computed=False)),
        ))  # fmt: skip
        filled = self._fill(text, names)
        names.items.append(Item(alias=alias, columns=(column,), rowed=False))
        return f"{filled} AS {alias} (v)"

    # -- writes ------------------------------------------------------------------------------------

    def _target(self, names: Names) -> tuple[Table, str]:
        table = self._random.choice([each for each in self._tables if each.writable])
        alias = self._alias(names.items)
        names.items.append(Item(alias=alias, columns=table.columns))
        return table, alias

    def _beside(self, names: Names) -> str:
        """What an UPDATE or DELETE joins: it does not see the target, the conditions behind it see both."""
        own = Names(around=names.around, ctes=names.ctes)
        source = self._from(own)
        names.items.extend(own.items)
        return source

    def _returning(self, names: Names) -> tuple[str, tuple[Column, ...]]:
        if not self._chance(0.4):
            return "", ()
        if self._chance(0.3):
            return f" RETURNING {names.items[0].alias}.*", names.items[0].columns
        listed, columns = self._targets([self._random.choice(_FAMILIES)], names)
        return f" RETURNING {', '.join(listed)}", columns

    def _insert(self, around: Names) -> tuple[str, tuple[Column, ...]]:
        names = Names(around=around)
        table, alias = self._target(names)
        able = [c for c in table.columns if c.family and not c.computed]
        chosen = able if self._chance(0.7) else able[: self._random.randint(1, len(able))] if able else []
        if not chosen:
            return f"INSERT INTO {table.shown} DEFAULT VALUES", ()
        listed = ", ".join(f'"{c.name}"' for c in chosen)
        outside = Names(around=around)
        if self._chance(0.5):
            source = self._query([c.family for c in chosen], outside)[0]
        else:
            source = f"VALUES ({', '.join(self._expression(c.family, outside) for c in chosen)})"
        text = f"INSERT INTO {table.shown} AS {alias} ({listed}) {source}"
        if self._chance(0.4):
            text += self._conflict(names, chosen)
        returning, columns = self._returning(names)
        return text + returning, columns

    def _conflict(self, names: Names, chosen: list[Column]) -> str:
        if self._chance(0.5):
            return " ON CONFLICT DO NOTHING"
        inner = Names(around=names.around, items=[*names.items, Item(alias="excluded", columns=names.items[0].columns)])
        changed = self._random.choice(chosen)
        value = self._expression(changed.family, inner)
        text = f' ON CONFLICT ("{chosen[0].name}") DO UPDATE SET "{changed.name}" = {value}'
        return text + (f" WHERE {self._expression('bool', inner)}" if self._chance(0.5) else "")

    def _update(self, around: Names) -> tuple[str, tuple[Column, ...]]:
        names = Names(around=around)
        table, alias = self._target(names)
        able = [c for c in table.columns if c.family and not c.computed]
        if not able:
            return self._delete(around)
        source = f" FROM {self._beside(names)}" if self._chance(0.3) else ""
        changed = self._random.sample(able, min(len(able), self._random.randint(1, 2)))
        if len(changed) == 2 and self._chance(0.3) and not source:
            text, _ = self._query([c.family for c in changed], names)
            assigned = f"({', '.join(chr(34) + c.name + chr(34) for c in changed)}) = ({text} LIMIT 1)"
        else:
            assigned = ", ".join(f'"{c.name}" = {self._expression(c.family, names)}' for c in changed)
        text = f"UPDATE {table.shown} AS {alias} SET {assigned}{source}"
        if self._chance(0.8):
            text += f" WHERE {self._expression('bool', names)}"
        returning, columns = self._returning(names)
        return text + returning, columns

    def _delete(self, around: Names) -> tuple[str, tuple[Column, ...]]:
        names = Names(around=around)
        table, alias = self._target(names)
        source = f" USING {self._beside(names)}" if self._chance(0.3) else ""
        text = f"DELETE FROM {table.shown} AS {alias}{source}"
        if self._chance(0.8):
            text += f" WHERE {self._expression('bool', names)}"
        returning, columns = self._returning(names)
        return text + returning, columns

    def _merge(self, around: Names) -> str:
        names = Names(around=around)
        table, alias = self._target(names)
        own = Names(around=around)
        source = self._item(own)
        names.items.extend(own.items)
        text = f"MERGE INTO {table.shown} AS {alias} USING {source} ON {self._expression('bool', names)}"
        able = [c for c in table.columns if c.family and not c.computed]
        if able and self._chance(0.7):
            changed = self._random.choice(able)
            condition = f" AND {self._expression('bool', names)}" if self._chance(0.5) else ""
            text += (
                f' WHEN MATCHED{condition} THEN UPDATE SET "{changed.name}" = {self._expression(changed.family, names)}'
            )
        else:
            text += f" WHEN MATCHED THEN {self._random.choice(('DELETE', 'DO NOTHING'))}"
        if able and self._chance(0.5):
            outside = Names(around=around, items=names.items[1:])
            listed = ", ".join(f'"{c.name}"' for c in able)
            values = ", ".join(self._expression(c.family, outside) for c in able)
            text += f" WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({values})"
        return text

    def _writing_with(self) -> str:
        """Writes inside WITH, which run whether or not anybody reads them."""
        names = Names()
        listed = []
        for name in self._random.sample(("gone", "made", "notes", "orders"), self._random.randint(1, 2)):
            make = self._random.choice((self._insert, self._update, self._delete))
            text, columns = make(names)
            listed.append(f"{name} AS ({text})")
            if columns:
                names.ctes[name] = columns
        outer = self._random.choice((
            lambda: self._query([self._random.choice(_FAMILIES)], names)[0],
            lambda: self._insert(names)[0],
            lambda: self._update(names)[0],
        ))()  # fmt: skip
        return f"WITH {', '.join(listed)} {outer}"

    def _structure(self) -> str:
        """Structure that reads, or that takes other structure with it."""
        table = self._random.choice([each for each in self._tables if each.stored])
        column = self._random.choice(table.columns).name
        query, _ = self._query([self._random.choice(_FAMILIES)], Names())
        return self._random.choice((
            f"CREATE TABLE made_here AS {query}",
            f"CREATE MATERIALIZED VIEW made_here AS {query}",
            f"CREATE TEMP TABLE made_here AS {query}",
            f"CREATE VIEW made_here AS {query}",
            f"TRUNCATE {table.shown} CASCADE",
            f"DROP TABLE {table.shown} CASCADE",
            f'ALTER TABLE {table.shown} DROP COLUMN "{column}" CASCADE',
            f'ALTER TABLE {table.shown} ALTER COLUMN "{column}" TYPE text USING NULL',
            f'CREATE INDEX ON {table.shown} ("{column}")',
            f"LOCK TABLE {table.shown} IN EXCLUSIVE MODE",
            f"DECLARE c CURSOR FOR {query}",
            f"EXPLAIN ANALYZE {query}",
            f"COPY ({query}) TO STDOUT",
        ))  # fmt: skip


def _reaches(names: Names, level: Names, name: str) -> bool:
    """Whether a bare name, written in `names`, means one column of `level`."""
    at: Names | None = names
    while at is not None:
        met = sum(column.name == name for item in at.items for column in item.columns)
        if at is level:
            return met == 1
        if met:
            return False
        at = at.around
    return False

"""What the names inside a query mean: ranges of FROM, CTEs, columns, resolved outward level by level."""

from collections.abc import Mapping
from typing import Final

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.code.functions import DANGEROUS
from interlock.intent.sql.gathered import Gathered
from interlock.intent.sql.reading import Outputs, Reading, Source, Stray
from interlock.intent.sql.tree import Node, body, names as strings
from interlock.intent.sql.vocabulary import READ
from interlock.model import FindingCode, Object, Reach

SYSTEM_COLUMNS: Final = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


_NO_VALUES: Final[Mapping[str, Reach]] = {}


class Range:
    """One item of FROM: a relation, or something computed.

    `columns` maps what a query may call its columns to (name in the relation, sources); None where not known.
    `given` are the names that a function's columns surely have, whatever it gives. `weighs` says that its rows multiply
    those of its neighbours. `group` joins ranges that a predicate connects.
    `numbers` is how many rows a series of them gives, `spelled` how many its text spells out. `valued` are columns that
    are spelled out, in one row or in some.
    """

    __slots__ = (
        "columns",
        "constants",
        "gathered",
        "given",
        "group",
        "hidden",
        "listed",
        "listing",
        "members",
        "name",
        "nullable",
        "numbers",
        "object",
        "pinned",
        "relation",
        "sources",
        "spelled",
        "touched",
        "valued",
        "weighs",
        "written",
    )

    def __init__(
        self, name: str, *, relation: Relation | None = None, object_: Object | None = None, weighs: bool = False
    ) -> None:
        self.name, self.relation, self.object, self.weighs = name, relation, object_, weighs
        self.columns: Mapping[str, tuple[Source, ...]] | None = None
        self.listing: Outputs = None
        self.gathered: Gathered | None = None
        self.group = id(self)
        self.members: list[Range] = []
        self.sources: tuple[Source, ...] = ()
        self.given: frozenset[str] = frozenset()
        self.touched = self.hidden = False  # `hidden` behind the alias of a join: counted, and no longer named
        self.pinned: set[str] = set()
        self.constants: dict[str, str] = {}
        self.listed: set[str] = set()
        self.written = False
        self.numbers: float | None = None
        self.spelled = 1.0
        self.valued: Mapping[str, Reach] = _NO_VALUES
        self.nullable = False  # an outer join may fill its columns with NULL

    def name_columns(self, outputs: Outputs) -> None:
        """Give it the columns of a query, in order; several may share a name."""
        self.listing = outputs
        if outputs is None:
            return
        named: dict[str, tuple[Source, ...]] = {}
        for name, sources in outputs:
            named[name] = (*named[name], *sources) if name in named else sources
        self.columns = named

    def has(self, column: str) -> bool | None:
        """Whether it has this column; None where its columns are not known."""
        if self.hidden:
            return False
        if self.columns is not None:
            return column in self.columns
        if self.relation is not None:
            return column in self.relation.fields or column in SYSTEM_COLUMNS
        return True if column in self.given else None

    def touch(self, reading: Reading, column: str) -> None:
        """Count a mention of one of its columns."""
        self.touched = True
        if self.columns is None and self.relation is not None:
            if column in SYSTEM_COLUMNS:
                self.gather(reading)
                return
            gathered = self.gathered or self.gather(reading)
            if gathered is not None and gathered.fields is not None:
                gathered.fields.add(column)
            reading.mentions.append((self.relation.object, column))
        elif self.columns is not None:
            sources = self.columns.get(column, ())
            gathered = self.gather(reading) if sources and self.relation is not None else None
            if gathered is not None and gathered.fields is not None:
                gathered.fields.update([name for _, name in sources])
            reading.mentions.extend(sources)
        else:
            self.touch_all(reading)

    def mention(self, reading: Reading, column: str) -> None:
        """Count a mention of one of its columns in the expression that is being read."""
        reading.hits.add(id(self))
        self.touch(reading, column)

    def touch_all(self, reading: Reading) -> None:
        """Count a mention of all of its columns: a star, a whole row, a name that could be any of them."""
        self.touched = True
        gathered = self.gather(reading)
        if gathered is not None:
            gathered.fields = None
        for member in self.members:
            member.touch_all(reading)
        for _, sources in self.outputs() or ():
            reading.mentions.extend(sources)
        reading.mentions.extend(self.sources)

    def gather(self, reading: Reading) -> Gathered | None:
        """The READ of its relation; None where it is computed."""
        if self.gathered is None and self.object is not None:
            self.gathered = reading.gather(READ, self.object, self.relation)
        return self.gathered

    def stands_in(self, schema: str) -> bool:
        """Whether it is a relation of this schema, or what would be one."""
        if self.relation is not None:
            return self.relation.schema == schema
        return self.object is not None and not self.object.known and self.object.path[1] == schema

    def outputs(self) -> Outputs:
        """Its columns in order, as a star gives them; None where not known."""
        if self.listing is not None:
            return self.listing
        if self.relation is not None:
            object_ = self.relation.object
            return [(name, ((object_, name),)) for name in self.relation.fields]
        return None


class Level:
    """One query's names: its ranges, its CTEs and what surrounds it."""

    __slots__ = ("answer", "bounds", "ctes", "merged", "pairs", "parent", "ranges", "single", "supposing")

    def __init__(self, parent: "Level | None") -> None:
        self.parent = parent
        self.ranges: list[Range] = []
        self.ctes: dict[str, Outputs] = {}
        # CTEs that give one row whatever they read, or those that are spelled out, and how many; pairs of tables that
        # one bound stands between.
        self.single: dict[str, float] = {}
        self.bounds: set[frozenset[int]] = set()
        # Columns of two relations that must be equal.
        self.pairs: list[tuple[Range, str, Range, str]] = []
        self.answer: Outputs = None  # as far as it is known already
        # Joined by USING or NATURAL: a star gives such columns once, and first.
        self.merged = False
        # Conditions are read as if every column had a plausible value (conditions/supposing.py).
        self.supposing = False

    def around(self, hits: set[int]) -> set[int]:
        """Which of these are ranges of its own or of what surrounds it."""
        found: set[int] = set()
        level: Level | None = self
        while level is not None and hits:
            found.update(hits.intersection(map(id, level.ranges)))
            level = level.parent
        return found

    def answers(self, name: str) -> bool:
        """Whether a column of its answer has this name: ORDER BY may mean it."""
        return any(name == shown for shown, _ in self.answer or ())

    def longest(self) -> float:
        """The rows of its longest series: what stands beside it is computed as often."""
        return max([range_.numbers or 1.0 for range_ in self.ranges], default=1.0)

    def cte(self, name: str) -> tuple[bool, Outputs]:
        """Whether a CTE of this name is in scope, and its columns."""
        level: Level | None = self
        while level is not None:
            if name in level.ctes:
                return True, level.ctes[name]
            level = level.parent
        return False, None

    def gives_few(self, name: str) -> float:
        """How many rows the CTE of this name gives, where that is one or as few as its text spells out; else 0."""
        level: Level | None = self
        while level is not None:
            if name in level.ctes:
                return level.single.get(name, 0.0)
            level = level.parent
        return 0.0

    def range_named(self, name: str, schema: str = "") -> Range | None:
        """The nearest range of this name, outward; with a schema only a relation of it."""
        level: Level | None = self
        while level is not None:
            for range_ in level.ranges:
                if range_.name == name and not range_.hidden and (not schema or range_.stands_in(schema)):
                    return range_
            level = level.parent
        return None


def column(reading: Reading, level: Level, names: tuple[str, ...]) -> None:
    """Count the mention of a column."""
    if len(names) == 1:
        _plain(reading, level, names[0])
    else:
        _qualified(reading, level, names)


def star(reading: Reading, level: Level, names: tuple[str, ...]) -> None:
    """Count the mention of a whole row by `names` and a star, or of all of them."""
    if names:
        _whole(reading, level, names)
        return
    for range_ in level.ranges:
        _hit(reading, range_)
        range_.touch_all(reading)


def lookup(level: Level | None, names: tuple[str, ...]) -> tuple[Range, str] | None:
    """The range and column that a reference means without counting it; None where it is not sure."""
    if level is None or not names:
        return None
    if len(names) == 1:
        found = [range_ for range_ in level.ranges if range_.has(names[0])]
        return (found[0], names[0]) if len(found) == 1 else None
    range_ = level.range_named(names[-2], names[-3] if len(names) > 2 else "")
    return (range_, names[-1]) if range_ is not None and range_.has(names[-1]) and range_ in level.ranges else None


def _hit(reading: Reading, range_: Range) -> None:
    range_.touched = True
    reading.hits.add(id(range_))


def _plain(reading: Reading, level: Level, name: str) -> None:
    """An unqualified name: the innermost level that has it, or may have it."""
    at: Level | None = level
    met = False
    while at is not None:
        open_ranges: list[Range] = []
        found = False
        for range_ in at.ranges:
            has = range_.has(name)
            if has:
                found = True
                range_.mention(reading, name)
            elif has is None:
                open_ranges.append(range_)
        if found:
            if at is not level and not met:
                reading.strays.append(Stray(level, name, next(r.name for r in at.ranges if r.has(name))))
            return
        for range_ in open_ranges:
            # It may have the name or not: then the name is one of a query around, and that one is read.
            range_.mention(reading, name)
        # ORDER BY means a column of the answer by it; inside an expression, though, one of a query around.
        met = met or bool(open_ranges) or at.answers(name)
        at = at.parent
    if met:
        return
    whole = level.range_named(name)
    if whole is not None:
        _hit(reading, whole)
        whole.touch_all(reading)
        return
    _anything(reading, level)


def _qualified(reading: Reading, level: Level, names: tuple[str, ...]) -> None:
    """`range.column`, `schema.range.column`, or `column.field` of a composite; else anything in sight."""
    schema, range_name, name = names[-3] if len(names) > 2 else "", names[-2], names[-1]
    range_ = level.range_named(range_name, schema)
    if range_ is None and len(names) > 2:
        range_ = level.range_named(names[-3])
        if range_ is not None:
            name = names[-2]
    if range_ is None:
        _plain(reading, level, names[0])
        return
    reading.hits.add(id(range_))
    has = range_.has(name)
    if has is not True:
        # Not a column: `range.f` calls f with the whole row (docs 37.5.5, functional notation).
        functional(reading, name)
    if has is False:
        range_.touch_all(reading)
        return
    range_.touch(reading, name)


def _whole(reading: Reading, level: Level, names: tuple[str, ...]) -> None:
    range_ = level.range_named(names[-1], names[-2] if len(names) > 1 else "")
    if range_ is None:
        _plain(reading, level, names[0])
        return
    _hit(reading, range_)
    range_.touch_all(reading)


def starred(level: Level, qualified: tuple[str, ...]) -> Outputs:
    """The columns that a star in the list of an answer stands for; None where not known."""
    if qualified:
        found = level.range_named(qualified[-1], qualified[-2] if len(qualified) > 1 else "")
        ranges = [found] if found is not None else []
    else:
        ranges = [] if level.merged else [range_ for range_ in level.ranges if not range_.hidden]
    outputs: list[tuple[str, tuple[Source, ...]]] = []
    for range_ in ranges:
        columns = range_.outputs()
        if columns is None:
            return None
        outputs.extend(columns)
    return outputs if ranges else None


def may_be_column(reading: Reading, level: Level | None, name: str, arguments: list[Node]) -> bool:
    """Whether `name(row)` may stand for `row.name`, which it does only without a schema (docs 4.2.6)."""
    reference = body(arguments[0], "ColumnRef") if len(arguments) == 1 else None
    qualified = strings(reference, "fields") if reference is not None else ()
    if level is None or not qualified:
        return False
    whole = level.range_named(qualified[-1])
    if whole is not None and whole.has(name) is not False:
        return True
    found = lookup(level, qualified)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None:
        return False
    type_ = relation.type_of(found[1])
    row = reading.catalog.relation(*type_) if type_ is not None else None
    return row is not None and name in row.fields


def functional(reading: Reading, name: str) -> None:
    """A name after a dot that is no column may be a function of what stands before it: of a row, or of any value."""
    if name in DANGEROUS:
        message = f"`.{name}` may call a function, which {DANGEROUS[name].reason}; name it where it is called"
        reading.refuse(FindingCode.DANGEROUS_FUNCTION, message)
    for function in reading.catalog.functions.get(name, ()):
        reading.user_code(function.schema, function.name, f"`.{name}`")


def _anything(reading: Reading, level: Level) -> None:
    """A name that nothing in sight has: count every column of everything it could come from."""
    at: Level | None = level
    while at is not None:
        for range_ in at.ranges:
            _hit(reading, range_)
            range_.touch_all(reading)
        at = at.parent

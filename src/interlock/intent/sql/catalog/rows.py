"""The rows that `catalog_queries` give, one structure a query."""

import msgspec


class Server(msgspec.Struct, frozen=True):
    """`version` is server_version_num: 180006. `settings_readers` are the roles that see every setting's value.

    `commands_hold`: commands that archive or restore are set, which may hold credentials and are shown to everybody.
    """

    version: int
    encoding: str
    settings_readers: tuple[str, ...]
    commands_hold: bool = True


class Schema(msgspec.Struct, frozen=True):
    """A schema and its owner."""

    name: str
    owner: str


class Column(msgspec.Struct, frozen=True, array_like=True):
    """A column in the order of the table; `number` is its place in pg_attribute, where dropped ones keep theirs."""

    name: str
    type: str
    type_schema: str
    not_null: bool
    generated: bool
    number: int


class Relation(msgspec.Struct, frozen=True):
    """`kind` is pg_class.relkind, `rules` counts rewrite rules other than a view's own."""

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    owner: str
    rls: bool
    columns: tuple[Column, ...]
    rules: int


class Size(msgspec.Struct, frozen=True):
    """Estimates of the planner; `rows` is -1 where the table was never analysed."""

    oid: int
    rows: float
    pages: int


class Key(msgspec.Struct, frozen=True):
    """A whole, immediate unique key."""

    relation: int
    columns: tuple[str, ...]


class ForeignKey(msgspec.Struct, frozen=True):
    """Actions: a no action, r restrict, c cascade, n set null, d set default."""

    name: str
    child: int
    parent: int
    child_columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    on_delete: str
    on_update: str


class Check(msgspec.Struct, frozen=True):
    """What every row of a relation, or every value of a domain (its oid), fulfils or has NULL for.

    `alone`: rows of heirs need not. `names` maps "o" or "f" and an oid to the name of a built-in operator or function
    of its `tree` (checks.py reads it).
    """

    relation: int | None
    domain: int | None
    alone: bool
    columns: tuple[str, ...]
    names: dict[str, str]
    tree: str


class Trigger(msgspec.Struct, frozen=True):
    """`events` is pg_trigger.tgtype."""

    relation: int
    name: str
    events: int
    schema: str
    function: str


class View(msgspec.Struct, frozen=True):
    """One relation that a view (or a rule) reads, with the columns it names; none named means none needed."""

    view: int
    relation: int
    columns: tuple[str, ...]


class Tree(msgspec.Struct, frozen=True):
    """The query of a view or materialised view as the server keeps it (lineage.py reads it)."""

    view: int
    tree: str


class Inheritance(msgspec.Struct, frozen=True):
    """Partitions and old-style children alike."""

    child: int
    parent: int


class Code(msgspec.Struct, frozen=True):
    """User code that runs `by` a default, check, index, policy, view or rule of a relation, or because of a type.

    `type` is a domain with that check, or whatever holds one: another domain, an array, a range, a composite, a row.
    `by` a column: the relation has one whose type holds such a domain, and a mere literal beside it becomes a value.
    """

    relation: int | None
    by: str
    schema: str
    function: str
    type_schema: str | None = None
    type: str | None = None


class Generated(msgspec.Struct, frozen=True):
    """A generated column and one column it is computed from."""

    relation: int
    column: str
    source: str


class Function(msgspec.Struct, frozen=True):
    """A function, procedure, aggregate or window function that did not come with the server.

    `body` is its text where the language is SQL or PL/pgSQL, `names` those of its arguments, `settings` what it sets
    while it runs ("name=value"), `calls` the functions that an aggregate is made of, as (schema, name), `defaults` the
    expressions that stand in for arguments left out, and `types` those ("schema.name") of its arguments and its result
    that are of users or that a cast of theirs leads to.
    """

    schema: str
    name: str
    arguments: str
    kind: str
    volatility: str
    language: str
    definer: bool
    owner: str
    extension: str | None
    body: str | None = None
    names: tuple[str | None, ...] = ()
    settings: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    defaults: str | None = None
    types: tuple[str, ...] = ()


class Operator(msgspec.Struct, frozen=True):
    """`own_types` is True where no operand is of a built-in type: it cannot stand in for a built-in operator."""

    schema: str
    name: str
    own_types: bool
    function_schema: str
    function: str
    extension: str | None

    @property
    def stands_in(self) -> bool:
        """Whether it counts: it takes a built-in type, or is nobody's extension."""
        return not self.own_types or self.extension is None


class Type(msgspec.Struct, frozen=True):
    """`kind` is pg_type.typtype; `checked` marks a domain with CHECK constraints. `labels` are an enumeration's, in
    order, with their oids."""

    oid: int
    schema: str
    name: str
    kind: str
    base: str | None
    checked: bool
    extension: str | None
    base_schema: str | None = None
    labels: tuple[tuple[int, str], ...] = ()


class Cast(msgspec.Struct, frozen=True):
    """A cast that runs a user function; `context` is e explicit, a assignment, i implicit.

    `everywhere` marks an implicit one between two types of the server: any expression may run it.
    """

    source: str
    target: str
    function_schema: str
    function: str
    context: str
    extension: str | None
    everywhere: bool = False

    @property
    def unspoken(self) -> bool:
        """Whether a value of another type is cast on its way in, without a word."""
        return self.context != "e" and self.extension is None


class EventTrigger(msgspec.Struct, frozen=True):
    """User code that DDL (or login) fires."""

    name: str
    event: str
    schema: str
    function: str

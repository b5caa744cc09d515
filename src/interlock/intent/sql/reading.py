"""The state of understanding one statement: which effects and findings it has gathered, and in which scope."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.code.builtin_functions import HARMLESS
from interlock.intent.sql.code.functions import ACTING
from interlock.intent.sql.code.traces import leaves_traces
from interlock.intent.sql.gathered import Gathered
from interlock.intent.sql.limits import Limits
from interlock.intent.sql.statement import Flow, Statement
from interlock.intent.sql.tree import Node, number, word
from interlock.intent.sql.vocabulary import EXECUTE, EXPORT, ONE, READ, UNKNOWN
from interlock.model import CallerFault, Effect, Finding, FindingCode, Object, ObjectKind, Reach, Verb

Source = tuple[Object, str]
# Output columns of a query: (name, sources); None where they are not known.
Outputs = list[tuple[str, tuple[Source, ...]]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a text means depends on this: the catalogue and the state of the session that sends it. `search_path` is
    the session's list as set ("$user" allowed); `user` the role it runs as there. `prepared` and `cursors` hold what
    PREPARE and DECLARE (or the protocol) named."""

    catalog: Catalog
    target: str
    search_path: tuple[str, ...] = ("$user", "public")
    user: str = ""
    prepared: Mapping[str, Statement] = field(default_factory=dict)
    cursors: Mapping[str, Statement] = field(default_factory=dict)

    def schemas(self) -> tuple[str, ...]:
        """The schemas searched, in order: as the server does, pg_catalog and before it pg_temp come first unless the
        path lists them. The gateway lists pg_temp last (threats.md 11)."""
        return _searched(self.search_path, self.user)


@lru_cache(maxsize=256)
def _searched(listed: tuple[str, ...], user: str) -> tuple[str, ...]:
    named = tuple(user if name == "$user" else name for name in listed)
    path = named if "pg_catalog" in named else ("pg_catalog", *named)
    return path if "pg_temp" in path else ("pg_temp", *path)


# Looks into the body of a function, adds what it does, and says of it and of each function behind it whether that is
# all. understand.py fills it in: bodies hold statements of every kind.
Follower = Callable[["Reading", str, str], list[tuple[tuple[str, str], bool]]]
FOLLOWERS: Final[list[Follower]] = []


class Stray:
    """An unqualified name that means nothing in its own query: `inside` looked it up, `outer` outside has it."""

    __slots__ = ("inside", "name", "outer")

    def __init__(self, inside: object, name: str, outer: str) -> None:
        self.inside, self.name, self.outer = inside, name, outer


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows of `name` that a LIMIT without an order picks; `named` by a predicate, or any of them."""

    name: str
    named: bool


class TooMuch(CallerFault):
    """A statement holds more of something than its limit allows."""


_PLAIN: Final = Flow.PLAIN
_LOOKING: Final = (READ, EXPORT)  # what they do to a view they do to what it reads


class Reading:
    """Gathers what one statement means."""

    __slots__ = (
        "_encoded",
        "_gathered",
        "_quiet",
        "_start",
        "_views",
        "alone",
        "catalog",
        "chain",
        "chosen",
        "ctes",
        "ddl",
        "depth",
        "dropped",
        "findings",
        "flow",
        "follows",
        "held",
        "hits",
        "inner",
        "limits",
        "local",
        "mentions",
        "name",
        "own",
        "path",
        "places",
        "read_only",
        "returns",
        "scope",
        "series", "shows", "sight",
        "strays",
        "streams",
        "target",
        "transactional",
        "understood",
        "value",
        "within",
        "writes",
    )  # fmt: skip

    def __init__(self, scope: Scope, limits: Limits, encoded: bytes | None, start: int) -> None:
        """`encoded` is the whole text as UTF-8 where bytes and characters differ; `start` is the statement's place in
        it, in characters."""
        self.scope, self.limits, self.path = scope, limits, scope.schemas()
        self.catalog, self.target = scope.catalog, scope.target
        self.sight = scope.catalog.sight(self.path)
        self._encoded, self._start = encoded, start
        self._gathered: dict[tuple[Verb, tuple[str, ...], ObjectKind], Gathered] = {}
        self._views = False  # whether a view is among what was gathered
        self._quiet: dict[tuple[str, ...], bool] = {}
        self.findings: list[Finding] = []
        self.understood = True
        self.returns: Outputs = []
        self.flow: Flow = _PLAIN
        self.name: str | None = None
        self.value: str | None = None
        self.local = self.chain = self.writes = self.ddl = self.held = False
        self.read_only: bool | None = None
        self.transactional, self.shows = True, False  # `shows`: it reads the list of settings
        self.series = 0.0  # numbers of the longest series that the query being read makes
        self.inner: Statement | None = None
        self.follows = True
        self.depth = 0
        # Schemas that go in front of names, by the byte where the name begins; `own` while the tree is of this text.
        self.places: dict[int, str] = {}
        self.own = True
        self.dropped: list[tuple[tuple[str, ...], str]] = []  # the same for DROP, whose tree has no places
        self.ctes = 0  # names that WITH defined so far
        # Columns and ranges that the expression being walked mentions.
        self.mentions: list[Source] = []
        self.hits: set[int] = set()
        # Names that were found outside their query, and rows that a LIMIT chose, so far.
        self.strays: list[Stray] = []
        self.chosen: list[Chosen] = []
        self.streams = False  # whether every row of the queries inside comes out of the statement
        self.within = ""  # the kind of sub-link whose query comes next
        # The answers of queries inside others that mention nothing of what surrounds them, by the node's identity.
        self.alone: dict[int, Outputs] = {}

    def effects(self) -> tuple[Effect, ...]:
        """Everything gathered, in the order it was first met."""
        for gathered in list(self._gathered.values()) if self._views else ():
            if gathered.relation is not None and gathered.relation.kind == "v" and gathered.verb in _LOOKING:
                for base, columns in gathered.relation.expansion(gathered.fields):
                    self.gather(gathered.verb, base.object, base).name(columns)
        return tuple([gathered.effect() for gathered in self._gathered.values()])

    def sources(self) -> tuple[Source, ...]:
        """What the expression that was walked mentions, each once."""
        found = self.mentions
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    def gathered_after(self, count: int) -> list[Gathered]:
        """The effects that came after the first `count`."""
        return list(self._gathered.values())[count:]

    def runs_loud_code(self) -> bool:
        """Whether anything met so far runs code that did not come with the server, and that may write."""
        return any(
            verb is EXECUTE and path[1:2] != ("pg_catalog",) and not self._quiet.get(path[1:], False)
            for verb, path, _ in self._gathered
        )

    def forget(self) -> None:
        """Drop what was gathered, to gather it anew in another light (EXPLAIN)."""
        self._gathered = {}

    def gather(self, verb: Verb, object_: Object, relation: Relation | None = None) -> Gathered:
        """The effect of this verb on this object, made on first use."""
        key = (verb, object_.path, object_.kind)
        found = self._gathered.get(key)
        if found is None:
            found = self._gathered[key] = Gathered(verb, object_, relation)
            if relation is not None:
                self._views = self._views or relation.kind == "v"
                for by, schema, name in relation.code:
                    if by == "column":
                        self.user_code(schema, name, f"a column of `{object_}`")
            if not object_.known:
                found.fields = None
                found.findings.append(
                    Finding(
                        code=FindingCode.UNKNOWN_OBJECT, message=f"`{object_}` is not in the catalogue; check its name"
                    )
                )
        return found

    def has(self, verb: Verb, object_: Object) -> bool:
        """Whether this verb on this object was met already."""
        return (verb, object_.path, object_.kind) in self._gathered

    def add(
        self,
        verb: Verb,
        object_: Object,
        reach: Reach,
        *findings: Finding,
        fields: Iterable[str] | None = (),
        relation: Relation | None = None,
    ) -> Gathered:
        """Gather an effect whole: `fields` of None means all columns."""
        gathered = self.gather(verb, object_, relation)
        gathered.extend(reach)
        if fields is None:
            gathered.fields = None
        else:
            gathered.name(fields)
        gathered.note(*findings)
        return gathered

    def finding(self, code: FindingCode, message: str, location: int = -1) -> Finding:
        """A finding whose place is a byte offset of the parsed text; -1 for none."""
        if location < 0:
            return Finding(code=code, message=message)
        place = location if self._encoded is None else len(self._encoded[:location].decode("utf-8", "replace"))
        place = max(place - self._start, 0)
        return Finding(code=code, message=message, span=(place, place + 1))

    def note(self, code: FindingCode, message: str, location: int = -1) -> None:
        """Keep a finding about the whole statement."""
        found = self.finding(code, message, location)
        if found not in self.findings:
            self.findings.append(found)

    def refuse(self, code: FindingCode, message: str, location: int = -1) -> None:
        """Keep a finding that makes the statement not understood: it is denied."""
        self.understood = False
        self.note(code, message, location)

    def unmapped(self, kind: str, location: int = -1) -> None:
        """The grammar knows this, Interlock does not yet."""
        self.refuse(FindingCode.NOT_MAPPED, f"`{kind}` is not understood yet; write the statement without it", location)

    def object(self, kind: ObjectKind, *path: str, known: bool = True) -> Object:
        """An object of this target."""
        return Object(kind=kind, path=(self.target, *path), known=known)

    def schema_object(self, name: str) -> Object:
        """A schema; its labels are those of the system where it is one."""
        return self.object(ObjectKind.SCHEMA, name, known=name in self.catalog.schemas or name == "pg_temp")

    def database(self) -> Object:
        """The database itself."""
        return self.object(ObjectKind.DATABASE)

    def resolve(self, schema: str, name: str) -> Relation | None:
        """The relation this name means in this session, or None."""
        return self.catalog.relation(schema, name) if schema else self.sight.relation(name)

    def creation_schema(self, schema: str) -> str:
        """Where an unqualified new object goes: the first schema of the path that exists and is not the system's."""
        if schema:
            return schema
        listed = [name for name in self.path if name not in {"pg_catalog", "pg_temp"}]
        return next((name for name in listed if name in self.catalog.schemas), listed[0] if listed else "public")

    def unknown_relation(self, schema: str, name: str) -> Object:
        """The object that stands for a name the catalogue lacks."""
        return self.object(ObjectKind.TABLE, self.creation_schema(schema), name, known=False)

    def named(self, holder: Node) -> tuple[Relation | None, Object]:
        """The relation and the object of a RangeVar; what was found is what the target will be told to take."""
        return self.find(holder, word(holder, "schemaname"), word(holder, "relname"))

    def find(self, holder: Node, schema: str, name: str) -> tuple[Relation | None, Object]:
        """The same, where the names of the RangeVar are known already."""
        relation, object_ = self.relation_object(schema, name)
        if relation is not None and not schema:
            self.qualify(number(holder, "location"), relation.schema)
        return relation, object_

    def qualify(self, location: int, schema: str) -> None:
        """The name at this byte of the text is of that schema, and will say so when it is forwarded."""
        if self.own and location > 0:
            self.places[location] = schema

    def relation_object(self, schema: str, name: str) -> tuple[Relation | None, Object]:
        """The relation and the object of a name; the object alone where the catalogue lacks it."""
        relation = self.resolve(schema, name)
        return relation, relation.object if relation is not None else self.unknown_relation(schema, name)

    def function_object(self, *path: str, known: bool = True) -> Object:
        """A function by schema and name."""
        return self.object(ObjectKind.FUNCTION, *path, known=known)

    def user_code(self, schema: str, name: str, why: str, location: int = -1, *, known: bool = True) -> bool:
        """Code that did not come with the server runs: an effect of its own, and whatever its body does beside it.

        The effect reaches ONE where everything that the code does is listed, UNKNOWN where it may do anything. Gives
        whether it is known to be quiet: to read at most.
        """
        if known and schema == "pg_catalog" and name in HARMLESS:
            return True
        object_ = self.function_object(schema, name, known=known)
        if self.has(EXECUTE, object_):
            return self._quiet.get((schema, name), False)
        if known and schema == "pg_catalog" and name in ACTING:
            message = f"{why} runs `{name}`, which acts beyond tables"
            self.add(EXECUTE, object_, UNKNOWN, self.finding(FindingCode.DANGEROUS_FUNCTION, message))
            return False
        code = self.gather(EXECUTE, object_)
        followed = [((schema, name), False)]
        writes, self.writes = self.writes, False
        if known and self.follows:
            for follow in FOLLOWERS:
                followed = follow(self, schema, name)
        quiet = not self.writes and all(clear for _, clear in followed)
        self.writes = self.writes or writes
        for (inner_schema, inner_name), clear in followed:
            self._quiet[inner_schema, inner_name] = quiet
            inner = self.gather(EXECUTE, self.function_object(inner_schema, inner_name))
            shown = f"`{inner_schema}.{inner_name}`"
            asks = why if inner is code or not known else f"`{schema}.{name}`"
            does = "its body is followed" if clear else "which may do anything"
            (inner if known else code).at_least(ONE if clear else UNKNOWN)
            (inner if known else code).note(
                self.finding(FindingCode.USER_CODE, f"{asks} runs {shown}, {does}", location)
            )
            if not clear and leaves_traces(self.catalog, inner_schema, inner_name):
                message = f"{shown} is no SQL: what it does may stay when it is rolled back"
                (inner if known else code).note(self.finding(FindingCode.LEAVES_TRACES, message, location))
        return quiet

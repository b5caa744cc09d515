"""What a command means: nine verbs on named objects, the closed vocabulary of every surface."""

from enum import StrEnum

from msgspec import Struct


class _Word(StrEnum):
    """A word of the vocabulary; hashed as the text that it equals, which also takes a tenth of the time."""

    __hash__ = str.__hash__


class Verb(_Word):
    """Content verbs (read, export, create, change, delete) mean rows, files, objects; structure verbs
    (destroy, configure) mean what holds them. A language maps onto these and never extends them."""

    READ = "read"
    EXPORT = "export"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    DESTROY = "destroy"
    CONFIGURE = "configure"
    GRANT = "grant"
    EXECUTE = "execute"


class ObjectKind(_Word):
    """The kinds of things an effect can fall on. New surfaces add kinds, never verbs."""

    TARGET = "target"
    DATABASE = "database"
    SCHEMA = "schema"
    TABLE = "table"  # also partitioned, foreign and temporary tables and materialised views
    VIEW = "view"
    INDEX = "index"
    SEQUENCE = "sequence"
    FUNCTION = "function"  # functions, procedures, aggregates, operators: code that runs inside the target
    TYPE = "type"
    DEFINITION = "definition"  # languages, casts, collations, text search, extensions: what others are made with
    LINK = "link"  # servers, wrappers, publications, subscriptions: where data goes out or comes in by itself
    ROLE = "role"
    SETTING = "setting"
    PROGRAM = "program"
    FILE = "file"
    UNKNOWN = "unknown"


class Reach(_Word):
    """How much of its object an effect can touch, as far as it is proven. UNKNOWN is never small."""

    ONE = "one"
    SOME = "some"
    ALL = "all"
    UNKNOWN = "unknown"


class FindingCode(_Word):
    """What an analyser noticed. Findings explain to people; policies may also forbid them."""

    NO_WHERE = "no-where"
    ALWAYS_TRUE = "always-true"
    UNCORRELATED = "uncorrelated"  # what is written is not tied to what it is joined with
    WRONG_SCOPE = "wrong-scope"  # an inner name that means a column outside
    ARBITRARY_ROWS = "arbitrary-rows"  # a LIMIT without an order chooses what is written
    CARTESIAN = "cartesian"
    MULTIPLYING_JOIN = "multiplying-join"  # neither side is unique: rows come several times
    HUGE_READ = "huge-read"  # everything of a very large table
    HEAVY_LOCK = "heavy-lock"  # keeps others out for as long as a large table takes
    MALFORMED = "malformed"
    NOT_MAPPED = "not-mapped"  # understood by the parser, not yet by us: refused by name
    UNKNOWN_OBJECT = "unknown-object"
    USER_CODE = "user-code"
    LEAVES_TRACES = "leaves-traces"  # code whose run may leave something behind when it is rolled back
    DANGEROUS_FUNCTION = "dangerous-function"
    CASCADES = "cascades"
    TRIGGERS = "triggers"
    UNPROTECTS = "unprotects"  # a check, a key, a trigger or a policy no longer guards what it guarded
    OVER_LIMIT = "over-limit"  # too large, too deep, or of a shape no honest client sends
    SETTING_REFUSED = "setting-refused"
    OUTSIDE_TRANSACTION = "outside-transaction"  # cannot run inside a transaction: never measured
    DYNAMIC = "dynamic"  # text decided at run time: DO, EXECUTE of an unknown name


class Finding(Struct, frozen=True, kw_only=True):
    """One observation. `span` is (start, end) in characters of the command's text; None where it has no place.

    `message` is lower case, says what and, where there is one, what to do instead; it holds no literals.
    """

    code: FindingCode
    message: str
    span: tuple[int, int] | None = None


class Object(Struct, frozen=True, kw_only=True):
    """A named thing. `path` goes from the outside in and starts with the target: ("shop", "public", "orders").

    `labels` are the classifications the configuration gives it, own and inherited. `known` is False when
    the catalogue has no such object: policy then gives it the strictest parents instead of none.
    """

    kind: ObjectKind
    path: tuple[str, ...]
    labels: frozenset[str] = frozenset()
    known: bool = True

    def __str__(self) -> str:
        return ".".join(self.path[1:]) or self.path[0]


class Field(Struct, frozen=True, kw_only=True):
    """A column (or key) of an effect's object, with its classifications."""

    name: str
    labels: frozenset[str] = frozenset()


class Effect(Struct, frozen=True, kw_only=True):
    """One verb on one object. `fields` are the columns touched or merely mentioned; None means not known: all."""

    verb: Verb
    object: Object
    reach: Reach
    fields: tuple[Field, ...] | None = ()
    findings: tuple[Finding, ...] = ()

    @property
    def opaque(self) -> bool:
        """Whether it runs code that nobody could follow to its end: what that does is in no other effect."""
        return self.verb is Verb.EXECUTE and self.reach in (Reach.UNKNOWN, Reach.ALL)


class Column(Struct, frozen=True, kw_only=True):
    """Lineage of one column of the answer: the (object, field name) pairs its value can come from."""

    name: str
    sources: tuple[tuple[Object, str], ...]


class Intent(Struct, frozen=True, kw_only=True):
    """Everything a command would do, as far as it is understood.

    `effects` may be empty only where that was proven (BEGIN, a SELECT of constants). `returns` is None when
    the answer's columns are not known. `shape` is the text without literals, safe to record; `fingerprint`
    names it. Not understood means denied, whatever the effects say.
    """

    effects: tuple[Effect, ...]
    returns: tuple[Column, ...] | None
    findings: tuple[Finding, ...]
    understood: bool
    shape: str
    fingerprint: str

    def all_findings(self) -> tuple[Finding, ...]:
        """The command's own findings, then those of its effects, in order."""
        return self.findings + tuple(f for e in self.effects for f in e.findings)

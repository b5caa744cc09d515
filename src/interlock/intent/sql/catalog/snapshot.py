"""What a database holds and which code it runs by itself: an immutable snapshot, read by `catalog_queries`."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec

from interlock.intent.sql.catalog import rows
from interlock.intent.sql.catalog.allowed import Confining
from interlock.intent.sql.catalog.labels import NO_LABELS, SYSTEM_SCHEMAS, LabelBook
from interlock.intent.sql.catalog.lineage import ROW, lineage
from interlock.intent.sql.catalog.questions import QUERIES
from interlock.intent.sql.catalog.relation import ForeignKey, Relation, Trigger
from interlock.intent.sql.catalog.sight import Sight
from interlock.intent.sql.catalog.stamps import FINGERPRINT
from interlock.model import Field, Intent, Object, ObjectKind, OurFault

__all__ = ["FINGERPRINT", "QUERIES", "Catalog", "CatalogUnreadable", "LabelBook", "Relation"]

_KINDS = {
    "v": ObjectKind.VIEW,
    "S": ObjectKind.SEQUENCE,
    "i": ObjectKind.INDEX,
    "I": ObjectKind.INDEX,
    "c": ObjectKind.TYPE,
}
_MOST_SIGHTS = 256
_Row = TypeVar("_Row")
Texts = Sequence[str | bytes]


class CatalogUnreadable(OurFault):
    """The rows of a snapshot are not what the queries give; read the catalogue again with this version."""


class _Saved(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    database: str
    rows: dict[str, list[msgspec.Raw]]


class Catalog:
    """An immutable snapshot of one database. Build it with `Catalog.build`; `Catalog.empty` knows nothing.

    `epoch` names what was read: equal epochs mean equal meaning (sizes and labels do not count). `labels` are
    applied when the snapshot is built.
    """

    __slots__ = (
        "__weakref__",
        "_rows",
        "_sights",
        "casts",
        "commands_hold",
        "database",
        "epoch",
        "event_triggers",
        "everywhere",
        "followed",
        "functions",
        "intents",
        "labels",
        "operators",
        "plain_types",
        "relations",
        "schemas",
        "server_version",
        "settings_readers",
        "target",
        "type_code",
        "types",
    )  # fmt: skip

    def __init__(self, target: str, database: str, texts: Mapping[str, Texts], labels: LabelBook) -> None:
        self.target, self.database, self.labels, self._rows = target, database, labels, texts
        self.epoch = _epoch(texts)
        server = _read(texts, "server", rows.Server)
        self.server_version: int = server[0].version if server else 0
        self.settings_readers = frozenset(server[0].settings_readers if server else ())
        self.commands_hold = server[0].commands_hold if server else True
        self.schemas: Mapping[str, str] = {row.name: row.owner for row in _read(texts, "schemas", rows.Schema)}
        self.functions = _grouped(_read(texts, "functions", rows.Function))
        self.operators = _grouped(_read(texts, "operators", rows.Operator))
        self.types = _grouped(_read(texts, "types", rows.Type))
        self.casts: Sequence[rows.Cast] = _read(texts, "casts", rows.Cast)
        self.everywhere = [cast for cast in self.casts if cast.everywhere and cast.extension is None]
        # User functions that a value of a type runs, by the type's name.
        self.type_code: dict[str, list[rows.Code]] = {}
        for code in _read(texts, "code", rows.Code):
            if code.type is not None:
                self.type_code.setdefault(code.type, []).append(code)
        # Types of users that no value runs code of theirs for: enumerations, and what extensions bring in C.
        self.plain_types = frozenset(
            each.oid for alike in self.types.values() for each in alike
            if (each.kind == "e" or (each.kind == "b" and each.extension)) and each.name not in self.type_code
        )  # fmt: skip
        # What bodies of functions do, once somebody asked (bodies.py): like the rest it never changes.
        self.followed: dict[tuple[str, str, tuple[str, ...]], object] = {}
        # What the last text of a shape meant (understand.py).
        self.intents: dict[str, Intent] = {}
        self.event_triggers: Sequence[rows.EventTrigger] = _read(texts, "event_triggers", rows.EventTrigger)
        self.relations: Mapping[str, Mapping[str, Relation]] = _relations(target, texts, labels)
        # Types whose values run user code on their way into a column.
        coded = self.type_code.keys() | {cast.target for cast in self.casts if cast.unspoken}
        for relation in self.all_relations() if coded else ():
            relation.checked = tuple(column for column in relation.columns if column.type in coded)
        self._sights: dict[tuple[str, ...], Sight] = {}

    @classmethod
    def build(cls, *, target: str, database: str, rows: Mapping[str, Texts], labels: LabelBook) -> "Catalog":
        """A snapshot from the answers to `QUERIES`: for each key the JSON texts of its rows, in order.

        Raises CatalogUnreadable if a row is not what the query of that name gives.
        """
        missing = QUERIES.keys() - rows.keys()
        if missing:
            raise CatalogUnreadable(f"the catalogue lacks `{', '.join(sorted(missing))}`; run every query of QUERIES")
        return cls(target, database, rows, labels)

    @classmethod
    def empty(cls, *, target: str, database: str = "") -> "Catalog":
        """A snapshot that knows no object: everything named is unknown."""
        return cls(target, database, {}, LabelBook())

    def to_json(self) -> bytes:
        """The snapshot as `interlock catalog dump` writes it; labels belong to the configuration and stay out."""
        kept = {
            key: [msgspec.Raw(t.encode() if isinstance(t, str) else t) for t in texts]
            for key, texts in self._rows.items()
        }
        return msgspec.json.encode(_Saved(target=self.target, database=self.database, rows=kept))

    @classmethod
    def from_json(cls, data: bytes, *, labels: LabelBook | None = None) -> "Catalog":
        """Read back what `to_json` wrote. Raises CatalogUnreadable."""
        try:
            saved = msgspec.json.decode(data, type=_Saved)
        except msgspec.MsgspecError as error:
            raise CatalogUnreadable(
                f"the file is no catalogue ({error}); write it with `interlock catalog dump`"
            ) from error
        texts = {key: [bytes(raw) for raw in raws] for key, raws in saved.rows.items()}
        return cls.build(target=saved.target, database=saved.database, rows=texts, labels=labels or LabelBook())

    def relation(self, schema: str, name: str) -> Relation | None:
        """The relation of exactly this name, or None."""
        held = self.relations.get(schema)
        return held.get(name) if held is not None else None

    def sight(self, path: tuple[str, ...]) -> Sight:
        """What names without a schema mean when these are searched, in order."""
        found = self._sights.get(path)
        if found is None:
            if len(self._sights) >= _MOST_SIGHTS:
                self._sights.clear()
            found = self._sights[path] = Sight(path, self.relations, self.operators)
        return found

    def all_relations(self) -> Iterable[Relation]:
        """Every relation of the snapshot."""
        for held in self.relations.values():
            yield from held.values()


def _read(texts: Mapping[str, Texts], key: str, kind: type[_Row]) -> list[_Row]:
    decode = msgspec.json.Decoder(kind).decode
    try:
        return [decode(text) for text in texts.get(key, ())]
    except msgspec.MsgspecError as error:
        raise CatalogUnreadable(
            f"`{key}` of the catalogue cannot be read ({error}); read the catalogue again"
        ) from error


def _epoch(texts: Mapping[str, Texts]) -> str:
    digest = blake2b(digest_size=16)
    for key in sorted(texts.keys() - {"sizes"}):
        digest.update(key.encode())
        for text in texts[key]:
            digest.update(text.encode() if isinstance(text, str) else text)
            digest.update(b"\n")
    return digest.hexdigest()


_Named = TypeVar("_Named", rows.Function, rows.Operator, rows.Type)


def _grouped(listed: list[_Named]) -> Mapping[str, tuple[_Named, ...]]:
    grouped: dict[str, list[_Named]] = {}
    for row in listed:
        grouped.setdefault(row.name, []).append(row)
    return {name: tuple(same) for name, same in grouped.items()}


def _relations(target: str, texts: Mapping[str, Texts], labels: LabelBook) -> Mapping[str, Mapping[str, Relation]]:
    """Join the row kinds into relations, then let labels flow along inheritance and generated columns."""
    listed = _read(texts, "relations", rows.Relation)
    trees = _Trees(_read(texts, "inheritance", rows.Inheritance))
    facts = _Facts(texts, {row.oid: row for row in listed})
    shown = _Labels(labels, {row.oid: row for row in listed}, trees, facts)
    held: dict[str, dict[str, Relation]] = {}
    by_oid: dict[int, Relation] = {}
    for row in listed:
        relation = _relation(target, row, facts, trees, shown)
        by_oid[row.oid] = held.setdefault(row.schema, {})[row.name] = relation
    for relation in by_oid.values():
        relation.link(by_oid)
    return held


def _relation(target: str, row: rows.Relation, facts: "_Facts", trees: "_Trees", shown: "_Labels") -> Relation:
    object_ = Object(
        kind=_KINDS.get(row.kind, ObjectKind.TABLE),
        path=(target, row.schema, row.name),
        labels=shown.of_relation(row.oid),
    )
    size = facts.sizes.get(row.oid)
    return Relation(
        oid=row.oid,
        object=object_,
        kind=row.kind,
        owner=row.owner,
        temporary=row.persistence == "t",
        row_security=row.rls,
        rules=row.rules,
        columns=row.columns,
        fields={c.name: Field(name=c.name, labels=shown.of_column(row.oid, c.name)) for c in row.columns},
        keys=facts.keys.get(row.oid, ()),
        triggers=facts.triggers.get(row.oid, ()),
        code=facts.code.get(row.oid, ()),
        parents=trees.parents.get(row.oid, ()),
        children=trees.children.get(row.oid, ()),
        bases=facts.bases.get(row.oid, ()),
        outgoing=facts.outgoing.get(row.oid, ()),
        incoming=facts.incoming.get(row.oid, ()),
        rows=size.rows if size is not None and size.rows >= 0 else None,
        pages=size.pages if size is not None else None,
        tree=facts.trees.get(row.oid),
        confining=facts.confining,
        confined=frozenset() if row.schema in SYSTEM_SCHEMAS else facts.confining.confined(row.oid, row.columns),
    )


class _Trees:
    """Inheritance and partition edges in both directions."""

    def __init__(self, edges: list[rows.Inheritance]) -> None:
        self.parents: dict[int, tuple[int, ...]] = {}
        self.children: dict[int, tuple[int, ...]] = {}
        for edge in edges:
            self.parents[edge.child] = (*self.parents.get(edge.child, ()), edge.parent)
            self.children[edge.parent] = (*self.children.get(edge.parent, ()), edge.child)

    def related(self, oid: int) -> set[int]:
        """The relation itself, its ancestors and its descendants."""
        found = {oid}
        for edges in (self.parents, self.children):
            waiting = [oid]
            while waiting:
                for other in edges.get(waiting.pop(), ()):
                    if other not in found:
                        found.add(other)
                        waiting.append(other)
        return found


class _Facts:
    """The side tables of the snapshot, keyed by relation."""

    def __init__(self, texts: Mapping[str, Texts], known: Mapping[int, rows.Relation]) -> None:
        self.keys: dict[int, tuple[tuple[str, ...], ...]] = {}
        for key in _read(texts, "keys", rows.Key):
            self.keys[key.relation] = (*self.keys.get(key.relation, ()), key.columns)
        self.confining = Confining(_read(texts, "checks", rows.Check), _read(texts, "types", rows.Type))
        self.triggers: dict[int, tuple[Trigger, ...]] = {}
        for t in _read(texts, "triggers", rows.Trigger):
            trigger = Trigger(name=t.name, events=t.events, function=(t.schema, t.function))
            self.triggers[t.relation] = (*self.triggers.get(t.relation, ()), trigger)
        self.code: dict[int, tuple[tuple[str, str, str], ...]] = {}
        for c in _read(texts, "code", rows.Code):
            self.code[c.relation or 0] = (*self.code.get(c.relation or 0, ()), (c.by, c.schema, c.function))
        self.bases: dict[int, tuple[tuple[int, tuple[str, ...]], ...]] = {}
        for v in _read(texts, "views", rows.View):
            self.bases[v.view] = (*self.bases.get(v.view, ()), (v.relation, v.columns))
        self.trees = {row.view: row.tree for row in _read(texts, "trees", rows.Tree)}
        self.outgoing: dict[int, tuple[ForeignKey, ...]] = {}
        self.incoming: dict[int, tuple[ForeignKey, ...]] = {}
        for row in _read(texts, "foreign_keys", rows.ForeignKey):
            if row.child in known and row.parent in known:
                self._reference(ForeignKey.of(row))
        self.generated: dict[tuple[int, str], tuple[str, ...]] = {}
        for g in _read(texts, "generated", rows.Generated):
            self.generated[g.relation, g.column] = (*self.generated.get((g.relation, g.column), ()), g.source)
        self.sizes = {size.oid: size for size in _read(texts, "sizes", rows.Size)}

    def _reference(self, key: ForeignKey) -> None:
        self.outgoing[key.child] = (*self.outgoing.get(key.child, ()), key)
        self.incoming[key.parent] = (*self.incoming.get(key.parent, ()), key)


class _Labels:
    """Labels as they flow: along inheritance both ways, into generated columns, into materialised views."""

    def __init__(self, book: LabelBook, known: Mapping[int, rows.Relation], trees: _Trees, facts: _Facts) -> None:
        self._book, self._known, self._trees, self._facts = book, known, trees, facts

    def of_relation(self, oid: int) -> frozenset[str]:
        own = self._known[oid]
        if own.schema in SYSTEM_SCHEMAS:
            return self._book.of_relation(own.schema, own.name)
        kept = (self._book.of_relation(r.schema, r.name) for r in self._stored(oid))
        return NO_LABELS.union(*(self._book.of_relation(r.schema, r.name) for r in self._family(oid)), *kept)

    def of_column(self, oid: int, column: str) -> frozenset[str]:
        if not self._book.entries and self._known[oid].schema not in SYSTEM_SCHEMAS:
            return NO_LABELS
        columns = (column, *self._facts.generated.get((oid, column), ()))
        own = (self._book.of_column(r.schema, r.name, c) for r in self._family(oid) for c in columns)
        kept = (self.of_column(base, c) for base, c in self._origins(oid, column))
        return NO_LABELS.union(*own, *kept)

    def _origins(self, oid: int, column: str) -> list[tuple[int, str]]:
        """The columns, through views, that one of a materialised view holds copies of or whose values chose rows."""
        if self._known[oid].kind != "m":
            return []
        found: list[tuple[int, str]] = []
        waiting, seen = [(oid, frozenset({column}))], set[tuple[int, frozenset[str]]]()
        while waiting:
            current = waiting.pop()
            for base, columns in self._below(*current) if current not in seen else ():
                if self._known[base].kind in "vm":
                    waiting.append((base, columns))
                else:
                    found.extend((base, each) for each in columns)
            seen.add(current)
        return found

    def _below(self, oid: int, columns: frozenset[str]) -> list[tuple[int, frozenset[str]]]:
        """What these columns of a view need of each relation right below it: everything where that is not known."""
        held = self._known[oid].columns
        known = lineage(self._facts.trees.get(oid, ""))
        if known is None:
            listed: list[tuple[int, set[int] | None]] = [(base, None) for base, _ in self._facts.bases.get(oid, ())]
        else:
            origins = known.of([c.number for c in held if c.name in columns])
            listed = [(base, {n for o, n in origins if o == base}) for base in {o for o, _ in origins}]
        return [
            (base, frozenset(c.name for c in self._known[base].columns if numbers is None or {ROW, c.number} & numbers))
            for base, numbers in listed if base in self._known
        ]  # fmt: skip

    def _stored(self, oid: int) -> list[rows.Relation]:
        """The tables whose rows a materialised view keeps a copy of, through the views between."""
        if self._known[oid].kind != "m":
            return []
        found: list[rows.Relation] = []
        waiting, seen = [oid], {oid}
        while waiting:
            for base, _ in self._facts.bases.get(waiting.pop(), ()):
                relation = self._known.get(base)
                if relation is not None and base not in seen:
                    seen.add(base)
                    if relation.kind in "vm":
                        waiting.append(base)
                    else:
                        found.append(relation)
        return found

    def _family(self, oid: int) -> list[rows.Relation]:
        return [self._known[other] for other in self._trees.related(oid) if other in self._known]

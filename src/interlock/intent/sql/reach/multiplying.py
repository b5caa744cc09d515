"""Joins whose rows come several times: neither side is unique, or the columns do not belong together."""

from interlock.intent.sql.catalog.labels import SYSTEM_SCHEMAS
from interlock.intent.sql.catalog.relation import ForeignKey, Relation
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reach.smallness import unique_by
from interlock.intent.sql.reading import Reading
from interlock.model import FindingCode

_Columns = list[tuple[str, str]]


def note_multiplying(reading: Reading, level: Level, *, explains: bool = True) -> None:
    """Explain each pair of relations that are joined on no key of either; stop those that are joined by mistake."""
    joined: dict[tuple[int, int], tuple[Range, Range, _Columns]] = {}
    for one, column, other, same in level.pairs:
        joined.setdefault((id(one), id(other)), (one, other, []))[2].append((column, same))
    for one, other, columns in joined.values():
        if not _keys_known(one) or not _keys_known(other) or unique_by(level, one) or unique_by(level, other):
            continue
        mistaken = _too_few_values(reading, one, other, columns) or _not_what_it_refers_to(one, other, columns)
        if mistaken:
            reading.note(FindingCode.CARTESIAN, mistaken)
        elif explains:
            shown = " and ".join(f"`{one.name}.{a} = {other.name}.{b}`" for a, b in columns)
            message = (
                f"{shown} is unique on neither side: a row comes once for each of its partners, so sums and counts "
                "grow; join through a key, or group each side first"
            )
            reading.note(FindingCode.MULTIPLYING_JOIN, message)


def _keys_known(range_: Range) -> bool:
    """The snapshot has no keys of views, foreign tables and the system's own."""
    relation = range_.relation
    return relation is not None and relation.kind in {"r", "p", "m"} and relation.schema not in SYSTEM_SCHEMAS


def _too_few_values(reading: Reading, one: Range, other: Range, columns: _Columns) -> str:
    """Booleans and enumerations: nearly every row meets every other."""
    relation = one.relation
    if relation is None or not all(_narrow(reading, relation, column) for column, _ in columns):
        return ""
    column, same = columns[0]
    return (
        f"`{one.name}.{column} = {other.name}.{same}` has a handful of values: nearly every row of `{one.name}` meets "
        f"every row of `{other.name}`; join them on their keys"
    )


def _narrow(reading: Reading, relation: Relation, name: str) -> bool:
    if name not in relation.places:
        return False
    column = relation.columns[relation.places[name]]
    if column.type == "bool" and column.type_schema == "pg_catalog":
        return True
    return any(
        found.kind == "e" and found.schema == column.type_schema for found in reading.catalog.types.get(column.type, ())
    )


def _not_what_it_refers_to(one: Range, other: Range, columns: _Columns) -> str:
    """A foreign key of one table, compared with another column of the very table that it refers to."""
    turned = [(b, a) for a, b in columns]
    for child, parent, pairs in ((one, other, columns), (other, one, turned)):
        if child.relation is None or parent.relation is None:
            continue
        for key in child.relation.outgoing:
            wrong = _mistaken(key, parent.relation, pairs)
            if wrong is not None:
                column, meant = wrong
                return (
                    f"`{child.name}.{column[0]}` refers to `{parent.name}.{meant}`, not to "
                    f"`{parent.name}.{column[1]}`: rows meet that have nothing to do with each other; write "
                    f"`{child.name}.{column[0]} = {parent.name}.{meant}`"
                )
    return ""


def _mistaken(key: ForeignKey, parent: Relation, pairs: _Columns) -> tuple[tuple[str, str], str] | None:
    if key.parent not in {found.oid for found in parent.ancestors()}:
        return None
    meant = dict(zip(key.child_columns, key.parent_columns, strict=False))
    if any(meant.get(column) == same for column, same in pairs):
        return None
    # Another reference to the same table may well be compared: siblings, who share a parent.
    referring = {column for other in parent.outgoing if other.parent == key.parent for column in other.child_columns}
    for pair in pairs:
        if pair[0] in meant and pair[1] not in referring:
            return pair, meant[pair[0]]
    return None

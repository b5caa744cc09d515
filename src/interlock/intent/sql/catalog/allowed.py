"""What the columns of a relation can hold at all: labels of enumerations, and what validated CHECKs leave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from interlock.intent.sql.catalog import rows
from interlock.intent.sql.catalog.checks import condition
from interlock.intent.sql.tree import Node

_DEEPEST: Final = 10  # domains over domains


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """`kinds` are the built-in types below each column's, `labels` those of enumerations in order, by column and by
    type. Every row fulfils each of `checks`, or has NULL for it."""

    kinds: Mapping[str, str]
    labels: Mapping[str, tuple[str, ...]]
    types: Mapping[str, tuple[str, ...]]
    checks: tuple[Node, ...]


class Confining:
    """The checks and the types of a snapshot."""

    def __init__(self, checks: Iterable[rows.Check], types: Iterable[rows.Type]) -> None:
        self._relations: dict[int, list[rows.Check]] = {}
        self._domains: dict[int, list[rows.Check]] = {}
        for check in checks:
            of = self._domains if check.relation is None else self._relations
            of.setdefault(check.relation or check.domain or 0, []).append(check)
        self._types = {(each.schema, each.name): each for each in types}
        self._labels = {oid: label for each in self._types.values() for oid, label in each.labels}

    def confined(self, oid: int, columns: Iterable[rows.Column]) -> frozenset[str]:
        """The columns of a relation of which not every value of a large type is possible."""
        found = {name for check in self._relations.get(oid, ()) for name in check.columns}
        for column in columns:
            if column.type == "bool" or (column.type_schema != "pg_catalog" and self._narrow(column)):
                found.add(column.name)
        return frozenset(found)

    def allowed(self, oid: int, columns: tuple[rows.Column, ...], *, inherited: bool) -> Allowed:
        """What these columns can hold; with `inherited` rows of heirs count as well."""
        kinds: dict[str, str] = {}
        labels: dict[str, tuple[str, ...]] = {}
        types: dict[str, tuple[str, ...]] = {}
        numbers = {column.number: column.name for column in columns}
        own = [check for check in self._relations.get(oid, ()) if not (check.alone and inherited)]
        checks = [condition(check, numbers, self._labels) for check in own]
        for column in columns:
            kinds[column.name] = column.type if column.type_schema == "pg_catalog" else ""
            for type_ in self._chain(column):
                domain = self._domains.get(type_.oid, ()) if type_.kind == "d" else ()
                checks += [condition(check, {}, self._labels, column.name) for check in domain]
                if type_.kind == "e":
                    labels[column.name] = types[type_.name] = tuple(label for _, label in type_.labels)
                elif type_.base_schema == "pg_catalog":
                    kinds[column.name] = type_.base or ""
        return Allowed(kinds=kinds, labels=labels, types=types, checks=tuple(checks))

    def _narrow(self, column: rows.Column) -> bool:
        return any(type_.kind == "e" or type_.oid in self._domains for type_ in self._chain(column))

    def _chain(self, column: rows.Column) -> list[rows.Type]:
        """The types of users that a column's consists of: a domain, what it is of, and so on."""
        found: list[rows.Type] = []
        type_ = self._types.get((column.type_schema, column.type))
        while type_ is not None and len(found) < _DEEPEST:
            found.append(type_)
            type_ = self._types.get((type_.base_schema or "", type_.base or ""))
        return found

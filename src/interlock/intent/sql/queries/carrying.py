"""Sensitive values that a write copies to where nothing says that they are: they leave what guards them."""

from collections.abc import Iterable, Sequence

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.reading import Reading, Source
from interlock.model import Reach, Verb
from interlock.model.labels import SENSITIVE


def carry(
    reading: Reading, target: Relation | None, columns: Iterable[str], values: Iterable[Sequence[Source]]
) -> None:
    """EXPORT of each column whose value goes into one of `columns`, in order, that lacks its sensitive labels."""
    if target is None or not reading.catalog.labels.entries:
        return
    for column, sources in zip(columns, values, strict=False):
        if not sources:
            continue
        field = target.fields.get(column)
        kept = target.object.labels | (field.labels if field is not None else frozenset())
        for object_, name in sources:
            relation = reading.catalog.relation(*object_.path[1:]) if len(object_.path) == 3 else None
            if relation is not None and (_labels(relation, name) & SENSITIVE) - kept:
                reading.add(Verb.EXPORT, object_, Reach.UNKNOWN, fields=[name], relation=relation)


def _labels(relation: Relation, name: str) -> frozenset[str]:
    """What a column is labelled, its table included; a view's column may be any of those that it reads."""
    named = [(relation, (name,)), *(relation.expansion() if relation.kind == "v" else ())]
    found = [base.fields[column].labels for base, columns in named for column in columns if column in base.fields]
    return frozenset().union(*found, *(base.object.labels for base, _ in named))

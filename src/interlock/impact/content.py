"""Which rows a unit takes or overwrites: how another session asks for them while the unit is still open.

To every session but its own a row that was deleted or overwritten is still there, and its xmax names the transaction
that did it: through cascades, triggers and partitions, whatever the statement said (docs/decisions/0008).
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from interlock.intent.sql.catalog.snapshot import Catalog, Relation
from interlock.model import Content, Impact, Object, Sample, Verb

MOST_OBJECTS: Final = 8
MOST_KEYS: Final = 1_000_000  # of one object; they are sorted at the target, within its work_mem and its limits of time
MOST_ROWS: Final = 5
MOST_COLUMNS: Final = 12
LONGEST_VALUE: Final = 48  # characters

_TAKES: Final = (Verb.DELETE, Verb.CHANGE)
_BUILT_IN: Final = "pg_catalog"  # the output of other types may be code of users (threats.md 2)
_XIDS: Final = 1 << 32  # xmax is the transaction's number without its epoch
_rows: Final = msgspec.json.Decoder(tuple[str | None, ...]).decode


class Question(Struct, frozen=True, kw_only=True):
    """What is asked about one object of which `rows` rows were counted.

    `keys` gives (how many rows, a digest of their keys), `sample` a row of JSON texts for each of a few of them; ""
    where there is nothing to ask.
    """

    object: Object
    verb: Verb
    rows: int
    columns: tuple[str, ...]
    keys: str
    sample: str


class Answer(Struct, frozen=True, kw_only=True):
    """`rows` and `keys` are None where they were not said."""

    question: Question
    rows: int | None = None
    keys: str | None = None
    sample: tuple[str, ...] = ()


def questions(impact: Impact, transaction: str, catalog: Catalog) -> tuple[Question, ...]:
    """What to ask about a unit whose `transaction` (xid8) is still open, the most rows first."""
    if not transaction.isdecimal():
        return ()
    found = [_question(*part, transaction, catalog) for part in _taken(impact)]
    asked = [question for question in found if question is not None]
    return tuple(sorted(asked, key=lambda question: -question.rows)[:MOST_OBJECTS])


def content(impact: Impact, answers: Iterable[Answer]) -> Content:
    """What is known of the rows. Keys count only where there are exactly as many as were changed: a row may also have
    been locked alone, changed twice, or changed in a subtransaction."""
    answers = [*answers]
    keyed = {answer.question.object: answer.keys for answer in answers if _whole(answer)}
    lines = [f"{thing}\x01{keys}" for thing, keys in keyed.items()]
    touched = dict.fromkeys(part.object for part in impact.touched if part.object not in keyed)
    return Content(
        keys=sha256("\n".join(sorted(lines)).encode()).hexdigest() if lines else "",
        keyed=tuple(keyed),
        counted=tuple(touched),
        samples=tuple(_sample(answer) for answer in answers if answer.sample),
    )


def _whole(answer: Answer) -> bool:
    return bool(answer.keys) and answer.rows == answer.question.rows


def _sample(answer: Answer) -> Sample:
    asked = answer.question
    return Sample(object=asked.object, verb=asked.verb, columns=asked.columns, rows=tuple(map(_rows, answer.sample)))


def _taken(impact: Impact) -> list[tuple[Object, Verb, int]]:
    """Each object with rows that were taken or overwritten, and how many they are together."""
    found: dict[Object, tuple[Verb, int]] = {}
    for part in impact.touched:
        if part.verb in _TAKES and part.rows:
            verb, rows = found.get(part.object, (part.verb, 0))
            found[part.object] = verb, rows + part.rows
    return [(thing, verb, rows) for thing, (verb, rows) in found.items()]


def _question(thing: Object, verb: Verb, rows: int, transaction: str, catalog: Catalog) -> Question | None:
    relation = catalog.relation(*thing.path[1:]) if len(thing.path) == 3 else None
    if relation is None or relation.object != thing or relation.kind not in ("r", "m") or relation.temporary:
        return None
    key = _key(relation) if rows <= MOST_KEYS else ()
    columns = _columns(relation)
    touched = (
        f"FROM ONLY {_quoted(relation.schema)}.{_quoted(relation.name)} AS t WHERE t.xmax "
        f"OPERATOR(pg_catalog.=) '{int(transaction) % _XIDS}'::pg_catalog.xid"
    )
    return Question(
        object=thing,
        verb=verb,
        rows=rows,
        columns=columns,
        keys=_KEYS.format(key=", ".join(f"t.{_quoted(name)}" for name in key), touched=touched) if key else "",
        sample=_SAMPLE.format(values=", ".join(map(_value, columns)), touched=touched) if columns else "",
    )


def _key(relation: Relation) -> tuple[str, ...]:
    """The key whose values name a row: the first without NULLs and without types of users; () where there is none."""
    whole = [key for key in relation.keys if relation.not_null.issuperset(key)]
    return next((key for key in whole if all(_plain(relation, name) for name in key)), ())


def _columns(relation: Relation) -> tuple[str, ...]:
    """Those that may be shown to whoever is asked. What is generated may be made by code when it is read."""
    if relation.object.labels:
        return ()
    shown = [
        column.name
        for column in relation.columns
        if not column.generated and _plain(relation, column.name) and not relation.fields[column.name].labels
    ]
    return tuple(shown[:MOST_COLUMNS])


def _plain(relation: Relation, name: str) -> bool:
    kind = relation.type_of(name)
    return kind is not None and kind[0] == _BUILT_IN


def _value(name: str) -> str:
    return f"pg_catalog.left(t.{_quoted(name)}::pg_catalog.text, {LONGEST_VALUE})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_KEYS: Final = (
    "SELECT pg_catalog.count(*), pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(COALESCE("
    "pg_catalog.string_agg(k.key, E'\\n' ORDER BY k.key COLLATE pg_catalog.\"C\"), ''), 'UTF8')), 'hex') "
    "FROM (SELECT ROW({key})::pg_catalog.text AS key {touched}) AS k"
)
_SAMPLE: Final = f"SELECT pg_catalog.json_build_array({{values}})::pg_catalog.text {{touched}} LIMIT {MOST_ROWS}"

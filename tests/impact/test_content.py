"""Which rows a unit took: what is asked about, and when an answer is believed."""

import pytest
from msgspec.structs import replace

from interlock.impact.content import MOST_KEYS, MOST_ROWS, Answer, content, questions
from interlock.model import Basis, Content, Impact, Object, Touched, Verb
from tests.intent.sql.shop import scope

CATALOG = scope().catalog


def thing(name: str) -> Object:
    relation = CATALOG.relation("public", name)
    assert relation is not None
    return relation.object


def impact(*parts: tuple[str, Verb, int | None]) -> Impact:
    touched = tuple(Touched(object=thing(name), verb=verb, rows=rows) for name, verb, rows in parts)
    return Impact(basis=Basis.MEASURED, touched=touched)


DELETED = impact(("orders", Verb.DELETE, 3))


def test_the_number_of_a_transaction_wraps_around_in_a_row() -> None:
    (asked,) = questions(DELETED, str((1 << 32) + 712), CATALOG)
    assert "= '712'::" not in asked.keys
    assert "OPERATOR(pg_catalog.=) '712'::pg_catalog.xid" in asked.keys
    assert 'FROM ONLY "public"."orders"' in asked.keys
    assert f"LIMIT {MOST_ROWS}" in asked.sample
    assert questions(DELETED, "", CATALOG) == ()
    assert questions(DELETED, "1; DROP TABLE orders", CATALOG) == ()


def test_what_carries_a_label_is_not_shown() -> None:
    (asked,) = questions(impact(("customers", Verb.CHANGE, 1)), "7", CATALOG)
    relation = CATALOG.relation("public", "customers")
    assert relation is not None
    labelled = {name for name, field in relation.fields.items() if field.labels}
    assert labelled
    assert not labelled & set(asked.columns)
    assert not any(f'"{name}"::' in asked.sample for name in labelled)


def test_rows_that_were_inserted_or_never_counted_are_not_asked_about() -> None:
    assert questions(impact(("orders", Verb.CREATE, 3), ("order_items", Verb.DELETE, None)), "7", CATALOG) == ()
    assert questions(impact(("orders", Verb.DELETE, 0)), "7", CATALOG) == ()


def test_too_many_keys_are_not_sorted() -> None:
    (asked,) = questions(impact(("orders", Verb.DELETE, MOST_KEYS + 1)), "7", CATALOG)
    assert (asked.keys, asked.sample != "") == ("", True)


def answered(rows: int | None = 3, keys: str | None = "ab") -> Content:
    (asked,) = questions(DELETED, "7", CATALOG)
    return content(DELETED, [Answer(question=asked, rows=rows, keys=keys)])


@pytest.mark.parametrize(("rows", "keys"), [(2, "ab"), (4, "ab"), (None, None), (3, ""), (3, None)])
def test_keys_are_believed_only_where_they_are_all_of_it(rows: int | None, keys: str | None) -> None:
    assert answered().keyed == (thing("orders"),)
    assert answered().counted == ()
    found = answered(rows, keys)
    assert (found.keys, found.keyed, found.counted) == ("", (), (thing("orders"),))


def test_other_keys_or_another_table_is_another_digest() -> None:
    assert answered().keys != answered(keys="cd").keys
    (asked,) = questions(DELETED, "7", CATALOG)
    elsewhere = Answer(question=replace(asked, object=thing("order_items")), rows=3, keys="ab")
    assert content(DELETED, [elsewhere]).keys != answered().keys


def test_what_nobody_answered_for_is_only_counted() -> None:
    both = impact(("orders", Verb.DELETE, 3), ("order_items", Verb.CREATE, 2))
    (asked,) = questions(both, "7", CATALOG)
    found = content(both, [Answer(question=asked, rows=3, keys="ab")])
    assert (found.keyed, found.counted) == ((thing("orders"),), (thing("order_items"),))

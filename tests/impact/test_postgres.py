"""What the server's counters say of a unit: exact where it counted, unknown where it could not."""

import re

import pytest

from interlock.impact import merged, postgres
from interlock.intent.sql import Catalog, Scope, understand
from interlock.intent.sql.limits import DEFAULT_LIMITS
from interlock.model import Basis, Effect, Impact, Intent, Object, ObjectKind, Reach, Verb
from tests.intent.sql.shop import scope


def meant(text: str) -> list[Intent]:
    return [statement.intent for statement in understand(text, scope(), DEFAULT_LIMITS)]


def line(name: str, *rows: int, kind: str = "r", held: str = "w", schema: str = "public", oid: int = 1) -> str:
    inserted, updated, deleted = rows or (0, 0, 0)
    return "\x01".join([str(oid), schema, name, kind, held, str(inserted), str(updated), str(deleted)])


def impact(text: str, *lines: str) -> Impact:
    return postgres.counted([*lines, "xid\x01712\x017\x0100000001"], meant(text), scope().catalog).impact


def said(found: Impact) -> dict[str, int | None]:
    return {f"{part.verb.value} {part.object}": part.rows for part in found.touched}


UPDATE = "UPDATE orders SET status = 'x' WHERE total > 5"


def test_rows_are_summed_over_tables_and_verbs() -> None:
    found = impact(UPDATE, line("orders", 0, 7, 0), line("order_items", 2, 0, 3, oid=2))
    assert (found.basis, found.rows) == (Basis.MEASURED, 12)
    assert said(found) == {
        "change public.orders": 7,
        "create public.order_items": 2,
        "delete public.order_items": 3,
    }


def test_labels_come_with_the_catalogue() -> None:
    (part,) = impact(UPDATE, line("customers", 0, 1, 0)).touched
    assert part.object == scope().catalog.relation("public", "customers").object  # type: ignore[union-attr]


def test_a_table_that_nobody_knows_is_unknown_and_one_of_the_sessions_own_is_not() -> None:
    (stranger,) = impact(UPDATE, line("stranger", 0, 1, 0)).touched
    assert stranger.object.known is False
    (own,) = impact(UPDATE, line("mine", 0, 1, 0, schema="pg_temp_3")).touched
    assert (str(own.object), own.object.known) == ("pg_temp.mine", True)


def test_nothing_touched_is_nothing() -> None:
    found = impact(UPDATE)
    assert (found.rows, found.touched, found.reversible) == (0, (), True)


def test_foreign_rows_are_not_counted_and_so_not_known() -> None:
    found = impact(UPDATE, line("orders", 0, 1, 0), line("far", kind="f", oid=2))
    assert found.rows is None


def test_truncate_counts_nothing_and_is_not_zero() -> None:
    found = impact("TRUNCATE orders", line("orders", held="x"))
    assert (found.rows, said(found)) == (None, {"delete public.orders": None})


def test_an_exclusive_lock_that_nobody_declared_is_destruction() -> None:
    assert said(impact(UPDATE, line("orders", held="x"))) == {"destroy public.orders": None}
    assert said(impact(UPDATE, "99\x01\x01\x01\x01x\x010\x010\x010")) == {"destroy 99": None}
    altered = "ALTER TABLE orders ADD note text; " + UPDATE
    assert said(impact(altered, line("orders", 0, 4, 0, held="x"))) == {"change public.orders": 4}
    assert said(impact("DROP TABLE orders", "99\x01\x01\x01\x01x\x010\x010\x010")) == {}


def test_changes_of_the_catalogue_are_structure_and_rights() -> None:
    found = impact(
        UPDATE,
        line("pg_class", 0, 1, 0, kind="C", schema="pg_catalog"),
        line("pg_auth_members", 1, 0, 0, kind="C", schema="pg_catalog", oid=2),
    )
    assert said(found) == {"configure pg_catalog.pg_class": 1, "grant pg_catalog.pg_auth_members": 1}
    assert found.rows == 0


def test_a_sequence_or_a_message_cannot_be_taken_back() -> None:
    assert impact(UPDATE, line("orders_id_seq", kind="S")).reversible is False
    assert impact("NOTIFY somebody").reversible is False


def test_code_that_nobody_followed_leaves_it_open() -> None:
    thing = Object(kind=ObjectKind.FUNCTION, path=("shop", "public", "f"))
    for reach, reversible, catalogue in ((Reach.UNKNOWN, None, True), (Reach.ONE, True, False)):
        effect = Effect(verb=Verb.EXECUTE, object=thing, reach=reach)
        intent = Intent(effects=(effect,), returns=None, findings=(), understood=True, shape="", fingerprint="")
        assert postgres.needs_catalogue([intent]) is catalogue
        found = postgres.counted(["xid\x01\x017\x0100000001"], [intent], Catalog.empty(target="shop")).impact
        assert found.reversible is reversible


NO_ANSWERS = [[], ["nonsense"], [line("orders", 0, 1, 0)], ["1\x01a\x01b\x01r\x01w\x01x\x010\x010"]]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_what_is_no_answer_is_refused(answer: list[str]) -> None:
    with pytest.raises(ValueError):
        postgres.counts(answer)


def test_what_was_counted_again_is_read_by_relation() -> None:
    assert postgres.recounts(["5\x011\x012\x013", "6\x010\x010\x010"]) == {5: (1, 2, 3), 6: (0, 0, 0)}


def test_commands_of_a_unit_are_one_intent() -> None:
    (one,), (other,) = meant(UPDATE), meant("DELETE FROM order_items WHERE order_id = 7")
    assert merged([one, one]) is one
    both = merged([one, other, one])
    assert set(both.effects) == {*one.effects, *other.effects}
    assert both.understood
    (odd,) = understand("SELEC", Scope(catalog=Catalog.empty(target="t"), target="t"), DEFAULT_LIMITS)
    assert not merged([one, odd.intent]).understood


def test_what_an_administrator_could_withhold_of_counting_is_named() -> None:
    """The doctor looks at these alone: everything else that counting asks is plumbing that nobody takes away."""
    asked = set(re.findall(r"pg_catalog\.(pg_\w+)\(", postgres.COUNT_ALL + postgres.FLUSH))
    looked = set(re.findall(r"(?:FROM|JOIN) pg_catalog\.(pg_\w+) ", postgres.COUNT_ALL))
    assert asked == {*postgres.FUNCTIONS} - {"pg_lock_status"}
    assert looked == {*postgres.RELATIONS}

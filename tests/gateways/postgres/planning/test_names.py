"""What a name stands for is what the target confirmed, and what code may have swapped is forgotten."""

from interlock.gateways.postgres.planning.names import Names
from interlock.gateways.postgres.planning.steps import Portal
from interlock.intent.sql import understand
from tests.intent.sql.shop import scope


def statement(text: str):  # type: ignore[no-untyped-def]
    (one,) = understand(text, scope())
    return one


def test_a_sent_name_counts_for_its_group_until_it_is_confirmed() -> None:
    names, read = Names(), statement("SELECT 1")
    names.send_statement(1, "a", read)
    assert names.statement("a") is read
    names.group_over(1, idle=True)
    assert names.statement("a") is None
    names.send_statement(2, "a", read)
    names.hold_statement("a", read)
    names.group_over(2, idle=True)
    assert names.statement("a") is read


def test_a_name_that_is_held_is_not_replaced_the_unnamed_one_is() -> None:
    names, first, second = Names(), statement("SELECT 1"), statement("SELECT 2")
    for name in ("a", ""):
        names.hold_statement(name, first)
        names.send_statement(1, name, second)
    assert names.statement("a") is first
    assert names.statement("") is second


def test_portals_end_with_their_transaction() -> None:
    names = Names()
    names.hold_portal("p", Portal(statement=statement("SELECT 1")))
    names.group_over(1, idle=False)
    assert names.portal("p") is not None
    names.group_over(2, idle=True)
    assert names.portal("p") is None


def test_what_is_not_made_of_the_text_that_was_judged_is_forgotten() -> None:
    names = Names()
    prepared, driver = statement("PREPARE s AS SELECT 1"), statement("SELECT 2")
    cursor = "DECLARE c CURSOR FOR SELECT 3"
    for name in ("s", "swapped"):
        names.hold_statement(name, prepared)
    names.hold_statement("drv", driver)
    names.hold_statement("", driver)
    for name in ("c", "other"):
        names.hold_portal(name, Portal(statement=statement(cursor)))
    assert names.any_named
    names.keep_only(
        [
            f"ss\x01{prepared.text}",
            "sswapped\x01prepare swapped as delete from orders",
            "sdrv\x01SELECT 2",
            f"cc\x01{cursor}",
            "cother\x01declare other cursor for select email from customers",
        ]
    )
    assert [names.statement(name) is not None for name in ("s", "swapped", "drv", "")] == [True, False, True, True]
    assert [names.portal(name) is not None for name in ("c", "other")] == [True, False]

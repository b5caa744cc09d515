"""A bulk write, measured and held, approved by the owner of the data, and landed within what was approved."""

import json
from collections.abc import Iterator

import pytest

from interlock.app.approvals import Desk
from interlock.app.embedded import EmbeddedPostgres
from interlock.model import Card
from tests.measured.asking import records, refused, touched
from tests.measured.conftest import WORLD
from tests.stand import Stand, standing
from tests.stories.approving import approve, ends, held

OWNER = """
[principals.olga]
kind = "person"
groups = ["data-owners"]
secret_file = "client.secret"
"""
BULK = "UPDATE customers SET note = 'bulk' WHERE country = 'FR'"


@pytest.fixture(scope="module", params=["18", "15"])
def owned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """With somebody who owns the data."""
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    directory = tmp_path_factory.mktemp(f"owned{request.param}")
    with standing(server, directory, WORLD.read_text(), pii=("public.customers.name",), more=OWNER) as made:
        made.start()
        yield made
        made.end_well()


def shown(stand: Stand, request: str) -> Card:
    """What an approver sees."""
    with Desk(stand.directory / ".interlock" / "approvals.sock") as desk:
        card = desk.show(request).card
    assert card is not None
    return card


def marked(stand: Stand) -> object:
    return stand.ask("SELECT count(*) FROM customers WHERE note = 'bulk'")


def test_it_is_counted_held_approved_and_lands_once(owned: Stand) -> None:
    with owned.connect() as client:
        said = held(client, BULK)
        assert (said["state"], said["missing"]) == ("pending", {"data-owners": 1})
        assert marked(owned) == 0
        with Desk(owned.directory / ".interlock" / "approvals.sock") as desk:
            (request,) = [lease for lease in desk.open() if lease.id == said["request"]]
        assert request.ceiling is not None
        assert request.ceiling.rows == 2_700
        assert held(client, BULK)["request"] == said["request"]
        approve(owned, said["request"], "olga")
        assert client.execute(BULK).rowcount == 2_700
        assert marked(owned) == 2_700
        again = held(client, BULK)
        assert again["request"] != said["request"]
    assert ends(owned, said["request"]) == [(said["request"], "used")]
    landed = [one for one in records(owned, "settlement") if one["settlement"]["verdict"] == "allow"][-1]
    assert landed["settlement"]["lease"] == said["request"]
    assert touched(landed) == {"change customers": 2_700}
    owned.ask("UPDATE customers SET note = NULL")


def test_what_does_more_than_was_approved_is_undone_and_asked_anew(owned: Stand) -> None:
    text = "DELETE FROM items WHERE amount <= 1500"
    with owned.connect() as client:
        first = held(client, text)["request"]
        approve(owned, first, "olga")
        owned.ask("UPDATE items SET amount = 1 WHERE id BETWEEN 3000 AND 3100")  # the world changed
        detail = refused(client, text).detail
        assert "approval-exceeded" in detail
        (said,) = [json.loads(line[11:]) for line in detail.splitlines() if line.startswith("interlock: ")]
        assert said["request"] != first
        assert owned.ask("SELECT count(*) FROM items WHERE amount <= 1500") == 1_601
        approve(owned, said["request"], "olga")
        assert client.execute(text).rowcount == 1_601
    assert ends(owned, first, said["request"]) == [(first, "exceeded"), (said["request"], "used")]


def test_what_does_less_than_was_approved_lands_where_rows_were_only_counted(owned: Stand) -> None:
    text = "UPDATE log SET what = 'bulk' WHERE id BETWEEN 1 AND 2000"
    with owned.connect() as client:
        request = held(client, text)["request"]
        card = shown(owned, request)
        assert (card.content.keys, [str(one) for one in card.content.counted]) == ("", ["public.log"])
        approve(owned, request, "olga")
        owned.ask("DELETE FROM log WHERE id BETWEEN 1 AND 500")
        assert client.execute(text.encode()).rowcount == 1_500
    assert ends(owned, request) == [(request, "used")]


def test_the_card_shows_some_rows_as_they_are(owned: Stand) -> None:
    """Without the column that carries a label."""
    text = "DELETE FROM customers WHERE id BETWEEN 2000 AND 2999"
    with owned.connect() as client:
        request = held(client, text)["request"]
        content = shown(owned, request).content
    assert {str(one) for one in content.keyed} == {"public.customers", "public.orders"}
    assert {str(one.object) for one in content.samples} == {"public.customers", "public.orders"}
    (sample,) = [one for one in content.samples if str(one.object) == "public.customers"]
    assert (str(sample.object), sample.verb, sample.columns) == (
        "public.customers",
        "delete",
        ("id", "country", "note"),
    )
    assert len(sample.rows) == 5
    assert all(2000 <= int(row[0] or 0) <= 2999 and row[1] in ("DE", "FR") for row in sample.rows)
    card = owned.interlock("approvals", "show", request)
    assert "the very rows, by their keys: public.orders, public.customers" in " ".join(card.err.split())
    assert f"  {sample.rows[0][0]} | " in card.err
    assert owned.ask("SELECT count(*) FROM customers WHERE id BETWEEN 2000 AND 2999") == 1_000


@pytest.mark.parametrize("others", ["as many", "fewer"])
def test_other_rows_than_those_that_were_approved_are_undone_and_asked_anew(owned: Stand, others: str) -> None:
    """The same text, the same count: threats.md 6."""
    text = "UPDATE items SET amount = -1 WHERE amount BETWEEN 20000 AND 21999"
    with owned.connect() as client:
        first = held(client, text)["request"]
        approve(owned, first, "olga")
        owned.ask("UPDATE items SET amount = 30000 WHERE id = 20005")
        if others == "as many":
            owned.ask("UPDATE items SET amount = 20005 WHERE id = 40000")
        detail = refused(client, text).detail
        assert "other rows than those that were approved" in detail
        assert owned.ask("SELECT count(*) FROM items WHERE amount = -1") == 0
        (said,) = [json.loads(line[11:]) for line in detail.splitlines() if line.startswith("interlock: ")]
        assert said["request"] != first
        approve(owned, said["request"], "olga")
        assert client.execute(text.encode()).rowcount == (2_000 if others == "as many" else 1_999)
    assert ends(owned, first, said["request"]) == [(first, "exceeded"), (said["request"], "used")]
    owned.ask("UPDATE items SET amount = id")


def test_rows_of_a_table_that_changed_twice_are_only_counted(owned: Stand) -> None:
    """More changes than rows: the keys would not be all of it."""
    text = "UPDATE watched_twice SET name = 'x' WHERE id <= 1500"
    with owned.connect() as client:
        content = shown(owned, held(client, text)["request"]).content
    assert (content.keys, [str(one) for one in content.counted]) == ("", ["public.watched_twice"])


def test_a_write_whose_code_ran_is_sent_again_on_a_new_connection(owned: Stand) -> None:
    """The session has run code, so nobody knows what the meaning of its next command rests on: the hint says so."""
    text = "UPDATE watched_twice SET name = 'y' WHERE id <= 1400"
    with owned.connect() as client:
        said = refused(client, text)
        assert "send the same statement again on a new connection: it passes once" in said.hint
        (line,) = [json.loads(one[11:]) for one in said.detail.splitlines() if one.startswith("interlock: ")]
        assert line["new_connection"] is True
        assert said.detail.count("2,800 rows measured") == 1  # the total is said once
        approve(owned, line["request"], "olga")
    with owned.connect() as client:
        assert client.execute(text.encode()).rowcount == 1_400
    assert ends(owned, line["request"]) == [(line["request"], "used")]


def test_inside_a_transaction_it_is_not_asked_for(owned: Stand) -> None:
    """What else the transaction did would land with it."""
    with owned.connect() as client:
        client.execute("BEGIN")
        assert "approval-not-bound" in refused(client, BULK).detail
        client.execute("ROLLBACK")
    assert marked(owned) == 0

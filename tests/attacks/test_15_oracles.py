"""Threat 15: an answer that is refused must not tell by its error or its numbers what may not be read."""

import psycopg
import pytest

from tests.stand import AGENT, PERSON, Stand

SECRET = "secret.example"
# Writes of one row that its constraints refuse: the server would show the row, the labelled column with it.
VIOLATIONS = {
    "23514": "UPDATE guests SET name = '' WHERE id = 1",
    "23502": "UPDATE guests SET name = NULL WHERE id = 2",
    "23505": "INSERT INTO guests (id, name) VALUES (1, 'again')",
    "23503": "DELETE FROM guests WHERE id = 1",
}


@pytest.mark.parametrize(("state", "text"), VIOLATIONS.items())
@pytest.mark.parametrize("way", ["alone", "prepared", "in a transaction"])
def test_a_violated_constraint_quotes_no_labelled_row(stand: Stand, state: str, text: str, way: str) -> None:
    with stand.connect(PERSON) as client:
        if way == "in a transaction":
            client.execute("BEGIN")
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            client.execute(text.encode(), prepare=way == "prepared")
    said = refused.value.diag
    assert said.sqlstate == state
    assert said.message_detail == "Interlock leaves out the values: `public.guests` has labelled columns." or (
        # The key of the row that refers is what is quoted, of a table without labels.
        state == "23503" and said.table_name == "stays"
    )
    assert SECRET not in f"{refused.value} {said.message_primary} {said.context}"


def test_where_nothing_is_labelled_the_server_says_what_it_says(stand: Stand) -> None:
    with stand.connect(PERSON) as client, pytest.raises(psycopg.errors.CheckViolation) as refused:
        client.execute("UPDATE rooms SET beds = 0 WHERE id = 1")
    assert refused.value.diag.message_detail == "Failing row contains (1, 0)."


@pytest.mark.parametrize("end", ["", " RETURNING id"])
def test_a_count_of_what_may_not_be_read_is_not_told(stand: Stand, end: str) -> None:
    """Measured numbers would answer `how many have this address`: the predicate reads the column, and may not."""
    with stand.connect(AGENT) as client:
        said = set()
        for asked in (f"%{SECRET}", "nobody"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
                client.execute(f"UPDATE guests SET room = 9 WHERE email LIKE '{asked}'{end}".encode())
            said.add(str(refused.value).split("Decision")[0].split("decision")[0])
    assert len(said) == 1, said
    assert stand.ask("SELECT count(*) FROM guests WHERE room = 9") == 0

"""Threat 12: a write is small only on positive evidence, and only by the catalogue that the target has now."""

import psycopg
import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.wire import Wire, errors
from tests.measured.asking import records
from tests.stand import AGENT, PERSON, Stand

BIG = [
    "UPDATE items SET amount = 0 WHERE id = id",
    "UPDATE items SET amount = 0 WHERE id = items.amount",
    "UPDATE items SET amount = 0 WHERE id = (SELECT id)",
    "UPDATE items SET amount = 0 WHERE id = ANY (ARRAY(SELECT generate_series(1, 5000)))",
    "UPDATE items SET amount = 0 WHERE id = 1 OR true",
    "UPDATE items SET amount = 0 WHERE NOT (id = 1)",
    "UPDATE items SET amount = 0 WHERE (id = 1) IS NOT NULL",
    "UPDATE items SET amount = 0 WHERE id >= 1",
    "DELETE FROM base WHERE id = 1",
    "UPDATE base SET name = 'x' WHERE id = 1",
    "DELETE FROM parents WHERE id = 1",
    "UPDATE parents SET id = 99 WHERE id = 1",
    "UPDATE watched SET name = 'x' WHERE id = 1",
    "INSERT INTO watched VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'x'",
    "INSERT INTO notes SELECT n, 'many' FROM generate_series(1, 5000) AS n",
    "INSERT INTO notes VALUES (generate_series(1, 5000), 'many')",
    "INSERT INTO notes TABLE people",
    "WITH gone AS (DELETE FROM items RETURNING *) SELECT count(*) FROM gone",
    "WITH gone AS (DELETE FROM parents WHERE id = 1 RETURNING *) SELECT count(*) FROM gone",
    "MERGE INTO items USING people ON items.id = people.id WHEN MATCHED THEN DELETE",
    "UPDATE items SET amount = scribble('small') WHERE id = 1",
    "DELETE FROM items WHERE id = 1 AND scribble('small') = 1",
    "TRUNCATE notes",
]
# Not proven small either, and here they are: they run, are counted, and only then may land.
COUNTED = [
    "DELETE FROM notes WHERE id = nextval('ids')",
    "UPDATE items SET amount = 0 FROM generate_series(1, 5) g WHERE id = g",
    "DELETE FROM parts WHERE id = 1",
    "DELETE FROM parts WHERE at = 1",
    "DELETE FROM items WHERE id = harmless(1)",
]


def everything(stand: Stand) -> object:
    """A digest of all rows that could be hit."""
    tables = ["items", "base", "heirs", "parts", "parents", "children", "watched"]
    return [stand.ask(f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} AS t") for table in tables]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("user", [PERSON, AGENT])
def test_what_only_looks_small_does_not_run(stand: Stand, user: str, inside: bool) -> None:
    before = everything(stand)
    with Wire(stand, user) as wire:
        for text in BIG:
            if inside:
                wire.ask(build_query("BEGIN"))
            said = wire.ask(build_query(text))
            if inside:
                wire.ask(build_query("COMMIT"))
            assert errors(said), (text, said)
            assert "G" not in said
    assert everything(stand) == before


@pytest.mark.parametrize("text", COUNTED)
def test_what_turns_out_small_is_counted_all_the_same(stand: Stand, text: str) -> None:
    before = len(records(stand, "settlement"))
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute(text.encode())
        client.execute("ROLLBACK")
    (settled,) = records(stand, "settlement")[before:]
    assert settled["impact"]["basis"] == "measured"
    assert settled["impact"]["rows"] <= 1_000


def test_a_parameter_is_a_value_and_no_column(stand: Stand) -> None:
    with Wire(stand) as wire:
        parse = build_parse("", "UPDATE items SET amount = 1 WHERE id = $1", [23])
        said = wire.ask(parse, build_bind("", "", [b"1"]), build_execute(""), build_sync())
        assert "C UPDATE 1" in said


STALE = [
    ("cascade", "CREATE TABLE late_children (id int, parent int REFERENCES late ON DELETE CASCADE)",
     "INSERT INTO late_children VALUES (1, 1)", "DELETE FROM late WHERE id = 1", "SELECT count(*) FROM late_children"),
    ("trigger", "CREATE TRIGGER late_trigger BEFORE UPDATE ON late FOR EACH ROW EXECUTE FUNCTION on_watched()",
     "SELECT 1", "UPDATE late SET name = 'x' WHERE id = 2", "SELECT count(*) FROM children"),
    ("heirs", "CREATE TABLE late_heirs () INHERITS (late)",
     "INSERT INTO late_heirs SELECT 3, 'h' FROM generate_series(1, 500)", "DELETE FROM late WHERE id = 3",
     "SELECT count(*) FROM late_heirs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ddl", "fill", "write", "harm"), [case[1:] for case in STALE], ids=[case[0] for case in STALE]
)
def test_a_catalogue_that_changed_a_moment_ago(stand: Stand, ddl: str, fill: str, write: str, harm: str) -> None:
    """DDL from outside, and the next statement at once: by the catalogue of a moment ago it is small."""
    with stand.connect() as client:
        client.execute("SELECT count(*) FROM late")  # the gateway has read what was there
        stand.ask(ddl)
        stand.ask(fill)
        before = stand.ask(harm)
        with pytest.raises(psycopg.Error):
            client.execute(write)
        assert stand.ask(harm) == before
        stand.ask("DROP TABLE IF EXISTS late_heirs; DROP TABLE IF EXISTS late_children")
        stand.ask("DROP TRIGGER IF EXISTS late_trigger ON late")


def test_a_catalogue_that_changed_elsewhere_undoes_no_honest_write(stand: Stand) -> None:
    """What a migration does to another table is nothing to this one: its write is not undone, not even once."""
    with stand.connect() as client:
        for number in range(3):
            stand.ask(f"CREATE TABLE elsewhere_{number} (n int)")
            assert client.execute("UPDATE items SET amount = 1 WHERE id = 9").rowcount >= 0
            stand.ask(f"DROP TABLE elsewhere_{number}")

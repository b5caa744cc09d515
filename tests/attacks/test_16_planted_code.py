"""Threat 16: code that is planted now runs for everybody later: planting it is held, whoever asks."""

import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.bare import bare, value
from tests.attacks.wire import Wire, errors
from tests.stand import AGENT, CALLER, PERSON, Stand

# What plants it, and the innocent statement of somebody else that runs it.
PLANTED = [
    ("CREATE INDEX planted ON tags (immutable_scribble(name))", "SELECT 1"),
    ("CREATE INDEX planted ON tags (id) WHERE immutable_scribble(name) = 1", "SELECT 1"),
    ("ALTER TABLE notes ALTER body SET DEFAULT scribble('default')::text", "INSERT INTO notes (id) VALUES (1)"),
    ("ALTER TABLE notes ADD at int DEFAULT scribble('column')", "INSERT INTO notes (id) VALUES (1)"),
    ("ALTER TABLE notes ADD CONSTRAINT planted CHECK (scribble('check') = 1)", "INSERT INTO notes VALUES (1, 'x')"),
    ("CREATE VIEW planted AS SELECT scribble('view')", "TABLE planted"),
    ("CREATE OR REPLACE VIEW contact_view AS SELECT scribble('replaced') AS id, email AS plain FROM contacts",
     "SELECT count(id) FROM contact_view WHERE id > 0"),
    ("CREATE RULE planted AS ON UPDATE TO tags DO ALSO SELECT scribble('rule')", "UPDATE tags SET name = 'x'"),
    ("CREATE TRIGGER planted BEFORE UPDATE ON tags FOR EACH ROW EXECUTE FUNCTION on_planted()",
     "UPDATE tags SET name = 'x'"),
    ("CREATE DOMAIN planted AS int CHECK (scribble('domain') = 1)", "SELECT 1::planted"),
    ("CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT scribble(''body'')'", "SELECT planted()"),
    ("CREATE OR REPLACE FUNCTION harmless(n int) RETURNS int LANGUAGE sql AS 'SELECT scribble(''again'')'",
     "SELECT harmless(1)"),
    ("CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE plpgsql AS "
     "'BEGIN PERFORM scribble(''lower''); RETURN 1; END'", "SELECT lower(name) FROM tags"),
    ("CREATE AGGREGATE planted(text) (SFUNC = scribble_twice, STYPE = int)", "SELECT planted(name) FROM tags"),
    ("CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = text, FUNCTION = scribble_twice)", "SELECT 1 === 'x'"),
    ("CREATE CAST (text AS holder) WITH FUNCTION to_holder(text) AS ASSIGNMENT", "SELECT 'x'::text::holder"),
    ("ALTER FUNCTION stable_scribble(text) RENAME TO harmless", "SELECT harmless('x')"),
    ("CREATE STATISTICS planted ON (immutable_scribble(name)), name FROM tags", "ANALYZE tags"),
]  # fmt: skip


@pytest.fixture(scope="module")
def code(attacked: Stand) -> None:
    """Functions that only planting needs."""
    with bare(attacked) as server:
        server.execute(
            "CREATE FUNCTION scribble_twice(int, text) RETURNS int LANGUAGE sql AS 'SELECT public.scribble($2)';"
            "CREATE FUNCTION to_holder(text) RETURNS holder LANGUAGE sql AS "
            "'SELECT ROW(public.scribble($1)::text::public.trapped)::public.holder'"
        )
        server.commit()


@pytest.mark.usefixtures("code")
@pytest.mark.parametrize(("plant", "innocent"), PLANTED, ids=[plant[:60] for plant, _ in PLANTED])
def test_code_is_not_planted(stand: Stand, plant: str, innocent: str) -> None:
    with bare(stand) as server:
        server.execute(plant.encode())
        server.execute(innocent.encode())
        assert value(server, "SELECT count(*) > 0 FROM trap") is True
    kept = "SELECT md5(string_agg(oid::text || prosrc, ',' ORDER BY oid)) FROM pg_proc"
    before = stand.ask(kept)
    for user in (PERSON, AGENT, CALLER):
        with Wire(stand, user) as wire:
            extended = [build_parse("", plant), build_bind("", ""), build_execute(""), build_sync()]
            for messages in ([build_query(plant)], extended, [build_query(f"SELECT 1; {plant}")]):
                assert errors(wire.ask(*messages)) == ["42501"], (user, plant)
    assert stand.ask(kept) == before

"""Threat 11: the judge and the server must read the same names, whatever stands in front of them."""

import psycopg
import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.bare import bare
from tests.attacks.wire import Wire, errors, rows
from tests.stand import AGENT, CALLER, PERSON, Stand


def objects(stand: Stand, marker: str) -> set[tuple[str, ...]]:
    """What the newest decision with this marker names."""
    leaf = stand.decided(marker)[-1].leaf
    assert leaf.what is not None
    assert leaf.what.intent is not None
    return {(effect.verb, *effect.object[1:]) for effect in leaf.what.intent.effects}


@pytest.mark.parametrize(
    "text",
    [
        "SET search_path = shadow, public",
        "SET SESSION search_path TO shadow, public, pg_temp",
        "SET search_path TO 'shadow', \"public\"",
        "SELECT set_config('search_path', 'shadow, public', false)",
        "SELECT pg_catalog.set_config('search_path', 'shadow', false)",
        "SET SCHEMA 'shadow'",
    ],
)
def test_the_path_is_followed(stand: Stand, text: str) -> None:
    mark = f"followed {abs(hash(text))}"
    with Wire(stand, AGENT) as wire:
        # in one segment: what stands behind it is read with the new path
        said = wire.ask(build_query(text), build_query(f"SELECT name, '{mark}' FROM items WHERE id = 1"), readies=2)
        if not errors(said):
            assert rows(said)[-1].startswith("shadow|")
            assert ("read", "shadow", "items") in objects(stand, mark)
        else:
            assert rows(said) == [f"item 1|{mark}"]


@pytest.mark.parametrize("ending", ["ROLLBACK", "COMMIT", "ROLLBACK TO s; COMMIT"])
def test_the_path_of_a_transaction_ends_with_it(stand: Stand, ending: str) -> None:
    mark = f"after {ending}"
    with Wire(stand) as wire:
        texts = ["BEGIN", "SAVEPOINT s", "SET LOCAL search_path = shadow", *ending.split("; ")]
        texts.append(f"SELECT name, '{mark}' FROM items WHERE id = 1")
        said = wire.ask(*map(build_query, texts), readies=len(texts))
        assert rows(said) == [f"item 1|{mark}"]
        assert ("read", "public", "items") in objects(stand, mark)


@pytest.mark.parametrize("path", ["pg_temp, public", "public", '"$user", public', ""])
def test_a_temporary_name_is_known_for_what_it_is(stand: Stand, path: str) -> None:
    """A temporary view may shadow a table only where the judge sees it too."""
    mark = f"shadowed {path}"
    with Wire(stand, CALLER) as wire:
        if errors(wire.ask(build_query("CREATE TEMP VIEW items AS SELECT id, email AS name FROM people"))):
            return
        wire.ask(build_query(f"SET search_path = {path or chr(39) * 2}"))
        said = wire.ask(build_query(f"SELECT name, '{mark}' FROM items WHERE id = 1"))
        if rows(said) and "@example.com" in rows(said)[0]:
            assert ("read", "public", "people") in objects(stand, mark)


def test_functions_in_pg_temp_are_never_called_by_a_bare_name(stand: Stand) -> None:
    with Wire(stand, CALLER) as wire:
        made = wire.ask(build_query("CREATE FUNCTION pg_temp.upper(text) RETURNS text LANGUAGE sql AS 'SELECT 1'"))
        said = wire.ask(build_query("SELECT upper('a')"))
        assert rows(said) == ["A"], made


@pytest.mark.parametrize("user", [PERSON, AGENT])
@pytest.mark.parametrize("inside", [False, True])
def test_code_that_hides_behind_a_built_in_name_meets_the_wall(stand: Stand, user: str, inside: bool) -> None:
    texts = [
        "SELECT lower(name) FROM tags",
        "SELECT id FROM tags WHERE name = 'a'::varchar",
        "SELECT id FROM tags WHERE name = $$a$$::varchar",
        "SELECT a.id FROM tags a JOIN tags b USING (name)",
        "SELECT name IN ('a'::varchar) FROM tags",
        "SELECT name = ANY (ARRAY['a'::varchar]) FROM tags",
        "SELECT CASE name WHEN 'a'::varchar THEN 1 END FROM tags",
        "SELECT nullif(name, 'b'::varchar) FROM tags",
        "SELECT name IS DISTINCT FROM 'a'::varchar FROM tags",
        "SELECT ROW(name) = ROW('a'::varchar) FROM tags",
        "SELECT name OPERATOR(evil.=) 'a' FROM tags",
        "SELECT id FROM tags NATURAL JOIN (SELECT 'a'::varchar AS name) x",
        "SELECT 'a'::varchar NOT IN (SELECT name FROM tags)",
        "SELECT id FROM tags NATURAL JOIN tags AS others",
        "SELECT 'a'::varchar IN (SELECT name FROM tags)",
        "SELECT name BETWEEN 'a'::varchar AND 'b'::varchar FROM tags",
        "SELECT name NOT BETWEEN SYMMETRIC 'a'::varchar AND 'b'::varchar FROM tags",
        "SELECT 1 WHERE EXISTS (SELECT FROM tags WHERE lower(tags.name) = 'x')",
        "SELECT count(*) FILTER (WHERE name = 'a'::varchar) FROM tags",
        "SELECT id FROM tags ORDER BY lower(name)",
        "SELECT id FROM tags GROUP BY id, lower(name)",
        "VALUES (lower('a'::varchar))",
        "SELECT * FROM ROWS FROM (lower('A'::varchar)) AS x",
        "SELECT ('A'::varchar).lower",
        "SELECT name LIKE 'a' OR name = 'b'::varchar FROM tags LIMIT length(lower('abc'::varchar))",
    ]
    with Wire(stand, user) as wire:
        assert not errors(wire.ask(build_query("SET search_path = evil, public")))
        for text in texts:
            said = wire.ask(*map(build_query, (["BEGIN"] if inside else []) + [text]), readies=1 + inside)
            if inside:
                wire.ask(build_query("COMMIT"))
            assert set(errors(said)) <= {"25006", "42501", "42703", "42883", "42601", "42725"}, (text, said)
            assert stand.ask("SELECT count(*) FROM trap") == 0, text


def test_our_own_questions_cannot_be_answered_by_others(stand: Stand) -> None:
    """pg_catalog is searched first unless a path names it later; the gateway's own questions are qualified."""
    with stand.connect(CALLER) as client:
        client.execute("SET search_path = evil, public, pg_catalog")
        client.execute("SELECT harmless(1)")
        assert client.execute("SHOW search_path").fetchone() == ("evil, public, pg_catalog, pg_temp",)
        with pytest.raises(psycopg.Error):
            client.execute("SELECT lower(name) FROM tags")


@pytest.mark.parametrize("how", ["parsed", "prepared"])
def test_a_prepared_statement_means_what_its_names_mean_now(stand: Stand, how: str) -> None:
    """The target parses it again where search_path is another; so must the judge (PREPARE, "Notes")."""
    mark = f"prepared before {how}"
    text = f"SELECT name, '{mark}' FROM items WHERE id = 1"
    with Wire(stand, AGENT) as wire:
        if how == "parsed":
            again = build_bind("", "p") + build_execute("") + build_sync()
            wire.ask(build_parse("p", text), build_sync())
        else:
            again = build_query("EXECUTE p")
            wire.ask(build_query(f"PREPARE p AS {text}"))
        assert rows(wire.ask(again)) == [f"item 1|{mark}"]
        said = wire.ask(build_query("SET search_path = shadow"), again, readies=2)
        assert rows(said) == [f"shadow|{mark}"]
    leaf = stand.decided(mark if how == "parsed" else "EXECUTE p")[-1].leaf
    assert leaf.what is not None
    assert leaf.what.intent is not None
    assert leaf.what.intent.effects[0].object == ["stand", "shadow", "items"]


# A name that comes to stand in front while a session works: what makes it, what is asked, what it honestly answers.
LATE = {
    "a table": ("CREATE TABLE early.items AS SELECT 1 AS id, 'planted'::text AS name",
                "SELECT name FROM items WHERE id = 1", "item 1"),
    "a view of labels": ("CREATE VIEW early.items AS SELECT id, 'planted ' || email AS name FROM public.people",
                         "SELECT items.name FROM items WHERE items.id = 1", "item 1"),
    "a function": ("CREATE FUNCTION early.upper(varchar) RETURNS text LANGUAGE sql AS "
                   "$$SELECT 'planted ' || email FROM public.people WHERE id = 1$$",
                   "SELECT upper(name) FROM tags WHERE id = 1", "A"),
    "an aggregate": ("CREATE FUNCTION early.step(text, varchar) RETURNS text LANGUAGE sql AS $$SELECT 'planted'$$;"
                     "CREATE AGGREGATE early.max(varchar) (SFUNC = early.step, STYPE = text)",
                     "SELECT max(name) FROM tags WHERE id = 1", "a"),
}  # fmt: skip
HOW = ["query", "parsed", "prepared before", "cursor"]
LATE_NAMES = [*LATE]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", LATE)
def test_a_name_that_came_a_moment_ago_is_not_taken(stand: Stand, name: str, how: str) -> None:
    """The catalogue is polled, so for two seconds the judge has not heard of it; the target has."""
    ddl, text, honest = LATE[name]
    # A schema of its own: the catalogue may still hold what another scene has put into the last.
    early = f"early_{LATE_NAMES.index(name)}_{HOW.index(how)}"
    ddl = ddl.replace("early.", f"{early}.")
    stand.ask(f"CREATE SCHEMA {early}; GRANT ALL ON SCHEMA {early} TO {stand.role}")
    try:
        with Wire(stand, AGENT) as wire, bare(stand) as server:
            before = [build_query(f"SET search_path = {early}, public"), build_query(text)]
            assert rows(wire.ask(*before, readies=2)) == [honest]
            if how == "prepared before":
                wire.ask(build_parse("p", text), build_sync())
            server.execute(f"SET search_path = {early}, public".encode())
            assert server.execute(text.encode()).fetchall() == [(honest,)]
            server.commit()
            stand.ask(f"{ddl}; GRANT SELECT ON ALL TABLES IN SCHEMA {early} TO {stand.role}")
            said = b"".join(frames(wire, late_messages(how, text)))
            assert b"planted" not in said
            assert honest.encode() in said or b"C42501" in said, said
            (taken,) = server.execute(text.encode()).fetchall()
            assert taken[0].startswith("planted")
    finally:
        stand.ask(f"DROP SCHEMA {early} CASCADE")


def late_messages(how: str, text: str) -> list[bytes]:
    """The same question in one of the ways of the protocol, ending in one ReadyForQuery."""
    end = [build_bind("", ""), build_execute(""), build_sync()]
    return {
        "query": [build_query(text)],
        "parsed": [build_parse("", text), *end],
        "prepared before": [build_bind("", "p"), build_execute(""), build_sync()],
        "cursor": [build_query(f"BEGIN; DECLARE c CURSOR FOR {text}; FETCH c; COMMIT")],
    }[how]


def frames(wire: Wire, messages: list[bytes]) -> list[bytes]:
    """Every frame until ReadyForQuery."""
    wire.send(*messages)
    found: list[bytes] = []
    while not found or found[-1][:1] != b"Z":
        kind, frame = wire.frame()
        assert kind, found
        found.append(frame)
    return found

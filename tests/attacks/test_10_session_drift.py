"""Threat 10: nothing may change what the next statement means, neither the client nor code it runs."""

import psycopg
import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.wire import Wire, errors, rows
from tests.stand import AGENT, CALLER, PERSON, Stand

SYNC = build_sync()
# With transform_null_equals this counts 20,000 rows more.
COUNTED = "SELECT count(*) FROM items WHERE (name = NULL) IS NOT NULL"

REFUSED = [
    "SET transform_null_equals = on",
    "SET LOCAL transform_null_equals = on",
    "SELECT set_config('transform_null_equals', 'on', false)",
    "SELECT set_config('transform_' || 'null_equals', 'on', false)",
    "SELECT set_config(name, 'on', false) FROM items",
    "SELECT pg_catalog.set_config('role', 'postgres', false)",
    "UPDATE pg_settings SET setting = 'on' WHERE name = 'transform_null_equals'",
    "UPDATE pg_catalog.pg_settings SET setting = 'on' WHERE name = 'transform_null_equals'",
    "ALTER ROLE CURRENT_USER SET transform_null_equals = on",
    "ALTER ROLE ALL SET transform_null_equals = on",
    "ALTER DATABASE {database} SET transform_null_equals = on",
    "ALTER SYSTEM SET transform_null_equals = on",
    "SET ROLE postgres",
    "SET LOCAL ROLE postgres",
    "RESET ROLE",
    "SET SESSION AUTHORIZATION postgres",
    "RESET SESSION AUTHORIZATION",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "SET LOCAL default_transaction_read_only = off",
    "SET transaction_read_only = off",
    "SET session_replication_role = replica",
    "SET standard_conforming_strings = off",
    "SET client_encoding = 'SJIS'",
    "SET NAMES 'SJIS'",
    "SET backslash_quote = on",
    "SET TRANSACTION SNAPSHOT '00000003-0000001B-1'",
    "LOAD 'auto_explain'",
]


@pytest.mark.parametrize("user", [PERSON, AGENT])
def test_a_client_cannot_change_it(stand: Stand, user: str) -> None:
    with Wire(stand, user) as wire:
        for text in REFUSED:
            said = wire.ask(build_query(text.format(database=stand.database)))
            assert errors(said) == ["42501"], (text, said)
            assert rows(wire.ask(build_query(COUNTED))) == ["0"], text
        assert rows(wire.ask(build_query("SHOW transaction_read_only"))) == ["on"]


DRIFTS = [
    "SELECT drift('transform_null_equals', 'on')",
    "SELECT stable_drift('transform_null_equals', 'on')",
    "SELECT 'on'::drifting",
    "EXPLAIN ANALYZE SELECT drift('transform_null_equals', 'on')",
    "SELECT count(*) FROM items WHERE id < 2 AND drift('transform_null_equals', 'on') IS NOT NULL",
]


@pytest.mark.parametrize("text", DRIFTS)
@pytest.mark.parametrize("how", ["query", "several", "pipeline", "bound", "parsed", "inside"])
def test_code_cannot_change_it_for_the_next_command(stand: Stand, text: str, how: str) -> None:
    """The next command runs under the pins, or it does not run and the session ends."""
    parse, bind, execute = build_parse("", text), build_bind("", ""), build_execute("")
    counting = build_parse("", COUNTED) + build_bind("", "") + build_execute("")
    with Wire(stand, CALLER) as wire:
        match how:
            case "query":
                wire.send(build_query(text), build_query(COUNTED))
            case "several":
                wire.send(build_query(f"{text}; {COUNTED}"))
            case "pipeline":
                wire.send(parse, bind, execute, counting, SYNC)
            case "bound":
                wire.send(parse, bind, counting, SYNC)
            case "parsed":
                wire.send(build_parse("p", text), counting, SYNC)
            case _:
                wire.send(build_query("BEGIN"), build_query(text), build_query(COUNTED), build_query("COMMIT"))
        wire.send(build_query(COUNTED), build_query("SELECT 'the end'"))
        said: list[str] = []
        while (not said or said[-1] != "closed") and "D the end" not in said:
            said += wire.answers()
        assert "D 20000" not in said, said


def test_drift_of_the_path_is_followed(stand: Stand) -> None:
    with stand.connect(CALLER) as client:
        client.execute("SELECT drift('search_path', 'shadow, pg_temp')")
        assert client.execute("SELECT name FROM items WHERE id = 1").fetchone() == ("shadow",)
    decision = stand.decided("SELECT name FROM items WHERE id = 1")[-1]
    assert decision.leaf.what is not None
    assert decision.leaf.what.intent is not None
    assert decision.leaf.what.intent.effects[0].object == ["stand", "shadow", "items"]


@pytest.mark.parametrize("reset", ["RESET ALL", "DISCARD ALL", "RESET default_transaction_read_only"])
def test_a_reset_returns_to_the_pins(stand: Stand, reset: str) -> None:
    with stand.connect() as client:
        client.execute("SET search_path = shadow")
        client.execute("SET row_security = off")
        client.execute(reset)
        if reset != "RESET default_transaction_read_only":
            assert client.execute("SELECT name FROM items WHERE id = 1").fetchone() == ("item 1",)
            assert client.execute("SHOW search_path").fetchone() == ('"$user", public, pg_temp',)
        assert client.execute("SHOW standard_conforming_strings").fetchone() == ("on",)
        assert client.execute("SHOW transaction_read_only").fetchone() == ("on",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute("SELECT public.scribble('after a reset')")
        assert client.execute("SELECT public.harmless(1)").fetchone() == (2,)


def test_own_settings_and_code_go_together(stand: Stand) -> None:
    """What the client set itself, as pg_dump does, is no drift."""
    with stand.connect() as client:
        for setting in (
            "row_security = off",
            "quote_all_identifiers = on",
            "default_transaction_isolation = 'serializable'",
        ):
            client.execute(f"SET {setting}")
            assert client.execute("SELECT harmless(1)").fetchone() == (2,)
        with client.transaction():
            client.execute("SET LOCAL row_security = on")
            client.execute("SELECT harmless(1)")
        assert client.execute("SELECT harmless(1)").fetchone() == (2,)


def test_what_the_role_was_given_does_not_reach_a_session(stand: Stand) -> None:
    """ALTER ROLE ... SET by somebody else: the pins stand above it."""
    name = stand.role
    stand.ask(f'ALTER ROLE "{name}" SET transform_null_equals = on')
    stand.ask(f'ALTER ROLE "{name}" SET search_path = shadow')
    try:
        with Wire(stand) as wire:
            assert rows(wire.ask(build_query(COUNTED))) == ["0"]
            assert rows(wire.ask(build_query("SELECT name FROM items WHERE id = 1"))) == ["item 1"]
    finally:
        stand.ask(f'ALTER ROLE "{name}" RESET ALL')


def test_the_start_up_packet_cannot_change_it(stand: Stand) -> None:
    for options in (
        "-c transform_null_equals=on",
        "-c default_transaction_read_only=off",
        "-c role=postgres",
        "-c session_replication_role=replica",
        "--search-path=shadow --transform-null-equals=on",
        "-cstandard_conforming_strings=off",
    ):
        with pytest.raises(psycopg.OperationalError, match=r"refused|must be"):
            stand.connect(options=options)


def test_code_that_was_refused_leaves_the_next_write_alone(stand: Stand) -> None:
    """Nothing of the group reached the target: there is nothing to ask there, least of all in a transaction of ours."""
    with Wire(stand) as wire:
        for text, answered in (
            ("SELECT scribble('refused')", "E 42501"),
            ("DELETE FROM notes WHERE id = 1", "C DELETE 0"),
        ):
            said = wire.ask(build_parse("", text, []), build_bind("", "", []), build_execute(""), SYNC)
            assert answered in said, said

"""Threats 3, 4 and 9: work at COMMIT, changes that count no rows, and traces that a rollback leaves."""

import pytest

from interlock.wire.postgres.messages import build_query
from tests.attacks.bare import bare, value
from tests.attacks.wire import Wire, errors, rows
from tests.stand import AGENT, PERSON, Stand

SCRIBBLED = "SELECT count(*) FROM trap"
OPEN = "SELECT has_table_privilege('public', 'people', 'SELECT')"
OFF = "SELECT tgenabled FROM pg_trigger WHERE tgname = 'watching'"
COUNTED = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int FROM pg_stat_xact_user_tables"

# Two texts in one transaction: what waits, and what the counters say before COMMIT.
WAITING = ["DECLARE c CURSOR WITH HOLD FOR SELECT scribble('held')", "INSERT INTO patient VALUES (1)"]


@pytest.mark.parametrize("text", WAITING)
def test_work_that_waits_for_commit(stand: Stand, text: str) -> None:
    with bare(stand) as server:
        server.execute(text.encode())
        assert value(server, SCRIBBLED) == 0  # whoever counts here sees nothing
        server.commit()
        assert value(server, SCRIBBLED) == 1_500
        server.execute("TRUNCATE trap")
        server.execute("DELETE FROM patient")
        server.commit()
    for user in (PERSON, AGENT):
        with Wire(stand, user) as wire:
            said = wire.ask(*map(build_query, ("BEGIN", text, "COMMIT")), readies=3)
            assert errors(said) == ["42501"], said
    assert stand.ask(SCRIBBLED) == 0


@pytest.mark.parametrize(("code", "look", "harm"), [("opens_up", OPEN, True), ("switches_off", OFF, "D")])
def test_changes_that_count_no_rows(stand: Stand, code: str, look: str, harm: object) -> None:
    with bare(stand) as server:
        server.execute(f"SELECT {code}()".encode())
        assert value(server, COUNTED) == 0
        assert value(server, look) == harm
    for user in (PERSON, AGENT):
        with Wire(stand, user) as wire:
            for text in (f"SELECT {code}()", f"EXPLAIN ANALYZE SELECT {code}()", f"SELECT x.{code} FROM {code}() AS x"):
                assert errors(wire.ask(build_query(text))), text
    assert stand.ask(look) != harm


TRACES = [
    ("SELECT setval('ids', 4711)", "SELECT last_value::int FROM ids", 4711),
    ("SELECT pg_advisory_lock(4711)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted", 1),
    ("PREPARE kept AS DELETE FROM items", "SELECT count(*) FROM pg_prepared_statements WHERE name = 'kept'", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "look", "harm"), TRACES, ids=[text for text, _, _ in TRACES])
def test_traces_that_a_rollback_leaves(stand: Stand, text: str, look: str, harm: object) -> None:
    stand.ask("ALTER SEQUENCE ids RESTART")
    with bare(stand) as server:
        server.execute(text.encode())
        server.rollback()
        assert value(server, look) == harm
    stand.ask("ALTER SEQUENCE ids RESTART")
    with Wire(stand, AGENT) as wire:
        said = wire.ask(*map(build_query, ("BEGIN", text, "ROLLBACK")), readies=3)
        assert errors(said), said
        assert rows(wire.ask(build_query(look))) != [str(harm)]

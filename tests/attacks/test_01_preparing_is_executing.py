"""Threat 1: Parse, Bind, Describe and EXPLAIN run code of the target. None of it gets around a decision or a wall."""

import pytest

from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_describe,
    build_execute,
    build_flush,
    build_parse,
    build_query,
    build_sync,
)
from tests.attacks.wire import Wire, errors, rows
from tests.stand import AGENT, PERSON, Stand

SYNC = build_sync()
BLOCKED = "42501"
READ_ONLY = "25006"

# Each would write if it ran in a transaction that can.
WRITING = [
    "SELECT scribble('{mark}')",
    "SELECT stable_scribble('{mark}')",
    "SELECT immutable_scribble('{mark}')",
    "SELECT '{mark}'::trapped",
    "SELECT CAST('{mark}' AS trapped)",
    "SELECT trapped '{mark}'",
    # whatever holds the domain runs its check: composites, arrays, rows, other domains
    "SELECT '({mark})'::holder",
    "SELECT '(\"({mark})\")'::deeper",
    "SELECT CAST(ROW('{mark}') AS holder)",
    "SELECT '{{{mark}}}'::trapped[]",
    "SELECT '{{{mark}}}'::_trapped",
    "SELECT '{mark}'::disguised",
    "SELECT '(1,\"({mark})\",)'::held",
    'SELECT * FROM json_to_record(\'{{"a":"{mark}"}}\') AS t(a trapped)',
    'SELECT * FROM json_populate_record(null::holder, \'{{"inside":"{mark}"}}\')',
    # ... and a literal beside such a column becomes a value of it
    "SELECT CASE WHEN true THEN '({mark})' ELSE one END FROM held",
    "SELECT one FROM held UNION ALL SELECT '({mark})'",
    "SELECT coalesce(one, '({mark})') FROM held",
    "SELECT many || '{{{mark}}}' FROM held",
    "SELECT array_append(many, '{mark}') FROM held",
    "SELECT 1 FROM held WHERE many = '{{{mark}}}'",
    "SELECT name FROM items WHERE name = immutable_scribble('{mark}')::text",
    "EXPLAIN SELECT immutable_scribble('{mark}')",
    "EXPLAIN ANALYZE SELECT scribble('{mark}')",
    "EXPLAIN SELECT '{mark}'::trapped",
    "DECLARE c CURSOR WITH HOLD FOR SELECT scribble('{mark}')",
]


def ways(text: str) -> dict[str, list[bytes]]:
    """Every way to bring a text near the target's executor, each ending in one ReadyForQuery."""
    parse, bind = build_parse("", text), build_bind("", "")
    described = [build_describe(Part.STATEMENT, ""), bind, build_describe(Part.PORTAL, "")]
    return {
        "query": [build_query(text)],
        "parsed": [parse, SYNC],
        "bound": [parse, bind, SYNC],
        "described": [parse, *described, SYNC],
        "executed": [parse, bind, build_execute(""), SYNC],
        "several": [build_query(f"SELECT 1; {text}; SELECT 2")],
    }


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("user", [PERSON, AGENT])
def test_code_that_writes_meets_a_wall(stand: Stand, user: str, inside: bool) -> None:
    with Wire(stand, user) as wire:
        for number, text in enumerate(WRITING):
            for way, messages in ways(text.format(mark=f"{user} {number}")).items():
                if inside:
                    wire.ask(build_query("BEGIN"))
                said = wire.ask(*messages)
                if inside:
                    wire.ask(build_query("COMMIT"))
                assert set(errors(said)) <= {BLOCKED, READ_ONLY}, (way, text, said)
                assert errors(said) or way not in ("query", "executed", "several") or "EXPLAIN" in text, (
                    way,
                    text,
                    said,
                )
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]
    assert stand.ask("SELECT count(*) FROM trap") == 0


@pytest.mark.parametrize("how", ["sync", "flush"])
def test_what_is_only_prepared_is_decided_first(stand: Stand, how: str) -> None:
    mark = f"only prepared {how}"
    with Wire(stand) as wire:
        wire.send(
            build_parse("p", f"SELECT name FROM items WHERE name = '{mark}'"), SYNC if how == "sync" else build_flush()
        )
        wire.until("1")
        (decision,) = (one for one in stand.decisions() if mark in one.text)
    assert decision.leaf.decision is not None
    assert decision.leaf.decision.verdict == "allow"


def test_a_prepared_write_that_is_refused_never_reaches_the_target(stand: Stand) -> None:
    with Wire(stand) as wire:
        assert errors(wire.ask(build_parse("p", "DELETE FROM items"), SYNC)) == [BLOCKED]
        assert errors(wire.ask(build_query("PREPARE q AS DELETE FROM items"))) == [BLOCKED]
        assert errors(wire.ask(build_query("EXPLAIN ANALYZE DELETE FROM items"))) == [BLOCKED]
        assert rows(wire.ask(build_query("SELECT count(*) FROM pg_prepared_statements WHERE name !~ '^il_'"))) == ["0"]
    assert stand.ask("SELECT count(*) FROM items") == 20000


def test_each_bind_is_a_decision_with_its_own_values(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_parse("p", "SELECT name, 'each bind' FROM items WHERE id = $1"), SYNC)
        for value in (b"4711", b"4712"):
            wire.ask(build_bind("", "p", [value]), build_execute(""), SYNC)
    made = stand.decided("each bind")
    assert ["NDcxMQ==" in one.text for one in made] == [False, True, False]
    assert ["NDcxMg==" in one.text for one in made] == [False, False, True]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("named", ["trapped", "disguised", "holder", "deeper", "_trapped"])
def test_a_type_that_the_client_declares_runs_nothing(stand: Stand, named: str, inside: bool) -> None:
    """A parameter of a domain is checked at Bind, whatever the text says of it; the text alone was judged."""
    oid = stand.ask("SELECT to_regtype(%s)::oid::int8", named)
    assert isinstance(oid, int)
    value = {"holder": b"(declared)", "deeper": b'("(declared)")', "_trapped": b"{declared}"}.get(named, b"declared")
    with Wire(stand) as wire:
        if inside:
            wire.ask(build_query("BEGIN"))
        said = wire.ask(build_parse("", "SELECT $1", [oid]), build_bind("", "", [value]), build_execute(""), SYNC)
        assert rows(said) == [value.decode()]
        if inside:
            assert not errors(wire.ask(build_query("COMMIT")))
    assert stand.ask("SELECT count(*) FROM trap") == 0


@pytest.mark.parametrize("named", ["trapped", "disguised", "holder", "trapped[]"])
def test_a_type_that_a_prepare_declares_is_judged(stand: Stand, named: str) -> None:
    with Wire(stand) as wire:
        wire.ask(build_query("BEGIN"))
        said = wire.ask(build_query(f"PREPARE declared({named}) AS SELECT $1"))
        value = "{declared}" if named.endswith("[]") else "(declared)"
        ran = wire.ask(build_query(f"EXECUTE declared('{value}')"))
        wire.ask(build_query("COMMIT"))
        assert errors(said) or errors(ran)
    assert stand.ask("SELECT count(*) FROM trap") == 0


BESIDE = {
    "SELECT $1::trapped": b"bound",
    "SELECT CASE WHEN true THEN $1 ELSE one END FROM held": b"(bound)",
    "SELECT one FROM held UNION ALL SELECT $1": b"(bound)",
    "SELECT coalesce(one, $1) FROM held": b"(bound)",
    "SELECT many || $1 FROM held": b"{bound}",
    "SELECT array_append(many, $1) FROM held": b"bound",
    "SELECT 1 FROM held WHERE many = $1": b"{bound}",
    "SELECT 1 FROM held WHERE ROW(one) = ROW($1::holder)": b"(bound)",
    "VALUES ($1::disguised)": b"bound",
}


@pytest.mark.parametrize("text", BESIDE)
def test_a_parameter_that_becomes_a_value_of_such_a_type_meets_a_wall(stand: Stand, text: str) -> None:
    with Wire(stand) as wire:
        wire.ask(build_query("BEGIN"))
        said = wire.ask(build_parse("", text), build_bind("", "", [BESIDE[text]]), build_execute(""), SYNC)
        wire.ask(build_query("COMMIT"))
        assert set(errors(said)) <= {BLOCKED, READ_ONLY}
        assert errors(said)
    assert stand.ask("SELECT count(*) FROM trap") == 0

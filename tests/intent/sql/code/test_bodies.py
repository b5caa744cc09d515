"""Bodies of stored code: what PL/pgSQL adds to SQL is cut away, and what nobody can follow is said to be opaque."""

from contextlib import suppress
from dataclasses import replace  # noqa: TID251 (mypyc compiles Scope)

import msgspec
import pytest
from hypothesis import given, strategies as st

from interlock.intent.sql import Catalog, understand
from interlock.intent.sql.code import plpgsql
from interlock.intent.sql.tree import words
from interlock.model import FindingCode, Reach, Verb
from tests.intent.sql.shop import SNAPSHOT, meaning, scope

READ = [
    ("BEGIN RETURN a + 1; END", ["SELECT a + 1"]),
    ("BEGIN NULL; RETURN; END;", []),
    ("DECLARE x int := f(1); BEGIN x := x + 1; END", ["SELECT f(1)", "SELECT NULL::int", "SELECT x + 1"]),
    ("DECLARE c CONSTANT text NOT NULL DEFAULT 'a;b'; BEGIN END", ["SELECT 'a;b'", "SELECT NULL::text"]),
    ("DECLARE r orders%ROWTYPE; BEGIN SELECT * INTO STRICT r FROM orders; END", ["SELECT * FROM orders"]),
    ("BEGIN INSERT INTO t VALUES (1) RETURNING id INTO a.b, c; END", ["INSERT INTO t VALUES (1) RETURNING id "]),
    ("BEGIN IF a THEN DELETE FROM t; ELSIF b THEN NULL; ELSE PERFORM g(); END IF; END",
     ["SELECT a", "DELETE FROM t", "SELECT b", "SELECT g()"]),
    ("BEGIN CASE x WHEN 1, 2 THEN RETURN 1; END CASE; END", ["SELECT x", "SELECT 1, 2", "SELECT 1"]),
    ("BEGIN IF CASE WHEN a THEN b END THEN RETURN 1; END IF; END", ["SELECT CASE WHEN a THEN b END", "SELECT 1"]),
    ("BEGIN FOR i IN REVERSE 10..f(1) BY 2 LOOP EXIT WHEN g(); END LOOP; END",
     ["SELECT 10", "SELECT f(1)", "SELECT 2", "SELECT g()"]),
    ("BEGIN FOR r IN SELECT * FROM t LOOP RETURN NEXT r; END LOOP; END", ["SELECT * FROM t", "SELECT r"]),
    ("BEGIN RETURN QUERY SELECT 1; END", ["SELECT 1"]),
    ("BEGIN RAISE EXCEPTION 'no % in %', f(a), b USING HINT = g(), ERRCODE = '22000'; END",
     ["SELECT 'no % in %'", "SELECT f(a)", "SELECT b", "SELECT g()", "SELECT '22000'"]),
    ("BEGIN a.b[f(1)] := 2; END", ["SELECT 2", "SELECT f(1)"]),
    ("BEGIN get := f(); END", ["SELECT f()"]),
    ("#variable_conflict use_column\nBEGIN x := 1 # 2; DELETE FROM t; END", ["SELECT 1 # 2", "DELETE FROM t"]),
    ("BEGIN /* IF /* */ ; */ -- ; \n PERFORM $q$;$q$, E'\\';', \";\"; END", ["SELECT $q$;$q$, E'\\';', \";\""]),
]  # fmt: skip
OPAQUE = [
    "BEGIN EXECUTE 'DROP TABLE t'; END",
    "BEGIN RETURN QUERY EXECUTE q; END",
    "BEGIN FOR r IN EXECUTE q LOOP END LOOP; END",
    "BEGIN OPEN c FOR EXECUTE q; END",
    "BEGIN COMMIT; END",
    "BEGIN IF a; END",
    "DECLARE ; BEGIN END",
    "BEGIN x := 'unfinished; END",
    "BEGIN $a$ END",
]


@pytest.mark.parametrize(("body", "statements"), READ, ids=[body[:40] for body, _ in READ])
def test_what_a_body_runs(body: str, statements: list[str]) -> None:
    assert list(plpgsql.read(body).statements) == statements


@pytest.mark.parametrize("body", OPAQUE)
def test_what_cannot_be_followed_is_opaque(body: str) -> None:
    with pytest.raises(plpgsql.Opaque):
        plpgsql.read(body)


WORDS = st.sampled_from(
    sorted(
        words(
            """DECLARE BEGIN END IF THEN ELSE LOOP FOR IN WHILE CASE WHEN RETURN QUERY NEXT RAISE PERFORM EXECUTE INTO
            STRICT OPEN USING SELECT x y ; := = .. . , ( ) [ ] ' " $a$ /* */ << >> 1 # --"""
        )
    )
)


@given(st.lists(WORDS, max_size=30))
def test_any_words_are_read_or_opaque(listed: list[str]) -> None:
    with suppress(plpgsql.Opaque):
        assert all(plpgsql.read(" ".join(listed)).statements)


def test_a_followed_write_counts_as_the_statement_itself() -> None:
    called = {
        (effect.verb, str(effect.object)): effect.reach
        for effect in meaning("CALL app.archive_orders(now()::date)").intent.effects
    }
    assert called[Verb.EXECUTE, "app.archive_orders"] is Reach.ONE
    assert called[Verb.DELETE, "public.orders"] is Reach.UNKNOWN
    assert called[Verb.DELETE, "public.order_items"] is Reach.UNKNOWN


def test_the_planner_runs_code_and_so_explaining_it_counts() -> None:
    verbs = {effect.verb for effect in meaning("EXPLAIN SELECT app.purge_sessions('1 day')").intent.effects}
    assert Verb.DELETE in verbs


def test_code_of_a_policy_that_only_reads_leaves_a_keyed_update_small() -> None:
    """Also where keys that refer to the table change with it: nothing but a trigger would change the key."""
    saved = msgspec.json.decode(SNAPSHOT.read_bytes())
    (products,) = [row["oid"] for row in saved["rows"]["relations"] if row["name"] == "products"]
    code = {"relation": products, "by": "policy", "schema": "app", "function": "vat"}
    saved["rows"]["code"].append({**code, "type_schema": None, "type": None})
    known = replace(scope(), catalog=Catalog.from_json(msgspec.json.encode(saved)))
    (statement,) = understand("UPDATE products SET title = 'x' WHERE sku = 'a'", known)
    assert {effect.verb: effect.reach for effect in statement.intent.effects}[Verb.CHANGE] is Reach.ONE
    assert [finding.code for finding in statement.intent.all_findings()] == [FindingCode.USER_CODE]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("DELETE FROM public.orders", FindingCode.NO_WHERE),
        ("DELETE FROM public.orders WHERE id = id OR true", FindingCode.ALWAYS_TRUE),
        ("DELETE FROM public.orders WHERE id IN (SELECT placed_at FROM public.customers)", FindingCode.WRONG_SCOPE),
    ],
)
def test_what_is_noticed_inside_a_body_reaches_the_caller(body: str, code: FindingCode) -> None:
    """Without a place: the caller's text is another."""
    saved = msgspec.json.decode(SNAPSHOT.read_bytes())
    (purge,) = [row for row in saved["rows"]["functions"] if row["name"] == "purge_sessions"]
    purge["body"] = f"{body}; SELECT 1::bigint"
    known = replace(scope(), catalog=Catalog.from_json(msgspec.json.encode(saved)))
    (statement,) = understand("SELECT app.purge_sessions('1 day')", known)
    (found,) = [finding for finding in statement.intent.findings if finding.code is code]
    assert found.message.startswith("inside `app.purge_sessions`: ")
    assert found.span is None

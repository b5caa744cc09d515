"""What `understand` says beyond effects: positions, slices, lineage, limits, and that nothing makes it raise."""

import json
import subprocess
import sys
import time

import pytest

from interlock.intent.sql import DEFAULT_LIMITS, Catalog, Flow, Limits, Scope, understand
from interlock.intent.sql.gathered import MOST_FINDINGS, Gathered
from interlock.model import Finding, FindingCode, Reach, Verb
from tests.intent.sql.shop import CATALOG, meaning, scope


def codes(text: str, limits: Limits = DEFAULT_LIMITS) -> list[FindingCode]:
    (statement,) = understand(text, scope(), limits)
    assert not statement.intent.understood
    return [finding.code for finding in statement.intent.findings]


@pytest.mark.parametrize("text", ["", "  \n", ";;", "-- nothing", "/* nothing */ ;"])
def test_nothing_is_no_statement(text: str) -> None:
    assert understand(text, scope()) == ()


def test_statements_come_apart_as_they_are_forwarded() -> None:
    text = "  SELECT 'é;' ;\n\tDELETE FROM sessions /* ; */ ; COMMIT;"
    found = understand(text, scope())
    assert [s.text for s in found] == ["SELECT 'é;'", "DELETE FROM sessions /* ; */", "COMMIT"]
    assert [text[slice(*s.span)] for s in found] == [s.text for s in found]
    assert [s.node for s in found] == ["SelectStmt", "DeleteStmt", "TransactionStmt"]
    assert [s.flow for s in found] == [Flow.PLAIN, Flow.PLAIN, Flow.COMMIT]
    assert [s.intent.shape for s in found] == ["SELECT ?", "DELETE FROM sessions", "COMMIT"]


def test_a_malformed_text_says_where_and_not_what() -> None:
    statement = meaning("SELECT 'é' FROM customers WHERE AND")
    (finding,) = statement.intent.findings
    assert finding.code is FindingCode.MALFORMED
    assert finding.span == (31, 32)
    assert "AND" not in finding.message


def test_a_finding_points_into_its_own_statement() -> None:
    _, second = understand("SELECT 'é'; SELECT 'ü', pg_sleep(1)", scope())
    (effect,) = second.intent.effects
    (finding,) = effect.findings
    assert finding.span is not None
    assert second.text[finding.span[0] :].startswith("pg_sleep")


def test_a_user_operator_over_built_in_types_ends_smallness() -> None:
    """threats.md 11: public.= wins by its argument types."""
    saved = json.loads(CATALOG.to_json())
    operator = {"schema": "public", "name": "=", "own_types": False, "extension": None}
    operator |= {"function_schema": "public", "function": "eq"}
    saved["rows"]["operators"].append(operator)
    shadowed = Catalog.from_json(json.dumps(saved).encode())
    (statement,) = understand(
        "DELETE FROM sessions WHERE token = $1", Scope(catalog=shadowed, target="shop", search_path=("public",))
    )
    reaches = {effect.verb: effect.reach for effect in statement.intent.effects}
    assert reaches[Verb.DELETE] is Reach.UNKNOWN
    assert Verb.EXECUTE in reaches


def test_prepared_text_is_followed_and_never_guessed() -> None:
    (prepared,) = understand("PREPARE p AS DELETE FROM sessions", scope())
    (executed,) = understand("EXECUTE p", scope(prepared={"p": prepared}))
    assert executed.intent.effects == prepared.intent.effects
    assert executed.writes
    assert codes("EXECUTE q") == [FindingCode.DYNAMIC]


BOMBS = {
    "parentheses": "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
    "open comments": "/*" * 40_000 + "*/" * 40_000 + "SELECT 1",
    "sums": "SELECT " + "+".join(["1"] * 100_000),
    "sums of brackets": "SELECT " + "+".join(["(1)"] * 60_000),
    "negations": "SELECT " + "NOT " * 60_000 + "true",
    "casts": "SELECT 1" + "::int" * 50_000,
    "sub-queries": "SELECT * FROM (" * 3_000 + "SELECT 1" + ") x" * 3_000,
    "exists": "SELECT 1 WHERE EXISTS (" * 100 + "SELECT 1" + ")" * 100,
    "joins": "SELECT * FROM orders a" + " CROSS JOIN orders" * 14_000,
    "unions": " UNION SELECT 1".join(["SELECT 1"] + [""] * 16_000),
    "tables": "SELECT * FROM " + ",".join(f"orders o{i}" for i in range(10_000)),
    "stars": "SELECT " + ",".join(["*"] * 3_000) + " FROM customers a, customers b",
    "copies": "UPDATE orders SET (" + ",".join(["note"] * 2_000) + ") = (SELECT " + ",".join(["note"] * 2_000) + ")",
    "nested copies": "WITH a AS (UPDATE orders SET (a,b,c,d,e,f,g,h,i,j) = (" * 7
    + "SELECT 1"
    + ") RETURNING 1) SELECT 1" * 7,
    "few copies": "UPDATE orders SET (" + ",".join(["note"] * 500) + ") = (SELECT " + ",".join(["note"] * 500) + ")",
    "signs in a row": "SELECT 1 " + "+-" * 100_000 + " 1",
    "statements": "SELECT 1;" * 25_000,
    "size": "SELECT '" + "x" * 300_000 + "'",
    "NUL": "SELECT 1\x00; DROP TABLE customers",
    "half a character": "SELECT '\ud800'",
    "byte order mark": "\ufeffSELECT 1",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_bounded_time(name: str) -> None:
    started = time.process_time()
    statements = understand(BOMBS[name], scope())
    assert time.process_time() - started < 2
    assert [statement.intent.understood for statement in statements] == [False]
    (finding,) = statements[0].intent.findings
    assert finding.code in {FindingCode.OVER_LIMIT, FindingCode.MALFORMED}
    assert "\x00" not in statements[0].text
    statements[0].text.encode()


def test_doubling_stars_stay_small() -> None:
    ctes = "".join(f", c{i} AS (SELECT *, * FROM c{i - 1})" for i in range(1, 40))
    assert codes(f"WITH c0 AS (SELECT * FROM customers){ctes} SELECT * FROM c39") == [FindingCode.OVER_LIMIT]


def chain(length: int, before: str = "SELECT 1 AS n") -> str:
    return f"WITH c0 AS ({before})" + "".join(f", c{i} AS (SELECT n FROM c{i - 1})" for i in range(1, length)) + " "


def test_ctes_are_counted_through_a_whole_statement() -> None:
    """PostgreSQL plans a chain of thousands for minutes; nesting and repeating them is no way around."""
    assert meaning(chain(200) + "SELECT n FROM c199").intent.understood
    for text in (
        chain(201) + "SELECT n FROM c200",
        chain(101, chain(100) + "SELECT n FROM c99") + "SELECT n FROM c100",
        f"SELECT ({chain(101)}SELECT n FROM c100), ({chain(100)}SELECT n FROM c99)",
        chain(201) + "DELETE FROM orders WHERE id IN (SELECT n FROM c200)",
        "EXPLAIN " + chain(201) + "SELECT 1",
    ):
        assert codes(text) == [FindingCode.OVER_LIMIT]
    assert codes(chain(3) + "SELECT 1", Limits(max_ctes=2)) == [FindingCode.OVER_LIMIT]


def test_a_long_list_is_no_bomb() -> None:
    (statement,) = understand(f"SELECT id FROM orders WHERE id IN ({','.join(map(str, range(20_000)))})", scope())
    assert statement.intent.understood
    rows = ",".join(f"({i}, -{i}, 'x')" for i in range(5_000))
    (statement,) = understand(f"INSERT INTO settings VALUES {rows}", scope())
    assert statement.intent.understood
    assert [effect.reach for effect in statement.intent.effects] == [Reach.SOME]


def test_a_short_text_with_much_to_say_says_it_in_bounded_time() -> None:
    """Below the size at which a process of its own reads it, nothing may grow faster than the text."""
    started = time.process_time()
    assert codes(f"SET work_mem = '1{' ' * 15_000}x'") == [FindingCode.SETTING_REFUSED]
    assert time.process_time() - started < 1


def test_findings_of_one_code_are_counted_out_and_those_of_others_are_not() -> None:
    (statement,) = understand("DELETE FROM orders WHERE " + " OR ".join(["unheard_of()"] * 500), scope())
    effect = next(effect for effect in statement.intent.effects if effect.object.path[-1] == "unheard_of")
    assert len(effect.findings) == MOST_FINDINGS
    gathered = Gathered(Verb.EXECUTE, effect.object, None)
    gathered.note(*effect.findings, Finding(code=FindingCode.TRIGGERS, message="of another kind"))
    assert [finding.code for finding in gathered.findings[MOST_FINDINGS:]] == [FindingCode.TRIGGERS]


def test_limits_are_settings() -> None:
    assert codes("SELECT 'long'", Limits(max_bytes=5)) == [FindingCode.OVER_LIMIT]
    assert codes("SELECT (SELECT (SELECT 1))", Limits(max_depth=1)) == [FindingCode.OVER_LIMIT]


def test_the_import_stays_light() -> None:
    """protobuf and its classes would cost 170 ms: only the library that postgast ships is used."""
    code = "import sys, interlock.intent.sql; print(any(m.startswith(('google', 'postgast')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_equal_meanings_of_one_shape_are_one_value() -> None:
    first, again = (
        meaning("SELECT email FROM customers WHERE id = 1"),
        meaning("SELECT email FROM customers WHERE id = 2"),
    )
    assert first.intent is again.intent


def test_a_shape_that_means_something_else_is_never_answered_with_what_it_meant_last() -> None:
    for _ in range(2):
        every, none = meaning("DELETE FROM sessions WHERE 1 = 1"), meaning("DELETE FROM sessions WHERE 1 = 2")
        assert every.intent.shape == none.intent.shape
        assert FindingCode.ALWAYS_TRUE in [finding.code for finding in every.intent.findings]
        assert FindingCode.ALWAYS_TRUE not in [finding.code for finding in none.intent.findings]


def test_meanings_are_kept_for_so_many_shapes_of_so_many_characters() -> None:
    kept = CATALOG.intents
    for number in range(600):
        meaning(f"SELECT 1 AS name_{chr(97 + number % 26)}{chr(97 + number // 26)}")
    assert 0 < len(kept) <= 256
    long = f"SELECT {', '.join(['id'] * 400)} FROM customers"
    assert meaning(long).intent.shape not in kept

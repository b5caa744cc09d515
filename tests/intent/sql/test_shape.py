"""No literal survives in a shape: held against the tokens of the real scanner."""

import pytest
from hypothesis import given, strategies as st
from postgast import pg_query_pb2
from postgast.errors import PgQueryError
from postgast.scan import scan

from interlock.intent.sql import understand
from interlock.intent.sql.shape import _piece_by_piece, fingerprint_of, shape_of
from tests.intent.sql.shop import scope
from tests.intent.sql.test_corpus import CASES

LITERALS = {
    pg_query_pb2.SCONST,
    pg_query_pb2.USCONST,
    pg_query_pb2.ICONST,
    pg_query_pb2.FCONST,
    pg_query_pb2.BCONST,
    pg_query_pb2.XCONST,
    pg_query_pb2.SQL_COMMENT,
    pg_query_pb2.C_COMMENT,
}

SECRET = "hunter2"
HOLDERS = [
    "SELECT 'hunter2'",
    "SELECT E'a\\'hunter2'",
    "SELECT 'a' -- x\n 'hunter2'",
    "SELECT E'a'\n'\\'hunter2'",
    "SELECT U&'hunter2', N'hunter2', $$hunter2$$, $a$ $b$ hunter2 $a$",
    "SELECT 1 -- hunter2",
    "SELECT 1 /* a /* hunter2 */ hunter2 */",
    "SET application_name = 'hunter2'",
    "COPY customers TO STDOUT WITH (NULL 'hunter2')",
    "DO $$ hunter2 $$",
    "COMMENT ON TABLE orders IS 'hunter2'",
    "CREATE ROLE a PASSWORD 'hunter2'",
    "ALTER ROLE a PASSWORD 'hunter2'",
    "CREATE TABLE t (a text DEFAULT 'hunter2' CHECK (a <> 'hunter2'))",
    "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password 'hunter2')",
    "CREATE SUBSCRIPTION s CONNECTION 'hunter2' PUBLICATION p",
    "EXECUTE p('hunter2')",
    "PREPARE TRANSACTION 'hunter2'",
    "NOTIFY a, 'hunter2'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'hunter2'",
    "SELECT * FROM JSON_TABLE('1', '$.hunter2' COLUMNS (a int PATH '$.hunter2')) t",
    "ALTER TYPE app.order_status ADD VALUE 'hunter2'",
    "SELECT 'hunter2' FROM WHERE",
    "SELECT 'hunter2",
]


def tokens(text: str) -> list[str]:
    found = scan(text)
    data = text.encode()
    return [data[t.start : t.end].decode() for t in found.tokens if t.token in LITERALS]


@pytest.mark.parametrize("text", HOLDERS)
def test_no_secret_survives(text: str) -> None:
    for statement in understand(text, scope()):
        assert SECRET not in statement.intent.shape
        assert all(SECRET not in finding.message for finding in statement.intent.all_findings())


@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_the_scanner_finds_no_literal_in_a_shape(text: str) -> None:
    try:
        scan(text)
    except PgQueryError:
        return  # not a token stream: such a text has no shape
    # `?` reads as an operator, `$1` as a parameter: neither is a literal.
    assert tokens(shape_of(text)) == []


PIECES = [
    "'", "''", '"', "$", "$$", "$a$", "--", "/*", "*/", "\n", " ", "E'", "U&'", "x'", "1", "1.5e3", ".5", "a1", "é",
    "\\", "$1", ",", "-",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_whatever_the_scanner_reads(text: str) -> None:
    try:
        literals = tokens(text)
    except (PgQueryError, ValueError):
        return
    shape = shape_of(text)
    if literals:
        assert shape != text
    try:
        assert tokens(shape) == []
    except PgQueryError:
        pytest.fail(f"{text!r} became {shape!r}, which no longer scans")


ORDINARY = [piece for piece in PIECES if piece not in {"$", "$$", "$a$", "--", "/*", "\\"}]


@given(st.lists(st.sampled_from([*ORDINARY, "0x1F", "1_0", "''", "..", "u&'", "$2", "b'", "\r", "\t"])).map("".join))
def test_ordinary_texts_are_read_at_once_as_piece_by_piece(text: str) -> None:
    try:
        tokens(text)
    except (PgQueryError, ValueError):
        return  # what is never closed ends in one way or another
    assert shape_of(text) == " ".join(_piece_by_piece(text).split())


@pytest.mark.parametrize("behind", ["-" * 4_000, "- - " * 4_000, "--\n" * 4_000 + "x", "\n--" * 4_000])
def test_comments_behind_a_string_are_read_in_one_way(behind: str) -> None:
    """They were tried in every way to cut them, which 60 dashes made last for ever: this test then never ends."""
    assert shape_of(f"SELECT 'a'{behind}").startswith("SELECT ?")


def test_equal_shapes_share_a_fingerprint() -> None:
    one = shape_of("SELECT *\n FROM orders WHERE id = 1 -- first")
    other = shape_of("SELECT * FROM orders WHERE id =    22")
    assert one == other == "SELECT * FROM orders WHERE id = ?"
    assert fingerprint_of(one) == fingerprint_of(other) != fingerprint_of("SELECT 1")
    assert len(fingerprint_of(one)) == 16

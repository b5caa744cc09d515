"""Text that is not what it seems to be: other encodings, halves of characters, marks that no reader shows."""

import psycopg
import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_query, build_sync
from tests.attacks.wire import Wire, errors, rows
from tests.stand import Stand

ENCODINGS = ["latin1", "SJIS", "EUC_JP", "WIN1252", "SQL_ASCII", "GB18030"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_client_of_another_encoding_is_told_so(stand: Stand, encoding: str) -> None:
    """In some of them a quote is the second half of a character: judge and server would read different texts."""
    for asked in ({"client_encoding": encoding}, {"options": f"-c client_encoding={encoding}"}):
        with pytest.raises(psycopg.OperationalError, match="must be utf8 here"):
            stand.connect(**asked)
    with stand.connect(client_encoding="UTF8") as connection:
        assert connection.execute("SELECT 'é'").fetchone() == ("é",)


TEXTS = {
    "half a surrogate pair": b"SELECT '\xed\xa0\x80'",
    "both halves": b"SELECT '\xed\xa0\xbd\xed\xb8\x80'",
    "latin1": b"SELECT '\xe9'",
    "SJIS with a quote inside": b"SELECT '\x83\x27; DROP TABLE items; --'",
    "an overlong quote": b"SELECT '\xc0\xa7; DROP TABLE items; --'",
    "cut short": b"SELECT '\xf0\x9f",
    "UTF-16": "SELECT 1".encode("utf-16-le"),
    "a byte order mark": b"\xef\xbb\xbfDROP TABLE items",
}


def query(text: bytes) -> bytes:
    return b"Q" + (len(text) + 5).to_bytes(4, "big") + text + b"\0"


def parse(text: bytes) -> bytes:
    return b"P" + (len(text) + 8).to_bytes(4, "big") + b"\0" + text + b"\0\0\0"


@pytest.mark.parametrize("name", TEXTS)
def test_bytes_that_are_no_text_are_refused(stand: Stand, name: str) -> None:
    """The session is over where messages can no longer be told apart, and goes on where they can."""
    for messages in ([query(TEXTS[name])], [parse(TEXTS[name]), build_bind("", ""), build_execute(""), build_sync()]):
        with Wire(stand) as wire:
            said = wire.ask(*messages)
            assert errors(said), (name, said)
            assert said[-1] == "closed" or rows(wire.ask(build_query("SELECT 1"))) == ["1"], (name, said)
    assert stand.ask("SELECT count(*) FROM items") == 20_000

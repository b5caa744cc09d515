"""Revocation and expiry end sessions: whatever the client does, and whatever it waits for."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from interlock.access.revocation import TokenRevoked, write_revocation
from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_query
from tests.attacks.test_protocol import waiting
from tests.attacks.wire import Wire, errors, rows
from tests.stand import Stand, standing, wait_for

WORLD: Final = "CREATE TABLE notes (id int PRIMARY KEY, body text); INSERT INTO notes VALUES (1, 'as it was');"
TOKENS: Final = """
[tokens]
issuer = "https://tokens.example.com"
audience = "stand"
signing_key = "minting.key"

[tokens.keys]
minting = "minting.pub"
"""
ENDLESS: Final = 1_000_000  # rows of a thousand bytes: far more than all buffers on the way


@pytest.fixture(scope="module")
def believing(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Running, and it believes tokens."""
    directory = tmp_path_factory.mktemp("believing")
    chosen = {"pack": "development", "environment": "dev", "tls": "generated", "gateway": TOKENS}
    with standing(postgres18, directory, WORLD, **chosen) as made:
        assert made.interlock("token", "keygen", "minting").code == 0
        made.start()
        yield made
        made.end_well()


@pytest.fixture
def stand(believing: Stand) -> Stand:
    """The same for every test, with the table as it was."""
    believing.ask("DELETE FROM notes")
    believing.ask("INSERT INTO notes VALUES (1, 'as it was')")
    return believing


def mint(stand: Stand, ttl: str = "5m") -> tuple[str, str]:
    """A token, and its id."""
    done = stand.interlock("token", "mint", "--sub", "ana", "--group", "engineers", "--ttl", ttl, "--json")
    assert done.code == 0, done.err
    return str(done.json["token"]), str(done.json["id"])


def revocation_list(stand: Stand) -> Path:
    return stand.directory / ".interlock" / "revocations.jsonl"


def revoke(stand: Stand, identity: str) -> None:
    with revocation_list(stand).open("ab") as file:
        file.write(write_revocation(TokenRevoked(id=identity, at=0)))


def backends(stand: Stand, like: str = "%") -> int:
    """Sessions on the target, beside the gateway's own for its catalogue."""
    count: int = stand.ask(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND application_name NOT LIKE 'interlock%%'"
        " AND wait_event LIKE %s",
        stand.role,
        like,
    )
    return count


def landed(stand: Stand) -> str:
    found: str = stand.ask("SELECT string_agg(body, ', ' ORDER BY id) FROM notes")
    return found


def sessions(stand: Stand) -> str:
    return next(line for line in stand.page("/metrics")[1].splitlines() if line.startswith("interlock_sessions "))


def test_a_client_that_does_not_read_is_not_waited_for(stand: Stand) -> None:
    token, identity = mint(stand)
    with Wire(stand, token=token) as wire:
        wire.ask(build_query("BEGIN"), build_query("UPDATE notes SET body = 'kept open'"), readies=2)
        wire.send(build_query(f"SELECT '{'x' * 1_000}' FROM generate_series(1, {ENDLESS})"))
        wait_for(lambda: backends(stand, "ClientWrite") == 1, what=lambda: "the client is never waited for")
        revoke(stand, identity)
        wait_for(lambda: backends(stand) == 0, what=lambda: "the session keeps its place on the target, and its locks")
        wait_for(lambda: sessions(stand) == "interlock_sessions 0.0", what=lambda: sessions(stand))
        read = 0
        while (kind := wire.frame()[0]) != 0:
            read += kind == kinds.DATA_ROW
        assert read < ENDLESS / 10
    assert landed(stand) == "as it was"


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_what_waited_does_not_land(stand: Stand, how: str) -> None:
    """Neither the statement that waits for a lock nor what the client sent behind it."""
    token, identity = mint(stand, "4s" if how == "expired" else "5m")
    with psycopg.connect(stand.truth) as admin, Wire(stand, token=token) as wire:
        admin.execute("LOCK TABLE notes")
        wire.send(
            build_query("UPDATE notes SET body = 'waited'"), build_query("INSERT INTO notes VALUES (2, 'behind')")
        )
        wait_for(lambda: waiting(stand) == 1, what=lambda: "nothing waits for the lock")
        if how == "revoked":
            revoke(stand, identity)
        said = wire.answers(2)
        assert (errors(said)[-1], said[-1]) == ("28000", "closed"), said
        assert not any(answer.startswith(("C", "Z")) for answer in said), said
        wait_for(lambda: backends(stand) == 0, what=lambda: "the statement still waits, and would land")
        admin.rollback()
    assert landed(stand) == "as it was"
    wait_for(lambda: all(one.status == "failed" for one in stand.decided("waited")), what=lambda: "no outcome")
    with pytest.raises(psycopg.OperationalError, match="token was refused"):
        stand.connect("token", password=token)


def test_a_list_that_cannot_be_read_revokes_tokens_and_nothing_else(stand: Stand) -> None:
    token, _ = mint(stand)
    known = revocation_list(stand).read_bytes() if revocation_list(stand).exists() else b""
    with stand.connect() as person, Wire(stand, token=token) as bearer:
        person.execute("BEGIN")
        person.execute("INSERT INTO notes VALUES (3, 'of a person')")
        revocation_list(stand).write_bytes(known + b'{"revoke":"tok')
        assert bearer.answers() == ["E 28000", "closed"]
        with pytest.raises(psycopg.OperationalError, match="revocation list"):
            stand.connect("token", password=token)
        with stand.connect() as another:
            assert another.execute("SELECT 1").fetchone() == (1,)
        revocation_list(stand).write_bytes(known)
        with stand.connect("token", password=token) as again:
            assert again.execute("SELECT 2").fetchone() == (2,)
        person.execute("COMMIT")
    assert landed(stand) == "as it was, of a person"
    assert stand.log.count("no token is believed") == 1
    assert "starting another" not in stand.log


def test_a_gateway_that_takes_tokens_no_more_ends_their_sessions(stand: Stand) -> None:
    token, _ = mint(stand)
    with stand.connect() as person, Wire(stand, token=token) as bearer:
        assert rows(bearer.ask(build_query("SELECT 1"))) == ["1"]
        try:
            stand.configure(gateway="")
            stand.signal(signal.SIGHUP)
            assert bearer.answers() == ["E 28000", "closed"]
        finally:
            stand.configure(gateway=TOKENS)
        assert person.execute("SELECT 2").fetchone() == (2,)

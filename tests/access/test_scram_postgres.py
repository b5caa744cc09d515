"""SCRAM with the real thing at the other end: ours logs into PostgreSQL, libpq and asyncpg log into ours."""

import asyncio
import os
import socket
import ssl
import struct
import threading
from base64 import b64encode
from contextlib import contextmanager, suppress

import asyncpg
import psycopg
import pytest
from psycopg import sql

from interlock.access.faults import LoginRefused, ServerUnproven
from interlock.access.scram import (
    SCRAM,
    SCRAM_PLUS,
    ClientExchange,
    ServerExchange,
    end_point_binding,
    offered_mechanisms,
)
from interlock.access.verifier import derive_verifier, mock_verifier, parse_verifier
from tests.conftest import Database

AUTHENTICATION_OK, SASL, SASL_CONTINUE, SASL_FINAL = 0, 10, 11, 12
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
USER, PASSWORD = "scram_user", "pencil, = and ünïcode"


def nonce():
    return b64encode(os.urandom(18)).decode()


class Wire:
    """Just enough of the protocol for a login, over a blocking socket."""

    def __init__(self, connection):
        self.connection = connection

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            assert more, "the other side hung up"
            data += more
        return data

    def receive(self):
        kind, length = struct.unpack("!ci", self.exactly(5))
        return kind, self.exactly(length - 4)

    def send(self, kind, body):
        self.connection.sendall(kind + struct.pack("!i", len(body) + 4) + body)


def log_in(wire, database, password, binding=None):
    """What the server says after the login; raises what our client refuses."""
    wire.send(b"", struct.pack("!i", 3 << 16) + f"user\0{USER}\0database\0{database}\0\0".encode())
    kind, body = wire.receive()
    assert (kind, struct.unpack("!i", body[:4])[0]) == (b"R", SASL)
    offered = body[4:].decode().rstrip("\0").split("\0")
    client = ClientExchange(offered=offered, password=password, nonce=nonce(), binding=binding)
    first = client.first()
    wire.send(b"p", client.mechanism.encode() + b"\0" + struct.pack("!i", len(first)) + first)
    kind, body = wire.receive()
    assert (kind, struct.unpack("!i", body[:4])[0]) == (b"R", SASL_CONTINUE)
    wire.send(b"p", client.respond(body[4:]))
    kind, body = wire.receive()
    if kind == b"E":
        return client.mechanism, body.decode()
    assert struct.unpack("!i", body[:4])[0] == SASL_FINAL
    client.verify(body[4:])
    kind, body = wire.receive()
    assert (kind, struct.unpack("!i", body)[0]) == (b"R", AUTHENTICATION_OK)
    return client.mechanism, "welcome"


@pytest.fixture
def with_role(database):
    yield from _role(database)


@pytest.fixture
def with_role15(database15):
    yield from _role(database15)


def _role(database):
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(USER), sql.Literal(PASSWORD)))
        yield database
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(USER)))


def over_socket(database):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(database.server.socket_dir / f".s.PGSQL.{database.server.port}"))
    return connection


def over_tls(database, authority):
    plain = socket.create_connection(("127.0.0.1", database.server.port))
    plain.sendall(SSL_REQUEST)
    assert plain.recv(1) == b"S"
    return ssl.create_default_context(cafile=authority.root).wrap_socket(plain, server_hostname="127.0.0.1")


def test_our_client_logs_in(with_role: Database):
    with over_socket(with_role) as connection:
        assert log_in(Wire(connection), with_role.name, PASSWORD) == (SCRAM, "welcome")


def test_our_client_is_refused_with_a_wrong_password(with_role: Database):
    with over_socket(with_role) as connection:
        _, said = log_in(Wire(connection), with_role.name, PASSWORD + "!")
    assert "28P01" in said


def test_our_client_binds_to_the_servers_certificate(with_role15: Database, authority):
    with over_tls(with_role15, authority) as connection:
        binding = end_point_binding(connection.getpeercert(binary_form=True))
        assert log_in(Wire(connection), with_role15.name, PASSWORD, binding) == (SCRAM_PLUS, "welcome")


def test_a_wrong_binding_is_noticed_by_the_server(with_role15: Database, authority):
    with over_tls(with_role15, authority) as connection:
        _, said = log_in(Wire(connection), with_role15.name, PASSWORD, b"x" * 32)
    assert "channel binding" in said


def test_verifiers_are_those_of_pg_authid(with_role: Database):
    with psycopg.connect(with_role.dsn, autocommit=True) as admin:
        query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
        ((stored,),) = admin.execute(query, [USER]).fetchall()
        theirs = parse_verifier(stored)
        assert str(theirs) == stored
        assert derive_verifier(PASSWORD, salt=theirs.salt, iterations=theirs.iterations) == theirs
        # And the other way round: PostgreSQL takes ours as it is.
        ours = derive_verifier("another", salt=os.urandom(16))
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(str(ours))))
    psycopg.connect(with_role.dsn_as(USER, "another")).close()


@contextmanager
def serving(verifier, tls=None, binding=None):
    """A server that knows one password and no SQL; yields its port and what became of each login."""
    ends: list[str] = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            if tls is not None:
                assert connection.recv(8) == SSL_REQUEST
                connection.sendall(b"S")
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                ends.append(greet(Wire(connection), verifier, binding))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], ends
        thread.join()


def greet(wire, verifier, binding):
    (length,) = struct.unpack("!i", wire.exactly(4))
    wire.exactly(length - 4)
    offered = "".join(f"{name}\0" for name in offered_mechanisms(binding)) + "\0"
    wire.send(b"R", struct.pack("!i", SASL) + offered.encode())
    _, body = wire.receive()
    mechanism, _, rest = body.partition(b"\0")
    exchange = ServerExchange(mechanism=mechanism.decode(), verifier=verifier, nonce=nonce(), binding=binding)
    wire.send(b"R", struct.pack("!i", SASL_CONTINUE) + exchange.challenge(rest[4:]))
    try:
        wire.send(b"R", struct.pack("!i", SASL_FINAL) + exchange.finish(wire.receive()[1]))
    except LoginRefused:
        wire.send(b"E", b"SFATAL\0VFATAL\0C28P01\0Mrefused\0\0")
        return "refused"
    with suppress(ConnectionError):  # a client that does not believe us has hung up
        wire.send(b"R", struct.pack("!i", AUTHENTICATION_OK))
        wire.send(b"E", b"SFATAL\0VFATAL\0C57P03\0Mwelcome\0\0")
    return mechanism.decode()


def libpq(port, password, **options):
    with pytest.raises(psycopg.OperationalError) as ended:
        psycopg.connect(host="127.0.0.1", port=port, user=USER, password=password, dbname="x", **options)
    return str(ended.value)


def test_libpq_proves_itself_to_our_server_and_we_to_it():
    verifier = derive_verifier(PASSWORD, salt=os.urandom(16))
    with serving(verifier) as (port, ends):
        assert "welcome" in libpq(port, PASSWORD, sslmode="disable", gssencmode="disable")
    assert ends == [SCRAM]


@pytest.mark.parametrize("verifier", [derive_verifier(PASSWORD, salt=b"s" * 16), mock_verifier(USER, secret=b"k" * 32)])
def test_libpq_with_a_wrong_password_and_without_an_account_hears_the_same(verifier):
    with serving(verifier) as (port, ends):
        assert "refused" in libpq(port, "wrong", sslmode="disable", gssencmode="disable")
    assert ends == ["refused"]


def test_libpq_refuses_a_server_that_holds_only_a_stolen_half():
    real = derive_verifier(PASSWORD, salt=b"s" * 16)
    liar = type(real)(iterations=real.iterations, salt=real.salt, stored_key=real.stored_key, server_key=b"?" * 32)
    with serving(liar) as (port, _):
        assert "incorrect server signature" in libpq(port, PASSWORD, sslmode="disable", gssencmode="disable")


def test_libpq_binds_to_our_certificate(authority):
    issued = authority.issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    binding = end_point_binding(ssl.PEM_cert_to_DER_cert(issued.certificate.read_text()))
    with serving(derive_verifier(PASSWORD, salt=b"s" * 16), context, binding) as (port, ends):
        options = {"sslmode": "verify-full", "sslrootcert": str(authority.root), "channel_binding": "require"}
        assert "welcome" in libpq(port, PASSWORD, gssencmode="disable", **options)
    assert ends == [SCRAM_PLUS]


def test_asyncpg_proves_itself_to_our_server():
    with serving(derive_verifier("pencil", salt=b"s" * 16)) as (port, ends):
        connecting = asyncpg.connect(host="127.0.0.1", port=port, user=USER, password="pencil", database="x", ssl=False)
        with pytest.raises(asyncpg.PostgresError, match="welcome"):
            asyncio.run(connecting)
    assert ends == [SCRAM]


def test_a_server_without_scram_is_refused():
    with pytest.raises(ServerUnproven, match="password_encryption"):
        ClientExchange(offered=["OAUTHBEARER"], password=PASSWORD, nonce=nonce())

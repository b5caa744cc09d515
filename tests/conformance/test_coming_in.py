"""Coming in: every kind of TLS, every way to be refused, protocol versions, and messages that are always refused."""

import socket
import ssl

import psycopg
import pytest
from psycopg import errors, pq

from interlock.access.scram import ClientExchange
from interlock.wire.postgres import kinds, messages, startup
from interlock.wire.postgres.codec import Frames
from tests.conformance.clients import counting_to, program
from tests.conformance.gateway import AGENT, PERSON, TARGET, TOKEN, Gateway


def ask(gateway: Gateway, user: str = PERSON, **parameters: str) -> tuple[object, ...] | None:
    with psycopg.connect(gateway.dsn(user, **parameters), autocommit=True) as connection:
        return connection.execute("SELECT 42").fetchone()


def refusal(gateway: Gateway, **parameters: str) -> str:
    with pytest.raises(psycopg.OperationalError) as told, psycopg.connect(gateway.dsn(**parameters)):
        pass
    return str(told.value)


# -- TLS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"sslmode": "require", "sslrootcert": ""},
        {"sslmode": "verify-ca"},
        {"sslmode": "verify-full"},
        {"sslmode": "verify-full", "sslnegotiation": "direct"},
        {"sslmode": "verify-full", "channel_binding": "require"},
        {"sslmode": "verify-full", "sslnegotiation": "direct", "channel_binding": "require"},
        {"sslmode": "verify-full", "ssl_min_protocol_version": "TLSv1.3"},
        {"sslmode": "verify-full", "ssl_max_protocol_version": "TLSv1.2"},
        {"sslmode": "verify-full", "gssencmode": "disable", "require_auth": "scram-sha-256"},
    ],
    ids=str,
)
def test_every_kind_of_tls(production: Gateway, parameters: dict[str, str]) -> None:
    assert ask(production, **parameters) == (42,)


def test_psql_15_with_verified_tls_and_channel_binding(production: Gateway) -> None:
    psql = program("15")
    done = psql.run("psql", "-XAt", psql.dsn(production, channel_binding="require"), "-c", "SELECT 42")
    assert (done.lines, done.err) == (["42"], "")


def test_a_certificate_of_somebody_else_is_refused_by_the_client(production: Gateway, authority) -> None:
    assert "certificate verify failed" in refusal(production, sslrootcert=str(authority.root))
    assert "does not match host name" in refusal(production, host="interlock.invalid", hostaddr="127.0.0.1")


def test_plain_connections_are_refused_where_tls_is_required(production: Gateway, development: Gateway) -> None:
    said = refusal(production, sslmode="disable")
    assert "interlock requires TLS" in said
    assert "sslmode=require" in said
    assert ask(development, sslmode="disable") == (42,)


def test_channel_binding_needs_tls(development: Gateway) -> None:
    assert "channel binding" in refusal(development, sslmode="disable", channel_binding="require")


def test_direct_tls_needs_the_protocols_name(production: Gateway) -> None:
    context = ssl.create_default_context(cafile=production.authority)
    raw = socket.create_connection(("localhost", production.port), timeout=20)
    with context.wrap_socket(raw, server_hostname="localhost") as secured:
        assert ended(secured, startup.build_startup({"user": PERSON}))


def test_bytes_stuffed_behind_the_request_for_tls_end_the_connection(production: Gateway) -> None:
    with socket.create_connection(("localhost", production.port), timeout=20) as raw:
        assert ended(raw, startup.build_ssl_request() + startup.build_startup({"user": PERSON}))


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x04", b"\0" * 64, b"\xff" * 64, b"\0\0\0\x08\0\x02\0\0"]
)
def test_other_protocols_are_hung_up_on(production: Gateway, garbage: bytes) -> None:
    with socket.create_connection(("localhost", production.port), timeout=20) as raw:
        assert ended(raw, garbage)
    assert ask(production) == (42,)


def ended(raw: socket.socket, data: bytes) -> bool:
    """Whether the gateway hangs up on these bytes, without letting anybody in."""
    raw.sendall(data)
    heard = b""
    try:
        while piece := raw.recv(4096):
            heard += piece
    except (ConnectionResetError, ssl.SSLError):
        pass
    return b"R" not in heard[:1]


# -- who -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"password": "guess"}, {"user": "nobody"}, {"user": "postgres"}, {"user": ""}, {"password": "\N{SNOWMAN}"}],
    ids=str,
)
def test_wrong_names_and_passwords_read_alike(production: Gateway, wrong: dict[str, str]) -> None:
    parameters = production.parameters() | wrong
    with pytest.raises(psycopg.OperationalError) as told, psycopg.connect(**parameters):
        pass
    assert "password authentication failed" in str(told.value)


@pytest.mark.parametrize("target", ["nowhere", "postgres", "conformance", "template1"])
def test_only_targets_can_be_reached(production: Gateway, target: str) -> None:
    assert f"`{target}` is not a target" in refusal(production, dbname=target)


@pytest.mark.parametrize("token", ["", "not a token", "a.b.c"])
def test_bad_tokens(production: Gateway, token: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"token was refused|no password supplied"):
        psycopg.connect(**production.parameters() | {"user": TOKEN, "password": token})


def test_tokens_work_for_every_client_and_only_inside_tls(development: Gateway) -> None:
    token = development.mint("--sub", "ana", "--group", "engineers", "--act", "bot")
    parameters = development.parameters() | {"user": TOKEN, "password": token}
    with psycopg.connect(**parameters) as connection:
        assert connection.execute("SELECT 42").fetchone() == (42,)
    psql = program("15")
    done = psql.run("psql", "-XAt", psycopg.conninfo.make_conninfo(**parameters), "-c", "SELECT 42")
    assert (done.lines, done.err) == (["42"], "")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**parameters | {"sslmode": "disable"})


def test_a_token_for_another_target_opens_nothing(development: Gateway) -> None:
    token = development.mint("--sub", "ana", "--group", "engineers", "--target", "elsewhere")
    with pytest.raises(psycopg.OperationalError, match="is not a target"):
        psycopg.connect(**development.parameters() | {"user": TOKEN, "password": token})


def test_persons_and_agents_are_told_apart(production: Gateway) -> None:
    with psycopg.connect(production.dsn(PERSON), autocommit=True) as person:
        assert person.execute("SELECT email FROM customers WHERE id = 1").fetchone() == ("ada@example.com",)
    with psycopg.connect(production.dsn(AGENT), autocommit=True) as agent, pytest.raises(errors.InsufficientPrivilege):
        agent.execute("SELECT email FROM customers WHERE id = 1")


# -- the protocol itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"min_protocol_version": "3.2", "max_protocol_version": "3.2"},
        {"max_protocol_version": "latest"},
        {"max_protocol_version": "3.0"},
    ],
    ids=str,
)
def test_protocol_versions(production: Gateway, parameters: dict[str, str]) -> None:
    with psycopg.connect(production.dsn(**parameters), autocommit=True) as connection:
        assert connection.execute("SELECT 42").fetchone() == (42,)
        connection.cancel_safe(timeout=10)
        assert connection.execute("SELECT 43").fetchone() == (43,)


@pytest.mark.parametrize(
    "parameters",
    [{"replication": "true"}, {"replication": "database"}, {"options": "-c log_statement=none"}, {"options": "-W 5"}],
    ids=str,
)
def test_sessions_that_are_never_opened(production: Gateway, parameters: dict[str, str]) -> None:
    assert "refused" in refusal(production, **parameters) or "cannot be read" in refusal(production, **parameters)


@pytest.mark.parametrize("encoding", ["UTF8", "utf-8", "unicode"])
def test_encodings_that_are_utf8(production: Gateway, encoding: str) -> None:
    assert ask(production, client_encoding=encoding) == (42,)


def test_other_encodings_are_refused(production: Gateway) -> None:
    assert "client_encoding" in refusal(production, client_encoding="latin1")


class Talk:
    """A client of the smallest kind: it sends what libpq has no function for."""

    def __init__(self, gateway: Gateway, version: startup.Version = startup.OLDEST, **parameters: str) -> None:
        raw = socket.create_connection(("localhost", gateway.port), timeout=20)
        raw.sendall(startup.build_ssl_request())
        assert raw.recv(1) == b"S"
        context = ssl.create_default_context(cafile=gateway.authority)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.frames = Frames(limit=1 << 20)
        self.heard: list[tuple[int, bytes, int]] = []
        self.greeting: dict[int, bytes] = {}
        parameters = {"user": PERSON, "database": TARGET} | parameters
        self.socket.sendall(startup.build_startup(parameters, version))
        self._log_in(gateway.secrets[PERSON])

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *failure: object) -> None:
        self.socket.close()

    def next(self) -> bytes:
        while not self.heard:
            data = self.socket.recv(65536)
            assert data, "the gateway hung up without a word"
            self.heard = self.frames.feed(data)
        return self.heard.pop(0)[1]

    def _log_in(self, password: str) -> None:
        exchange = None
        while True:
            frame = self.next()
            self.greeting[frame[0]] = frame
            message = messages.parse_server(frame)
            match message:
                case messages.AuthenticationSasl():
                    offered = message.mechanisms
                    exchange = ClientExchange(offered=offered, password=password, nonce="n" * 24, binding=None)
                    self.socket.sendall(messages.build_sasl_initial(exchange.mechanism, exchange.first()))
                case messages.AuthenticationSaslContinue() if exchange is not None:
                    self.socket.sendall(messages.build_sasl_response(exchange.respond(message.data)))
                case messages.ReadyForQuery():
                    return
                case _:
                    pass

    def say(self, *frames: bytes) -> list[str]:
        """The names of the answers up to ReadyForQuery, errors by their code."""
        self.socket.sendall(b"".join(frames))
        names = []
        while True:
            frame = self.next()
            name = kinds.SERVER_NAMES[frame[0]]
            names.append(messages.parse_error(frame).fields["C"] if name == "ErrorResponse" else name)
            if name == "ReadyForQuery":
                return names


def test_a_function_call_is_refused_and_the_session_goes_on(production: Gateway) -> None:
    with Talk(production) as talk:
        call = b"F\0\0\0\x0e\0\0\0\x66\0\0\0\0\0\0"  # function 102, no arguments, answer as text
        assert talk.say(call) == ["42501", "ReadyForQuery"]
        assert talk.say(messages.build_query("SELECT 1"))[-2:] == ["CommandComplete", "ReadyForQuery"]


def test_newer_versions_and_unknown_options_are_negotiated(production: Gateway) -> None:
    with Talk(production, (3, 9), **{"_pq_.telepathy": "on"}) as talk:
        answer = messages.parse_server(talk.greeting[kinds.NEGOTIATE_PROTOCOL_VERSION])
        assert (answer.version, answer.unknown) == ((3, 2), ("_pq_.telepathy",))
        assert talk.say(messages.build_query("SELECT 1"))[-1] == "ReadyForQuery"


@pytest.mark.parametrize(
    "nonsense", [b"p\0\0\0\x05\0", b"Q\0\0\0\x03", b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"B\0\0\0\x05\0"]
)
def test_a_message_that_is_none_ends_one_session_only(production: Gateway, nonsense: bytes) -> None:
    with Talk(production) as other, Talk(production) as talk:
        talk.socket.sendall(nonsense)
        told = messages.parse_error(talk.next()).fields
        assert (told["S"], told["C"]) == ("FATAL", "08P01")
        assert talk.socket.recv(1) == b""
        assert other.say(messages.build_query("SELECT 1"))[-1] == "ReadyForQuery"


def test_a_wrong_key_cancels_nothing(development: Gateway) -> None:
    with psycopg.connect(development.dsn(), autocommit=True) as connection:
        pid = connection.info.backend_pid
        marker = "323456789012"
        connection.pgconn.send_query(counting_to(marker).encode())
        development.wait_until_active(marker)
        for key in (b"\0\0\0\0", b"wrong key of another length"):
            with socket.create_connection(("localhost", development.port), timeout=20) as raw:
                raw.sendall(startup.build_cancel_request(pid, key))
                assert raw.recv(1) == b""
        connection.pgconn.consume_input()
        assert connection.pgconn.is_busy()
        connection.cancel_safe(timeout=10)
        result = connection.pgconn.get_result()
        assert result is not None
        assert result.error_field(pq.DiagnosticField.SQLSTATE) == b"57014"
        assert connection.pgconn.get_result() is None

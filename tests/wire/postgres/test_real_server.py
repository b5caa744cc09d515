"""The codec, the messages and the table of answers against what PostgreSQL 18 and 15 really say."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from scramp import ScramClient

from interlock.app.embedded import SUPERUSER
from interlock.wire.postgres import messages as m, startup as s
from interlock.wire.postgres.codec import Frames
from tests.conftest import Database
from tests.wire.postgres.answering import Answers


class Client:
    """The smallest client that is made of the package under test alone."""

    def __init__(self, database: Database, version: s.Version = s.OLDEST, **parameters: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.address = str(database.server.socket_dir / f".s.PGSQL.{database.server.port}")
        self.socket.connect(self.address)
        self.frames = Frames(limit=1_000_000, merge=m.MERGED_FROM_SERVER, blame=m.ServerViolation)
        self.answers: Answers[str] = Answers()
        self.waiting: list[tuple[int, bytes, int]] = []
        self.greeting: list[m.ServerMessage] = []
        parameters |= {"user": SUPERUSER, "database": database.name}
        self.socket.sendall(s.build_startup(parameters, version))
        self._authenticate(database.server.password)

    def next(self) -> tuple[int, bytes, int]:
        while not self.waiting:
            self.waiting = self.frames.feed(self.socket.recv(4096))
        return self.waiting.pop(0)

    def _authenticate(self, password: str) -> None:
        scram = ScramClient(["SCRAM-SHA-256"], SUPERUSER, password)
        while True:
            message = m.parse_server(self.next()[1])
            match message:
                case m.AuthenticationSasl(mechanisms=mechanisms):
                    assert "SCRAM-SHA-256" in mechanisms
                    first = scram.get_client_first().encode()
                    self.socket.sendall(m.build_sasl_initial("SCRAM-SHA-256", first))
                case m.AuthenticationSaslContinue(data=data):
                    scram.set_server_first(data.decode())
                    self.socket.sendall(m.build_sasl_response(scram.get_client_final().encode()))
                case m.AuthenticationSaslFinal(data=data):
                    scram.set_server_final(data.decode())
                case m.ReadyForQuery():
                    return
                case _:
                    self.greeting.append(message)

    def send(self, *requests: bytes) -> None:
        for request in requests:
            self.answers.expect(request[0], m.CLIENT_NAMES[request[0]])
        self.socket.sendall(b"".join(requests))

    def hear(self, until: int) -> list[str]:
        """What is said up to a message of type `until`, each with the request whose answer it is."""
        heard = []
        while True:
            kind, data, count = self.next()
            if count == 1:
                m.parse_server(data)
            answer = self.answers.take(kind)
            heard.append(f"{answer.tag if answer else '-'}: {m.SERVER_NAMES[kind]}")
            if kind == until:
                return heard

    def ask(self, *requests: bytes) -> list[str]:
        self.send(*requests)
        return self.hear(m.READY_FOR_QUERY)


@contextmanager
def connected(database: Database, version: s.Version = s.OLDEST, **parameters: str) -> Iterator[Client]:
    client = Client(database, version, **parameters)
    with closing(client.socket):
        yield client
        assert client.answers.owed == 0
        assert client.frames.between


def group(text: str, *values: bytes) -> tuple[bytes, ...]:
    """An extended query, without its Sync."""
    return (m.build_parse("", text), m.build_bind("", "", values), m.build_execute(""))


def test_a_simple_query_of_several_statements(database: Database) -> None:
    with connected(database) as client:
        assert client.ask(m.build_query("SELECT 1; SELECT generate_series(1, 5)")) == [
            "Query: RowDescription",
            "Query: DataRow",
            "Query: CommandComplete",
            "Query: RowDescription",
            "Query: DataRow",
            "Query: CommandComplete",
            "Query: ReadyForQuery",
        ]
        assert client.ask(m.build_query("")) == ["Query: EmptyQueryResponse", "Query: ReadyForQuery"]


def test_groups_in_a_pipeline_one_of_which_fails(database: Database) -> None:
    with connected(database) as client:
        client.send(*group("SELECT 1"), m.build_sync())
        client.send(*group("SELECT 1/$1::int", b"0"), *group("SELECT 2"), m.build_sync())
        client.send(m.build_parse("s", "SELECT $1::int"), m.build_describe(m.Part.STATEMENT, "s"), m.build_sync())
        said = ["Parse: ParseComplete", "Bind: BindComplete", "Execute: DataRow", "Execute: CommandComplete"]
        assert client.hear(m.READY_FOR_QUERY) == [*said, "Sync: ReadyForQuery"]
        # Planning at Bind already divides.
        failed = client.hear(m.READY_FOR_QUERY)
        assert failed == ["Parse: ParseComplete", "Bind: ErrorResponse", "Sync: ReadyForQuery"]
        assert client.hear(m.READY_FOR_QUERY) == [
            "Parse: ParseComplete",
            "Describe: ParameterDescription",
            "Describe: RowDescription",
            "Sync: ReadyForQuery",
        ]


def test_a_query_ends_a_group_without_sync(database: Database) -> None:
    """asyncpg does this after prepare()."""
    with connected(database) as client:
        client.send(m.build_parse("s", "SELECT 1"), m.build_describe(m.Part.STATEMENT, "s"), m.build_flush())
        assert client.hear(m.ROW_DESCRIPTION)[0] == "Parse: ParseComplete"
        assert client.ask(m.build_query("BEGIN")) == ["Query: CommandComplete", "Query: ReadyForQuery"]


def test_portals_close_suspend_and_have_no_data(database: Database) -> None:
    with connected(database) as client:
        heard = client.ask(
            m.build_parse("", "SELECT generate_series(1, 3)"),
            m.build_bind("p", ""),
            m.build_execute("p", 2),
            m.build_execute("p", 2),
            m.build_close(m.Part.PORTAL, "p"),
            m.build_parse("", "SET lock_timeout = 0"),
            m.build_describe(m.Part.STATEMENT, ""),
            m.build_sync(),
        )
        assert heard[2:6] == [
            "Execute: DataRow",
            "Execute: PortalSuspended",
            "Execute: DataRow",
            "Execute: CommandComplete",
        ]
        assert heard[6] == "Close: CloseComplete"
        assert heard[-2:] == ["Describe: NoData", "Sync: ReadyForQuery"]


def test_landing_fails_at_sync(database: Database) -> None:
    with connected(database) as client:
        client.ask(m.build_query("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        heard = client.ask(*group("INSERT INTO t VALUES (1), (1)"), m.build_sync())
        assert heard[-2:] == ["Sync: ErrorResponse", "Sync: ReadyForQuery"]


def test_copy_both_ways_in_simple_queries(database: Database) -> None:
    with connected(database) as client:
        client.ask(m.build_query("CREATE TABLE t (a int)"))
        client.send(m.build_query("COPY t FROM STDIN"))
        assert client.hear(m.COPY_IN_RESPONSE) == ["Query: CopyInResponse"]
        client.send(m.build_copy_data(b"1\n2\n"), m.build_copy_done())
        assert client.hear(m.READY_FOR_QUERY) == ["Query: CommandComplete", "Query: ReadyForQuery"]
        assert client.ask(m.build_query("COPY t TO STDOUT")) == [
            "Query: CopyOutResponse",
            "Query: CopyData",
            "Query: CopyDone",
            "Query: CommandComplete",
            "Query: ReadyForQuery",
        ]


def test_a_copy_swallows_the_sync_that_was_sent_too_early(database: Database) -> None:
    """libpq sends Execute and Sync together, and another Sync after CopyDone."""
    with connected(database) as client:
        client.ask(m.build_query("CREATE TABLE t (a int)"))
        client.send(*group("COPY t FROM STDIN"), m.build_sync())
        client.hear(m.COPY_IN_RESPONSE)
        client.send(m.build_copy_data(b"1\n"), m.build_copy_done(), m.build_sync())
        assert client.hear(m.READY_FOR_QUERY) == ["Execute: CommandComplete", "Sync: ReadyForQuery"]
        assert client.ask(m.build_query("SELECT 1"))[-1] == "Query: ReadyForQuery"


def test_a_copy_that_fails_before_it_reads_answers_both_syncs(database: Database) -> None:
    with connected(database) as client:
        client.ask(m.build_query("CREATE VIEW v AS SELECT 1 AS a"))
        client.send(*group("COPY v FROM STDIN"), m.build_sync())
        client.hear(m.COPY_IN_RESPONSE)
        client.send(m.build_copy_data(b"1\n"), m.build_copy_done(), m.build_sync())
        heard = client.hear(m.READY_FOR_QUERY)
        assert heard == ["Execute: ErrorResponse", "Sync: ReadyForQuery"]
        assert client.hear(m.READY_FOR_QUERY) == ["-: ReadyForQuery"]


@pytest.mark.parametrize("end", [m.build_copy_fail("no"), m.build_copy_data(b"x\n") + m.build_copy_done()])
def test_a_copy_that_fails_while_it_reads(database: Database, end: bytes) -> None:
    with connected(database) as client:
        client.ask(m.build_query("CREATE TABLE t (a int)"))
        client.send(*group("COPY t FROM STDIN"), m.build_sync())
        client.hear(m.COPY_IN_RESPONSE)
        client.socket.sendall(end)
        client.send(m.build_sync())
        assert client.hear(m.READY_FOR_QUERY) == ["Execute: ErrorResponse", "Sync: ReadyForQuery"]
        assert client.ask(m.build_query("SELECT 1"))[-1] == "Query: ReadyForQuery"


def test_a_function_call(database: Database) -> None:
    with connected(database) as client:
        call = m.build_function_call(1397, [b"-5"])  # abs(int4)
        assert client.ask(call) == ["FunctionCall: FunctionCallResponse", "FunctionCall: ReadyForQuery"]


def test_notices_and_notifications_belong_to_nobody(database: Database) -> None:
    with connected(database) as client:
        client.send(m.build_query("LISTEN a; NOTIFY a, 'b'; DO $$BEGIN RAISE NOTICE 'c'; END$$"))
        assert "-: NoticeResponse" in client.hear(m.NOTICE_RESPONSE)
        assert client.hear(m.NOTIFICATION_RESPONSE)[-1] == "-: NotificationResponse"
        assert client.answers.owed or client.ask(m.build_query(""))  # it may come before or after ReadyForQuery
        if client.answers.owed:
            client.hear(m.READY_FOR_QUERY)


def test_large_rows_flow_through(database: Database) -> None:
    with connected(database) as client:
        client.send(m.build_query("SELECT repeat('x', 3000000) FROM generate_series(1, 2)"))
        rows = size = 0
        while (found := client.next())[0] != m.COMMAND_COMPLETE:
            if found[0] == m.DATA_ROW:
                rows += found[2]
                size += len(found[1])
            client.answers.take(found[0])
        client.answers.take(found[0])
        assert (rows, size) == (2, 2 * (3_000_000 + 11))
        client.hear(m.READY_FOR_QUERY)


@pytest.mark.parametrize(("version", "length"), [((3, 0), 4), ((3, 2), 32)])
def test_cancel_keys_of_both_versions(database18: Database, version: s.Version, length: int) -> None:
    with connected(database18, version) as client:
        (key,) = [said for said in client.greeting if isinstance(said, m.BackendKeyData)]
        assert len(key.secret) == length
        client.send(m.build_query("DO $$BEGIN RAISE NOTICE 'it runs'; PERFORM pg_sleep(15); END$$"))
        assert client.hear(m.NOTICE_RESPONSE) == ["-: NoticeResponse"]
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(client.address)
            other.sendall(s.build_cancel_request(key.pid, key.secret))
            assert other.recv(1) == b""
        assert client.hear(m.READY_FOR_QUERY) == ["Query: ErrorResponse", "Query: ReadyForQuery"]


def test_what_is_negotiated_is_what_we_would_negotiate(database18: Database) -> None:
    parameters = {"_pq_.no_such_option": "1"}
    with connected(database18, (3, 9999), **parameters) as client:
        negotiated = [said for said in client.greeting if isinstance(said, m.NegotiateProtocolVersion)]
        ours = s.agree(s.Startup(version=(3, 9999), parameters=parameters, size=0))
        assert negotiated == [m.parse_server(ours.answer)]

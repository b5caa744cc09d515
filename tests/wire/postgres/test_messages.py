import struct

import pytest
from hypothesis import given, strategies as st

from interlock.model.faults import OurFault
from interlock.wire.postgres import messages as m
from interlock.wire.postgres.codec import Frames
from interlock.wire.postgres.fields import frame
from tests.wire.postgres.strategies import CLIENT, SERVER, arguments

CASES = {**{f"client {name}": case for name, case in CLIENT.items()}, **{f"server {n}": c for n, c in SERVER.items()}}


@pytest.mark.parametrize("name", CASES)
@given(anything=st.data())
def test_what_is_built_is_read_back(name: str, anything: st.DataObject) -> None:
    messages, build, read = CASES[name]
    message = anything.draw(messages)
    built = build(**arguments(message))
    assert read(built) == message
    assert struct.unpack_from(">i", built, 1) == (len(built) - 1,)


@pytest.mark.parametrize("name", CASES)
@given(anything=st.data())
def test_what_is_read_is_built_back(name: str, anything: st.DataObject) -> None:
    """No two byte strings mean the same message, so that what was judged is what is forwarded."""
    messages, build, read = CASES[name]
    drawn = anything.draw(messages)
    built = bytearray(build(**arguments(drawn)))
    for _ in range(anything.draw(st.integers(0, 3))):
        if len(built) > 5:
            place = anything.draw(st.integers(5, len(built) - 1))
            built[place] = anything.draw(st.integers(0, 255))
    try:
        message = read(bytes(built))
    except m.ProtocolViolation:
        return
    # The letters of an error have no order, and servers may send bytes that are not UTF-8.
    if type(message) is type(drawn) and not isinstance(message, m.ErrorResponse | m.NoticeResponse):
        rebuilt = build(**arguments(message))
        assert rebuilt == built or "\N{REPLACEMENT CHARACTER}".encode() in rebuilt


TAILED = [name for name in CASES if not name.endswith(("SaslContinue", "SaslFinal", "SASLResponse", "Other", "Data"))]


@pytest.mark.parametrize("name", TAILED)
@given(anything=st.data())
def test_trailing_bytes_and_missing_ends_are_refused(name: str, anything: st.DataObject) -> None:
    messages, build, read = CASES[name]
    built = build(**arguments(anything.draw(messages)))
    blame = m.ClientViolation if name.startswith("client") else m.ServerViolation
    with pytest.raises(blame):
        read(built + b"\0")
    if len(built) > 5:
        with pytest.raises(blame):
            read(built[:-1])


@given(kind=st.integers(0, 255), body=st.binary(max_size=80))
def test_garbage_is_a_message_or_the_peers_fault(kind: int, body: bytes) -> None:
    for read, blame in ((m.parse_client, m.ClientViolation), (m.parse_server, m.ServerViolation)):
        try:
            read(frame(kind, body))
        except blame:
            continue


@given(body=st.binary(max_size=80))
def test_garbage_credentials_are_the_clients_fault(body: bytes) -> None:
    for read in (m.parse_password, m.parse_sasl_initial, m.parse_sasl_response):
        try:
            read(frame(m.AUTHENTICATION_ANSWER, body))
        except m.ClientViolation:
            continue


# Written out by hand from the documentation's chapter "Message Formats".
DOCUMENTED = [
    (b"Q\0\0\0\x0dSELECT 1\0", m.Query(text="SELECT 1")),
    (b"P\0\0\0\x17s1\0SELECT $1\0\0\x01\0\0\0\x17", m.Parse(statement="s1", text="SELECT $1", types=(23,))),
    (
        b"B\0\0\0\x1c\0s1\0\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x2a\xff\xff\xff\xff\0\0",
        m.Bind(portal="", statement="s1", values=(b"\0\0\0*", None), formats=(1,)),
    ),
    (b"D\0\0\0\x08Ss1\0", m.Describe(part=m.Part.STATEMENT, name="s1")),
    (b"C\0\0\0\x06P\0", m.Close(part=m.Part.PORTAL, name="")),
    (b"E\0\0\0\x09\0\0\0\0\x64", m.Execute(portal="", rows=100)),
    (b"H\0\0\0\x04", m.Flush()),
    (b"S\0\0\0\x04", m.Sync()),
    (b"X\0\0\0\x04", m.Terminate()),
    (
        b"F\0\0\0\x14\0\0\x05\x39\0\0\0\x01\0\0\0\x02hi\0\x01",
        m.FunctionCall(function=1337, arguments=(b"hi",), result_format=1),
    ),
]


@pytest.mark.parametrize(("raw", "message"), DOCUMENTED)
def test_client_messages_as_documented(raw: bytes, message: m.ClientMessage) -> None:
    assert len(Frames(limit=100).feed(raw)) == 1
    assert m.parse_client(raw) == message


ANSWERED = [
    (b"R\0\0\0\x08\0\0\0\0", m.AuthenticationOk()),
    (b"R\0\0\0\x0c\0\0\0\x05salt", m.AuthenticationMd5(salt=b"salt")),
    (
        b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0",
        m.AuthenticationSasl(mechanisms=("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")),
    ),
    (b"K\0\0\0\x0c\0\0\x30\x39key4", m.BackendKeyData(pid=12345, secret=b"key4")),
    (b"Z\0\0\0\x05T", m.ReadyForQuery(status=m.TransactionStatus.OPEN)),
    (b"S\0\0\0\x15TimeZone\0Etc/UTC\0", m.ParameterStatus(name="TimeZone", value="Etc/UTC")),
    (
        b"T\0\0\0\x21\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0",
        m.RowDescription(
            columns=(m.ColumnDescription(name="?column?", table=0, number=0, type=23, size=4, modifier=-1, format=0),)
        ),
    ),
    (b"D\0\0\0\x0f\0\x02\0\0\0\x011\xff\xff\xff\xff", m.DataRow(values=(b"1", None))),
    (b"C\0\0\0\x0dSELECT 1\0", m.CommandComplete(tag="SELECT 1")),
    (
        b"E\0\0\0\x20SERROR\0C42P01\0Mno such\0P15\0\0",
        m.ErrorResponse(fields={"S": "ERROR", "C": "42P01", "M": "no such", "P": "15"}),
    ),
    (b"G\0\0\0\x0b\0\0\x02\0\0\0\0", m.CopyResponse(format=0, formats=(0, 0))),
    (b"A\0\0\0\x0e\0\0\0\x07news\0\0", m.NotificationResponse(pid=7, channel="news", payload="")),
    (b"n\0\0\0\x04", m.Marker(kind=m.NO_DATA)),
    # What PostgreSQL 18 really sends for version 3.9999 and an unknown option.
    (
        b"v\0\0\0\x14\0\x03\0\x02\0\0\0\x01_pq_.no\0",
        m.NegotiateProtocolVersion(version=(3, 2), unknown=("_pq_.no",)),
    ),
]


@pytest.mark.parametrize(("raw", "message"), ANSWERED)
def test_server_messages_as_documented(raw: bytes, message: m.ServerMessage) -> None:
    assert len(Frames(limit=100).feed(raw)) == 1
    assert m.parse_server(raw) == message


@pytest.mark.parametrize("raw", [b"", b"Q", m.build_sync() * 2, m.build_data_row([b"x" * 9])[:9]])
def test_a_part_or_several_are_not_one_message(raw: bytes) -> None:
    with pytest.raises(m.ClientViolation):
        m.parse_client(raw)
    with pytest.raises(m.ServerViolation):
        m.parse_server(raw)


def test_a_merged_slice_is_not_one_message() -> None:
    slice_ = m.build_copy_data(b"1\n") * 2
    with pytest.raises(m.ClientViolation, match="not one whole message"):
        m.parse_client(slice_)
    with pytest.raises(m.ServerViolation, match="not one whole message"):
        m.parse_server(slice_)


def test_an_error_says_everything_a_denial_needs() -> None:
    built = m.build_error("ERROR", "42501", "no", detail="policy x", hint="ask", position=8)
    fields = m.parse_error(built).fields
    assert fields == {"S": "ERROR", "V": "ERROR", "C": "42501", "M": "no", "D": "policy x", "H": "ask", "P": "8"}


def test_a_notice_leaves_out_what_is_not_given() -> None:
    assert set(m.parse_notice(m.build_notice("NOTICE", "00000", "hello")).fields) == set("SVCM")


@pytest.mark.parametrize(
    ("tag", "parsed"),
    [
        ("INSERT 0 5", ("INSERT", 5)),
        ("SELECT 100", ("SELECT", 100)),
        ("UPDATE 0", ("UPDATE", 0)),
        ("MERGE 7", ("MERGE", 7)),
        ("COPY 12", ("COPY", 12)),
        ("COPY", ("COPY", None)),
        ("BEGIN", ("BEGIN", None)),
        ("CREATE TABLE", ("CREATE TABLE", None)),
        ("REFRESH MATERIALIZED VIEW", ("REFRESH MATERIALIZED VIEW", None)),
        ("", ("", None)),
        ("SELECT ²", ("SELECT ²", None)),
    ],
)
def test_a_tag_tells_command_and_rows(tag: str, parsed: tuple[str, int | None]) -> None:
    assert m.parse_tag(tag) == parsed


def test_bind_reads_as_many_values_as_postgresql_does() -> None:
    """The documentation says Int16; the server and drivers count to 65535."""
    message = m.Bind(portal="", statement="", values=(b"",) * 65_535)
    assert m.parse_bind(m.build_bind(**arguments(message))) == message


def test_bind_refuses_formats_that_fit_no_values() -> None:
    with pytest.raises(m.ClientViolation, match="2 formats for 1 values"):
        m.parse_bind(m.build_bind("", "", [b"1"], [0, 1]))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"Q\0\0\0\x0cselect 1", "a text has no end"),
        (b"Q\0\0\0\x0eselect 1\0\0", "1 bytes follow the last field"),
        (b"D\0\0\0\x06X\0", "neither a statement nor a portal"),
        (b"B\0\0\0\x10\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0", "impossible length -2"),
        (b"B\0\0\0\x10\0\0\0\0\0\x01\0\0\0\x09\0\0", "ends behind its message"),
        (b"?\0\0\0\x04", "no message of a client has the type"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do(raw: bytes, reason: str) -> None:
    with pytest.raises(m.ClientViolation, match=f"{reason}.*reconnect") as caught:
        m.parse_client(raw)
    assert (caught.value.sqlstate, caught.value.recoverable) == ("08P01", False)


@pytest.mark.parametrize("length", [3, 257])
def test_a_cancel_key_of_an_impossible_length_is_the_servers_fault(length: int) -> None:
    with pytest.raises(m.ServerViolation, match=f"{length} bytes instead of 4 to 256"):
        m.parse_server(m.build_backend_key_data(1, bytes(length)))


def test_a_client_that_is_not_utf8_can_go_on() -> None:
    with pytest.raises(m.NotText, match="UTF-8 at byte 0") as caught:
        m.parse_query(b"Q\0\0\0\x06\xff\0")
    assert (caught.value.sqlstate, caught.value.recoverable) == ("22021", True)


def test_a_server_that_is_not_utf8_can_be_read() -> None:
    raw = frame(m.ERROR_RESPONSE, b"SERROR\0M\xff\0\0")
    assert m.parse_error(raw).fields == {"S": "ERROR", "M": "\N{REPLACEMENT CHARACTER}"}


def test_no_text_with_nul_is_written() -> None:
    for build in (m.build_query, m.build_copy_fail, m.build_password, m.build_command_complete):
        with pytest.raises(OurFault, match="NUL"):
            build("select 1\0; drop table x")


def test_secrets_do_not_show() -> None:
    shown = repr(
        [
            m.parse_authentication_answer(m.build_password("hunter2")),
            m.parse_password(m.build_password("hunter2")),
            m.parse_sasl_initial(m.build_sasl_initial("OAUTHBEARER", b"hunter2")),
            m.parse_sasl_response(m.build_sasl_response(b"hunter2")),
            m.parse_backend_key_data(m.build_backend_key_data(1, b"hunter2")),
        ]
    )
    assert "hunter2" not in shown

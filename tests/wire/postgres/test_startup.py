import pytest
from hypothesis import given, strategies as st

from interlock.model.faults import OurFault
from interlock.wire.postgres import startup as s
from interlock.wire.postgres.messages import (
    ClientViolation,
    NegotiateProtocolVersion,
    ServerViolation,
    UnsupportedProtocol,
    parse_server,
)
from tests.wire.postgres.strategies import int32, secrets, text

names = text.filter(bool)
versions = st.tuples(st.just(3), st.integers(0, 65_535))


def test_a_start_up_packet_as_documented() -> None:
    raw = b"\0\0\0\x20\0\x03\0\0user\0ada\0database\0shop\0\0"
    assert s.parse_first(raw) == s.Startup(version=(3, 0), parameters={"user": "ada", "database": "shop"}, size=32)


@pytest.mark.parametrize(
    ("raw", "packet"),
    [
        (b"\0\0\0\x08\x04\xd2\x16\x2f", s.SslRequest()),
        (b"\0\0\0\x08\x04\xd2\x16\x30", s.GssRequest()),
        (b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\x30\x39key4", s.CancelRequest(pid=12345, secret=b"key4")),
    ],
)
def test_special_requests_as_documented(raw: bytes, packet: s.FirstPacket) -> None:
    assert s.parse_first(raw) == packet
    assert packet.size == len(raw)


def test_requests_are_built_as_they_are_read() -> None:
    assert s.parse_first(s.build_ssl_request()) == s.SslRequest()
    assert s.parse_first(s.build_gss_request()) == s.GssRequest()


@given(parameters=st.dictionaries(names, text, max_size=5), version=versions, behind=st.binary(max_size=20))
def test_what_is_built_is_read_back(parameters: dict[str, str], version: s.Version, behind: bytes) -> None:
    raw = s.build_startup(parameters, version)
    assert s.parse_first(raw + behind) == s.Startup(version=version, parameters=parameters, size=len(raw))
    assert [s.parse_first(raw[:size]) for size in range(len(raw))] == [None] * len(raw)


@given(pid=int32, secret=secrets)
def test_cancel_keys_of_any_length_are_read_back(pid: int, secret: bytes) -> None:
    packet = s.parse_first(s.build_cancel_request(pid, secret))
    assert packet == s.CancelRequest(pid=pid, secret=secret)
    assert repr(packet) == f"CancelRequest(pid={pid}, secret=<secret>)"


@pytest.mark.parametrize("length", [3, 257])
def test_cancel_keys_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ClientViolation, match=f"{length} bytes instead of 4 to 256"):
        s.parse_first(s.build_cancel_request(1, bytes(length)))


def test_direct_tls_is_seen_at_its_first_byte() -> None:
    assert s.parse_first(b"\x16") == s.DirectTls()


@pytest.mark.parametrize("raw", [b"GET / HTTP/1.1", b"\0\0\0\x07", b"\xff\xff\xff\xff", b"\0\0\x27\x11", b"SSH-2.0-x"])
def test_other_protocols_are_refused_at_their_first_bytes(raw: bytes) -> None:
    with pytest.raises(ClientViolation, match="not PostgreSQL's"):
        s.parse_first(raw)


@pytest.mark.parametrize("code", [b"\0\x02\0\0", b"\0\x04\0\0", b"\x04\xd2\x16\x31"])
def test_only_version_3_is_spoken(code: bytes) -> None:
    with pytest.raises(UnsupportedProtocol) as caught:
        s.parse_first(b"\0\0\0\x08" + code)
    assert caught.value.sqlstate == "0A000"


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (b"user\0ada\0user\0eve\0\0", "given twice"),
        (b"user\0ada\0", "has no end"),
        (b"user\0ada", "has no end"),
        (b"user\0\0", "has no end"),
        (b"", "has no end"),
        (b"user\0ada\0\0x", "bytes follow"),
        (b"user\0\xff\0\0", "not UTF-8"),
    ],
)
def test_malformed_parameters_are_refused(pairs: bytes, reason: str) -> None:
    with pytest.raises(ClientViolation, match=reason):
        s.parse_first((8 + len(pairs)).to_bytes(4) + b"\0\x03\0\0" + pairs)


def test_no_parameter_with_nul_is_written() -> None:
    with pytest.raises(OurFault, match="NUL"):
        s.build_startup({"user": "ada\0database\0other"})


@given(raw=st.binary(max_size=60))
def test_garbage_is_a_packet_or_the_clients_fault(raw: bytes) -> None:
    for prefix in (b"", (8 + len(raw)).to_bytes(4) + b"\0\x03\0\0"):
        try:
            s.parse_first(prefix + raw)
        except ClientViolation:
            continue


@pytest.mark.parametrize("version", [(3, 0), (3, 1), (3, 2)])
def test_a_version_we_speak_needs_no_answer(version: s.Version) -> None:
    startup = s.Startup(version=version, parameters={"user": "ada"}, size=0)
    assert s.agree(startup) == s.Agreement(version=version, answer=b"")


def test_a_newer_version_and_unknown_options_are_negotiated() -> None:
    startup = s.Startup(version=(3, 9999), parameters={"user": "ada", "_pq_.x": "1", "_pq_.y": "1"}, size=0)
    agreement = s.agree(startup, known=frozenset({"_pq_.y"}))
    assert agreement.version == (3, 2)
    assert parse_server(agreement.answer) == NegotiateProtocolVersion(version=(3, 2), unknown=("_pq_.x",))


def test_an_unknown_option_alone_is_negotiated_too() -> None:
    agreement = s.agree(s.Startup(version=(3, 0), parameters={"_pq_.x": "1"}, size=0))
    assert parse_server(agreement.answer) == NegotiateProtocolVersion(version=(3, 0), unknown=("_pq_.x",))


def test_the_answer_to_a_tls_request_is_one_byte() -> None:
    assert s.parse_ssl_answer(b"S")
    assert not s.parse_ssl_answer(b"N")


@pytest.mark.parametrize("raw", [b"", b"E", b"SE\0\0\0\x04", b"NZ"])
def test_any_other_answer_to_a_tls_request_is_refused(raw: bytes) -> None:
    with pytest.raises(ServerViolation, match="neither yes nor no"):
        s.parse_ssl_answer(raw)

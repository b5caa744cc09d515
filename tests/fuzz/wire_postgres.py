"""Any bytes are messages or the peer's fault, however they are cut; and every message is built back to its bytes.

`python -m tests.fuzz.wire_postgres -max_total_time=3600 <folder>` searches guided by coverage (docs/fuzzing.md). The
first byte of an input chooses how to cut, the rest is what a peer sends.
tests/fuzz/test_wire_postgres.py runs the same target over the seeds and over random bytes.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from random import Random

from msgspec import Struct

from interlock.wire.postgres import messages as m, startup
from interlock.wire.postgres.codec import Frame, Frames
from interlock.wire.postgres.fields import frame
from interlock.wire.postgres.states import Conversation, Phase
from tests.fuzz.guided import search
from tests.wire.postgres.answering import Answers
from tests.wire.postgres.strategies import CLIENT, SERVER, arguments

SEEDS = Path(__file__).parent / "corpus" / "wire_postgres"
LIMIT = 100_000
KINDS = sorted({*m.CLIENT_NAMES, *m.SERVER_NAMES})
BUILDERS = {
    **{name: build for name, (_, build, _) in {**CLIENT, **SERVER}.items()},
    "Password": m.build_password,
    "SaslInitial": m.build_sasl_initial,
    "SaslResponse": m.build_sasl_response,
}
READERS: tuple[tuple[Callable[[bytes], Struct], type[m.ProtocolViolation]], ...] = (
    (m.parse_client, m.ClientViolation),
    (m.parse_server, m.ServerViolation),
    (m.parse_password, m.ClientViolation),
    (m.parse_sasl_initial, m.ClientViolation),
    (m.parse_sasl_response, m.ClientViolation),
)
# Servers with SQL_ASCII send any bytes, and the fields of an error have no order.
LOSSY = (m.ParameterStatus, m.NotificationResponse, m.RowDescription, m.ErrorResponse, m.NoticeResponse)


def one_input(data: bytes) -> None:
    """Nothing but ProtocolViolation may come of any bytes, and how they are cut may not matter."""
    if not data:
        return
    first, stream = data[0], data[1:]
    read_first_packet(stream)
    for merge, blame in ((m.MERGED_FROM_CLIENT, m.ClientViolation), (m.MERGED_FROM_SERVER, m.ServerViolation)):
        whole = cut_frames([stream], merge, blame)
        small = cut_frames(chunks(stream, 1 + first % 23), merge, blame)
        if whole is None:
            assert small is None, "the same bytes are refused in one piece and taken in several"
            continue
        assert small is not None, "the same bytes are taken in one piece and refused in several"
        assert total(whole) == total(small), "frames depend on how the bytes were cut"
        read_messages(whole)
    walk(stream)


def read_first_packet(stream: bytes) -> None:
    try:
        packet = startup.parse_first(stream)
        if isinstance(packet, startup.Startup):
            assert startup.build_startup(packet.parameters, packet.version) == stream[: packet.size]
            startup.agree(packet)
        if isinstance(packet, startup.CancelRequest):
            assert startup.build_cancel_request(packet.pid, packet.secret) == stream[: packet.size]
    except m.ClientViolation:
        return


def chunks(stream: bytes, size: int) -> list[bytes]:
    places = [*range(0, len(stream), size), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(places)]


def cut_frames(
    pieces: list[bytes], merge: frozenset[int], blame: type[m.ProtocolViolation]
) -> tuple[list[Frame], int] | None:
    frames = Frames(limit=LIMIT, merge=merge, blame=blame)
    found: list[Frame] = []
    try:
        for piece in pieces:
            found += frames.feed(piece)
            assert frames.held <= LIMIT
    except blame:
        return None
    return found, frames.held


def total(cut: tuple[list[Frame], int]) -> tuple[bytes, int, list[int], int]:
    found, held = cut
    kinds = [kind for kind, _, count in found for _ in range(count)]
    return b"".join(data for _, data, _ in found), sum(count for _, _, count in found), kinds, held


def read_messages(cut: tuple[list[Frame], int]) -> None:
    for _, data, _ in cut[0]:
        for read, blame in READERS if data[0] == m.AUTHENTICATION_ANSWER else READERS[:2]:
            try:
                rebuild(read, data)
            except blame:
                continue


def rebuild(read: Callable[[bytes], Struct], data: bytes) -> None:
    """What was read is built back to the same bytes; where bytes were replaced as it was read, to the same message."""
    message = read(data)
    match message:
        case m.AuthenticationAnswer():
            assert m.build_sasl_response(message.body) == data
            return
        case m.Marker() | m.CopyResponse():
            name = m.SERVER_NAMES[data[0]]
        case m.CommandComplete():
            m.parse_tag(message.tag)
            name = "CommandComplete"
        case _:
            name = type(message).__name__
    built = BUILDERS[name](**arguments(message))
    if built != data:
        assert isinstance(message, LOSSY), f"{message} is built as other bytes than it was read from"
        assert read(built) == message, f"{message} is built as another message"


def walk(stream: bytes) -> None:
    """Bytes as an order of messages: even ones from the client, odd ones from the server."""
    conversation, answers = Conversation(Phase.READY), Answers[int]()
    for kind in stream[:200]:
        with suppress(m.ClientViolation):
            conversation.client(kind)
            answers.expect(kind, kind)
        with suppress(m.ServerViolation):
            answers.take(kind ^ 1)


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """Half of the time put a message of the protocol behind another, or change one and keep its length honest."""
    import atheris

    random = Random(seed)
    if random.random() < 0.5:
        return bytes(atheris.Mutate(data, size))
    pieces = frames_of(data[1:])
    at = random.randrange(len(pieces) + 1)
    kind = random.choice(KINDS)
    body = random.choice(pieces)[5:] if pieces and random.random() < 0.7 else b""
    body = bytes(atheris.Mutate(body or b"\0", 200)) if random.random() < 0.8 else body
    pieces[at : at + random.randrange(2)] = [frame(kind, body)]
    return (data[:1] + b"".join(pieces))[:size]


def frames_of(stream: bytes) -> list[bytes]:
    """As many whole frames as there are, and what is left."""
    found = []
    while len(stream) > 5 and 4 <= (size := int.from_bytes(stream[1:5])) < len(stream):
        found.append(stream[: size + 1])
        stream = stream[size + 1 :]
    return [*found, stream] if stream else found


if __name__ == "__main__":
    search(one_input, mutate, str(SEEDS))

"""The fuzz target of the PostgreSQL wire: python tests/fuzz/wire_postgres.py -max_total_time=60 [more corpus folders]

Needs `pip install atheris`. The first byte of an input chooses how to cut, the rest is what a peer sends.
tests/fuzz/test_wire_postgres.py runs the same target over the seeds and over random bytes.
"""

import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from interlock.wire.postgres import messages as m, startup
from interlock.wire.postgres.codec import Frame, Frames
from interlock.wire.postgres.states import Conversation, Phase
from tests.wire.postgres.answering import Answers

SEEDS = Path(__file__).parent / "corpus" / "wire_postgres"
LIMIT = 100_000


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
        for read, blame in (
            (m.parse_client, m.ClientViolation),
            (m.parse_server, m.ServerViolation),
            (m.parse_password, m.ClientViolation),
            (m.parse_sasl_initial, m.ClientViolation),
        ):
            try:
                rebuild(read(data), data)
            except blame:
                continue


def rebuild(message: object, data: bytes) -> None:
    """What carries text to be judged is built back to the same bytes."""
    match message:
        case m.Query():
            assert m.build_query(message.text) == data
        case m.Parse():
            assert m.build_parse(message.statement, message.text, message.types) == data
        case m.Bind():
            built = m.build_bind(
                message.portal, message.statement, message.values, message.formats, message.result_formats
            )
            assert built == data
        case m.FunctionCall():
            built = m.build_function_call(message.function, message.arguments, message.formats, message.result_format)
            assert built == data
        case m.DataRow():
            assert m.build_data_row(message.values) == data
        case m.CommandComplete():
            m.parse_tag(message.tag)


def walk(stream: bytes) -> None:
    """Bytes as an order of messages: even ones from the client, odd ones from the server."""
    conversation, answers = Conversation(Phase.READY), Answers[int]()
    for kind in stream[:200]:
        with suppress(m.ClientViolation):
            conversation.client(kind)
            answers.expect(kind, kind)
        with suppress(m.ServerViolation):
            answers.take(kind ^ 1)


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup([*sys.argv, str(SEEDS)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

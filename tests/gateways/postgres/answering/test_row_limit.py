"""A row limit against rows of every size: what is behind it stays there, in whatever pieces it comes."""

import pytest

from interlock.wire.postgres import kinds
from interlock.wire.postgres.codec import SMALL, Frames
from interlock.wire.postgres.messages import build_data_row
from tests.gateways.postgres.stage import BOUND, COLUMNS, IDLE, PARSED, Stage, done, query

LIMIT = 2  # rows that the stage's policy gives of customers
SECRET = b"SECRET" * 10_000
ROWS = [build_data_row([text]) for text in (b"first", b"second", SECRET, b"behind")]
LARGE_BEFORE = [build_data_row([b"first"]), build_data_row([b"second" * 10_000]), *ROWS[2:]]


def delivered(pieces: list[bytes]) -> list[tuple[int, bytes]]:
    """What a client whose answer is limited gets, frame by frame, when the target's bytes come in these pieces."""
    stage = Stage()
    stage.client(query("SELECT name FROM customers"))
    stage.relay.feed([(frame[0], frame, 1) for frame in (PARSED, BOUND, COLUMNS)])
    server = Frames(limit=1 << 20, merge=kinds.MERGED_FROM_SERVER)
    client = Frames(limit=1 << 20)
    heard: list[tuple[int, bytes]] = []
    for piece in pieces:
        heard += [(kind, frame) for kind, frame, _ in client.feed(stage.relay.feed(server.feed(piece)))]
    assert client.between, "the client is left in the middle of a frame"
    return heard


def cuts(data: bytes) -> list[list[bytes]]:
    """The same bytes in two pieces: cut where headers are, before and behind SMALL, and in the middle of everything."""
    starts, at = [0], 0
    while at < len(data):
        at += 1 + int.from_bytes(data[at + 1 : at + 5])
        starts.append(at)
    near = {start + offset for start in starts for offset in (-1, 0, 1, 4, 5, 6, SMALL, SMALL + 6, SMALL + 100)}
    places = sorted(place for place in near if 0 < place < len(data))
    return [[data[:place], data[place:]] for place in places]


@pytest.mark.parametrize("rows", [ROWS, LARGE_BEFORE], ids=["large behind", "large before and behind"])
def test_nothing_behind_the_limit_is_delivered(rows: list[bytes]) -> None:
    data = b"".join(rows) + done("SELECT 4") + IDLE
    for pieces in [[data], *cuts(data), [data[at : at + 5_000] for at in range(0, len(data), 5_000)]]:
        heard = delivered(pieces)
        assert [frame for kind, frame in heard if kind == kinds.DATA_ROW] == rows[:LIMIT], [len(p) for p in pieces]
        assert [kind for kind, _ in heard[LIMIT:]] == [kinds.ERROR_RESPONSE, kinds.READY_FOR_QUERY]
        assert SECRET[:6] not in b"".join(frame for _, frame in heard)


def test_all_rows_up_to_the_limit_are_delivered() -> None:
    rows = LARGE_BEFORE[:LIMIT]
    data = b"".join(rows) + done("SELECT 2") + IDLE
    for pieces in [[data], *cuts(data)]:
        assert b"".join(frame for _, frame in delivered(pieces)) == data

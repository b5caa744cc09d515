"""CPU microseconds per message of the PostgreSQL wire, best of five rounds: python3 dev.py bench wire"""

from collections.abc import Callable
from functools import partial
from time import process_time
from timeit import repeat

from interlock.wire.postgres import messages as m
from interlock.wire.postgres.codec import Frames
from interlock.wire.postgres.states import Conversation, Phase

ROWS = 1_000_000
CHUNK = 65_536
GROUP = (
    m.build_parse("", "SELECT * FROM orders WHERE id = $1", (23,)),
    m.build_bind("", "", (b"\0\0\0*",), (1,), (0,)),
    m.build_describe(m.Part.PORTAL, ""),
    m.build_execute(""),
    m.build_sync(),
)
QUERY = m.build_query("SELECT * FROM orders WHERE id = 42")


def microseconds(work: Callable[[], object], times: int, messages: int = 1) -> float:
    return min(repeat(work, timer=process_time, number=times, repeat=5)) / times / messages * 1e6


def cut_rows(stream: bytes) -> None:
    frames = Frames(limit=1_000_000, merge=m.MERGED_FROM_SERVER, blame=m.ServerViolation)
    starts = range(0, len(stream), CHUNK)
    rows = sum(count for start in starts for _, _, count in frames.feed(stream[start : start + CHUNK]))
    assert rows == ROWS


def main() -> None:
    rows = b"".join(m.build_data_row([b"%d" % number, b"customer %d" % number]) for number in range(ROWS))
    frames = Frames(limit=1_000_000, merge=m.MERGED_FROM_CLIENT)
    conversation = Conversation(Phase.READY)
    group = b"".join(GROUP)
    figures = {
        "frame alone in its chunk": microseconds(lambda: frames.feed(QUERY), 100_000),
        "frame of a pipelined group": microseconds(lambda: frames.feed(group), 50_000, len(GROUP)),
        f"row of {ROWS:,} in chunks of {CHUNK}": microseconds(lambda: cut_rows(rows), 1, ROWS),
        "order of the protocol": microseconds(lambda: conversation.client(m.SYNC), 100_000),
        "read Query": microseconds(lambda: m.parse_client(QUERY), 50_000),
        **{f"read {m.CLIENT_NAMES[raw[0]]}": microseconds(partial(m.parse_client, raw), 50_000) for raw in GROUP},
        "write Parse": microseconds(lambda: m.build_parse("", "SELECT * FROM orders WHERE id = $1", (23,)), 50_000),
        "write Bind": microseconds(lambda: m.build_bind("", "", (b"\0\0\0*",), (1,), (0,)), 50_000),
        "write a denial": microseconds(lambda: m.build_error("ERROR", "42501", "denied", "why", "instead"), 50_000),
    }
    for name, figure in figures.items():
        print(f"{name:38} {figure:6.3f} us")


if __name__ == "__main__":
    main()
